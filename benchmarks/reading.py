"""What reading costs: queries of a lake of a year, on a disk and in an object store, and the report of a large fleet.

Here: which questions are asked, and the tables. Not here: the lakes (``lakes.py``, ``compliance_inputs.py``), the
object store (``counted_store.py``).
"""

import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from defender_assets.catalog.derived.fleet import FLEET_SUMMARY
from defender_assets.lake import Lake
from defender_assets.queries import query
from defender_assets.report.publishing import newest_report

from . import compliance_inputs
from .counted_store import PROTOCOL, CountedStore
from .lakes import DAYS_OF_A_YEAR, link_to_day, made_once, of_many_days, refreshed
from .measure import PROGRAM, Command, in_turn, say
from .suites import Options
from .tables import Table

MACHINES = 10_000
_REPORTED_MACHINES = 100_000
_TREND_DAYS = 90
_LATENCY_SECONDS = 0.03

_NEWEST = "the newest day: devices by platform"
_ONE_DAY = "one day of the year: its findings"
_SUMMARY = "trend over all days: a number of the summary"
_MACHINES = "trend over all days: devices"
_FINDINGS = "trend over all days: findings by severity"
QUESTIONS = {
    _NEWEST: "SELECT os_platform, count(*) FROM machines GROUP BY 1",
    _ONE_DAY: "SELECT count(*) FROM software_vulnerabilities_history WHERE snapshot_date = DATE '{day}'",
    _SUMMARY: "SELECT snapshot_date, eligible, overdue_findings FROM fleet_summary_history ORDER BY 1",
    _MACHINES: "SELECT snapshot_date, count(*) FROM machines_history GROUP BY 1 ORDER BY 1",
    _FINDINGS: "SELECT snapshot_date, vulnerability_severity_level, count(*) FROM software_vulnerabilities_history "
    "GROUP BY 1, 2 ORDER BY 1, 2",
}


def tables(options: Options) -> Iterator[Table]:
    one_day = refreshed(options.folder, MACHINES)
    year = of_many_days(one_day)
    yield _queries(one_day, year, options.times)
    yield _requests(one_day, year)
    yield _report(_reported_lake(options.folder), options.times)


def _questions(lake: Path) -> dict[str, str]:
    newest = Lake(lake).newest("machines")
    assert newest is not None
    return {name: sql.format(day=newest - timedelta(days=180)) for name, sql in QUESTIONS.items()}


def _queries(one_day: Path, year: Path, times: int) -> Table:
    commands: dict[str, Command] = {}
    for lake in (one_day, year):
        environment = {"DEFENDER_LAKE": str(lake)}
        commands[f"{lake} list"] = Command([PROGRAM, "tables"], environment)
        commands[f"{lake} names"] = Command([PROGRAM, "query", "SHOW TABLES"], environment)
        for name, sql in _questions(lake).items():
            commands[f"{lake} {name}"] = Command([PROGRAM, "query", sql], environment)
    measured = in_turn(commands, times=times)
    names = {"list": "`defender-assets tables`", "names": "`SHOW TABLES`"} | {name: name for name in QUESTIONS}
    rows = []
    for key, name in names.items():
        day, whole = measured[f"{one_day} {key}"], measured[f"{year} {key}"]
        seconds = [f"{figure:.2f}" for figure in (day.wall, whole.wall, day.cpu, whole.cpu)]
        rows.append([name, *seconds, f"{whole.mib:,.0f}"])
    return Table(
        f"Questions to a lake of a day and of {DAYS_OF_A_YEAR} days",
        ["question", "a day: s", "a year: s", "a day: CPU s", "a year: CPU s", "a year: MiB"],
        rows,
        f"`defender-assets query`, each time a process of its own; {MACHINES:,} devices, all tables "
        f"({sum(1 for _ in year.rglob('*.parquet')):,} files; every day has the same content, and files are in the "
        "page cache).",
    )


def _requests(one_day: Path, year: Path) -> Table:
    rows = []
    for name, sql in _questions(year).items():
        day, whole = (_asked(lake, sql) for lake in (one_day, year))
        rows.append([name, f"{day[0]:,}", f"{whole[0]:,}", f"{whole[1]:.1f}"])
    return Table(
        "Requests to an object store",
        ["question", "a day", "a year", f"a year, {_LATENCY_SECONDS * 1000:.0f} ms each: s"],
        rows,
        "The same lake behind a file system that counts: listings (a thousand names each) and ranges of bytes.",
    )


def _asked(lake: Path, sql: str) -> tuple[int, float]:
    """Requests, and seconds within this process."""
    CountedStore.requests.clear()
    CountedStore.latency = _LATENCY_SECONDS
    started = time.perf_counter()
    query(Lake(f"{PROTOCOL}://{lake}"), sql).read_all()
    say(f"  {sql[:60]}: {dict(CountedStore.requests)}")
    return CountedStore.requests.total(), time.perf_counter() - started


def _reported_lake(folder: Path) -> Path:
    """A lake of so many machines with its derived tables, and summaries of the days before."""
    rows = _REPORTED_MACHINES * compliance_inputs.PER_MACHINE
    root = folder / f"report_{_REPORTED_MACHINES}"
    with made_once(root) as unfinished:
        if unfinished is not None:
            say(f"  computing the tables of {_REPORTED_MACHINES:,} machines")
            for table, file in compliance_inputs.input_files(compliance_inputs.generated(folder, rows)).items():
                link_to_day(file, unfinished, table, compliance_inputs.DAY)
            _refreshing(unfinished, "tag:days=derived").run()
            _add_former_summaries(Lake(unfinished), compliance_inputs.DAY)
    return root


def _refreshing(lake: Path, selection: str) -> Command:
    arguments = [PROGRAM, "refresh", "--select", selection, "--date", str(compliance_inputs.DAY)]
    return Command(arguments, {"DEFENDER_LAKE": str(lake)})


def _add_former_summaries(lake: Lake, day: date) -> None:
    summary = lake.read(FLEET_SUMMARY.name, day)
    facts = lake.metadata(FLEET_SUMMARY.name, day)
    as_of = summary["as_of"][0].as_py()
    place = summary.schema.get_field_index("as_of")
    for back in range(1, _TREND_DAYS + 1):
        moved = pa.array([as_of - timedelta(days=back)], summary.schema.field("as_of").type)
        with lake.writing(FLEET_SUMMARY, day - timedelta(days=back), facts) as partition:
            partition.write(summary.set_column(place, summary.schema.field("as_of"), moved))
            partition.publish()


def _report(lake: Path, times: int) -> Table:
    alone = Command([sys.executable, "-m", "benchmarks.one_report", str(lake), str(compliance_inputs.DAY)])
    measured = in_turn({"the page alone": alone, "as a refresh": _refreshing(lake, "compliance_report")}, times=times)
    findings = Lake(lake).rows("patch_findings", compliance_inputs.DAY)
    page = newest_report(Lake(lake))
    assert page is not None
    return Table(
        f"The report of {_REPORTED_MACHINES:,} devices",
        ["", "s", "CPU s", "MiB"],
        [[name, f"{found.wall:.1f}", f"{found.cpu:.1f}", f"{found.mib:,.0f}"] for name, found in measured.items()],
        f"{findings:,} findings, the trend of {_TREND_DAYS} days. The page has {Path(page).stat().st_size / 1000:,.0f} "
        f"KB. `as a refresh` is `defender-assets refresh --select compliance_report`, start of Dagster included.",
        notes=[f"by part, in seconds: {measured['the page alone'].output.strip()}"],
    )
