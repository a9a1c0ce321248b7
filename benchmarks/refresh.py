"""A whole refresh of a simulated tenant of 10,000 machines, beside its largest dataset; and where its seconds go.

Here: ``defender-assets refresh`` as a user runs it, whole and of each large dataset alone, and a whole one whose tables
are timed. Not here: peers and floors (``ingest.py``), the derived tables by themselves (``compliance.py``).

    python -m benchmarks.refresh    refreshes, and prints what each table took as JSON
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from defender_assets.cli.refresh import refresh_tables
from defender_assets.demo.tenant import simulated_tenant
from defender_assets.orchestration.memory import give_memory_back
from defender_assets.refresh import PartitionOutcome, RefreshContext, TableRefresh

from .measure import PROGRAM, Command, Measured, in_turn, run, say
from .suites import Options
from .tables import Table

_MACHINES = 10_000
_LARGE = ("machine_users", "software_vulnerabilities", "software_vulnerability_changes", "software_inventory", "alerts")
_SHOWN = 0.3
"""Seconds; tables that take less are told together."""


def tables(options: Options) -> Iterator[Table]:
    """The whole refresh beside its datasets, then its seconds by table."""
    with simulated_tenant(_MACHINES, prepare_exports=True) as tenant, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The simulated tenant makes up its rows when it is first asked for them; that is no time of the client's.
        settings = {**tenant.settings, "DEFENDER_BUDGET_FILE": str(folder / "budget.sqlite")}
        warm = {**settings, "DEFENDER_LAKE": str(folder / "lake")}
        say("  (a refresh that is not counted)")
        run([PROGRAM, "refresh"], warm)
        first = [_first(settings, folder / str(number)) for number in range(options.times)]
        commands = {"whole": Command([PROGRAM, "refresh"], warm)}
        commands |= {dataset: Command([PROGRAM, "refresh", "--select", f"key:{dataset}"], warm) for dataset in _LARGE}
        yield _beside(
            sorted(first, key=lambda each: each.wall)[len(first) // 2], in_turn(commands, times=options.times)
        )
        yield _by_table(json.loads(run([sys.executable, "-m", "benchmarks.refresh"], warm).output.splitlines()[-1]))


def _first(settings: dict[str, str], folder: Path) -> Measured:
    measured = run([PROGRAM, "refresh"], {**settings, "DEFENDER_LAKE": str(folder)})
    say(f"  whole, into an empty lake: {measured.wall:.1f} s, {measured.cpu:.1f} CPU s, {measured.mib:,.0f} MiB")
    return measured


def _beside(first: Measured, daily: dict[str, Measured]) -> Table:
    largest = max(_LARGE, key=lambda name: daily[name].wall)
    rows = [
        ("everything, into an empty lake", first),
        ("everything, each day", daily["whole"]),
        *((f"`{name}` alone", daily[name]) for name in sorted(_LARGE, key=lambda name: -daily[name].wall)),
    ]
    return Table(
        f"A whole refresh of {_MACHINES:,} machines",
        ("refresh", "wall s", "CPU s", "peak MiB", f"wall ÷ `{largest}`"),
        [
            (
                name,
                f"{measured.wall:.1f}",
                f"{measured.cpu:.1f}",
                f"{measured.mib:,.0f}",
                f"{measured.wall / daily[largest].wall:.1f}",
            )
            for name, measured in rows
        ],
        "`defender-assets refresh` from start to end, Dagster's start included, against the simulated tenant (a "
        "process of its own on the same cores, which has made up its rows before). A dataset alone is the same command "
        "with `--select`.",
    )


def _by_table(taken: list[tuple[str, float, float]]) -> Table:
    shown = sorted((each for each in taken if each[2] >= _SHOWN), key=lambda each: each[1])
    others = [each for each in taken if each[2] < _SHOWN]
    rows = [(f"`{name}`", f"{start:.1f}", f"{seconds:.1f}") for name, start, seconds in shown]
    rows.append((f"{len(others)} others", "", f"{sum(seconds for *_, seconds in others):.1f}"))
    return Table(
        "The tables of a whole refresh, each day",
        ("table", "begins after s", "takes s"),
        rows,
        "Fetched tables overlap, so the seconds of a table contain waiting for the processor.",
    )


def _timed(taken: list[tuple[str, float, float]]) -> None:
    """Has every refresh of a table in this process add its name, its start from now on and its seconds."""
    refresh, began = TableRefresh.refresh, time.perf_counter()

    def timed(table: TableRefresh, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        started = time.perf_counter()
        try:
            return refresh(table, days, context)
        finally:
            taken.append((table.name, started - began, time.perf_counter() - started))

    TableRefresh.refresh = timed  # type: ignore[method-assign]


def main() -> int:
    taken: list[tuple[str, float, float]] = []
    _timed(taken)
    give_memory_back()
    succeeded = refresh_tables()
    print(json.dumps(taken))
    return 0 if succeeded else os.EX_SOFTWARE


if __name__ == "__main__":
    sys.exit(main())
