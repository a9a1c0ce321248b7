"""A lake of an earlier version under this one, and a lake of this version under the one before."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import defender_assets
from defender_assets.catalog import DATASETS, DERIVED, REFERENCE, TABLES
from defender_assets.compliance import Policy
from defender_assets.lake import Lake
from defender_assets.queries import QueryError, UnknownTable, query
from defender_assets.queries.questions import questions
from defender_assets.report import publish_report

from ..cli.program import invoke
from ..report.days import judge
from ..report.fleet import DAY, Fleet, reported
from ..report.pages import Page
from .kept import KeptVersion, kept_versions, run, unpack


@pytest.fixture(scope="module", params=kept_versions(), ids=str)
def former(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The lake that an earlier version left; tests that write copy it."""
    version: KeptVersion = request.param
    return Lake(shutil.copytree(version.lake, tmp_path_factory.mktemp("former") / "lake"))


IN_NEWER_SNAPSHOTS = "has it in newer snapshots: refresh the table"


def newest_day(lake: Lake) -> date:
    day = lake.newest("machines")
    assert day is not None
    return day


def test_every_table_of_an_earlier_version_is_read_and_what_it_lacks_is_said(former: Lake) -> None:
    for table in former.table_names():
        files = [pq.read_table(Path(former.root) / part.path) for part in former.current_parts(table)]
        read = former.read(table)
        assert read.num_rows == sum(file.num_rows for file in files)
        columns = ", ".join(f'"{name}"' for name in files[0].schema.names)
        assert query(former, f"SELECT {columns} FROM {table}").read_all().num_rows == read.num_rows
        # A column that is nowhere is not null, which would read as "none": it is not known yet.
        for name in sorted(set(TABLES[table].schema.names) - set(files[0].schema.names))[:1]:
            with pytest.raises(QueryError, match=f"{table} {IN_NEWER_SNAPSHOTS}"):
                query(former, f'SELECT "{name}" FROM {table}')


def next_day(lake: Lake, table: str, day: date) -> None:
    """The rows of the day before as this version writes them: with every column."""
    schema, rows = TABLES[table].schema, lake.read(table, day)
    columns = [
        rows[field.name].cast(field.type) if field.name in rows.schema.names else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    with lake.writing(TABLES[table], day + timedelta(days=1), {}) as partition:
        partition.write(pa.Table.from_arrays(columns, schema=schema))
        partition.publish()


def test_days_of_both_versions_are_one_history(former: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(shutil.copytree(former.root, tmp_path / "lake"))
    monkeypatch.setenv("DEFENDER_LAKE", lake.root)
    day = newest_day(lake)
    for table in ("machines", "device_identity", "patch_findings", "patch_compliance", "fleet_summary"):
        next_day(lake, table, day)
        columns = ", ".join(f'"{name}"' for name in TABLES[table].schema.names)
        both = query(lake, f"SELECT snapshot_date, {columns} FROM {table}_history").read_all()
        assert both.num_rows == 2 * lake.rows(table, day)
        frame = defender_assets.read(table, days=30)
        assert (len(frame), frame["snapshot_date"].nunique()) == (both.num_rows, 2)
    compared = invoke("diff")
    assert compared.exit_code == 0, compared.stderr
    assert "findings added: none" in compared.stdout
    assert invoke("diff", "--table", "machines").exit_code == 0


@pytest.mark.slow
def test_the_questions_are_answered_or_name_the_table_that_was_not_there(former: Lake) -> None:
    lacking = TABLES.keys() - former.table_names()
    refused = {}
    for question in questions().values():
        examples = {parameter.name: parameter.example for parameter in question.parameters}
        try:
            query(former, f"@{question.name}", parameters=examples).read_all()
        except QueryError as error:
            refused[question.name] = error
    assert len(questions()) - len(refused) > 20
    for error in refused.values():
        is_lacking = isinstance(error, UnknownTable) and error.table in lacking
        assert is_lacking or IN_NEWER_SNAPSHOTS in str(error)


@pytest.mark.slow
def test_a_day_of_an_earlier_version_is_judged_by_this_one(
    former: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(shutil.copytree(former.root, tmp_path / "lake"))
    monkeypatch.setenv("DEFENDER_LAKE", lake.root)
    day = newest_day(lake)
    before = Page(reported(lake, day).html)
    assert "Compliance report" in before.text  # of tables that the earlier version computed
    fetched = {name: lake.source(name, [day]) for name in (*DATASETS, *REFERENCE) if day in lake.dates(name)}
    judge(lake, day, fetched, Policy.load())
    assert lake.table_names() == sorted({*former.table_names(), *DERIVED})
    assert lake.rows("verdict_reasons", day) >= lake.rows("device_identity", day)
    assert Page(Path(publish_report(lake, day, reported(lake, day))).read_bytes()).sections["todo"]
    device = lake.read("devices", day)["device_id"][0].as_py()
    told = invoke("explain", device)
    assert told.exit_code == 0, told.stderr


@pytest.fixture(scope="module")
def package_before(tmp_path_factory: pytest.TempPathFactory) -> tuple[KeptVersion, Path]:
    version = kept_versions()[-1]
    return version, unpack(version.wheel, tmp_path_factory.mktemp("before"))


@pytest.mark.slow
def test_the_version_before_reads_and_judges_a_lake_of_this_one(
    package_before: tuple[KeptVersion, Path], tmp_path: Path
) -> None:
    """Given a lake of this version, when one goes back to the version before, then that one answers from every table
    that it knows, and computes its own anew from what this one fetched."""
    version, package = package_before
    lake = Lake(tmp_path / "lake")
    fleet = Fleet()
    for device in ("a", "b"):
        fleet.device(device)
        fleet.finding(device, "CVE-2026-0001", overdue=2)
    fleet.into(lake)

    listed = run(package, tmp_path / "lake", "tables", home=tmp_path)
    assert listed.returncode == 0, listed.stderr
    asked = []
    for table in sorted(lake.table_names()):
        for file in (version.lake / table).rglob("*.parquet"):
            columns = ", ".join(f'"{name}"' for name in pq.read_schema(file).names)
            asked.append(f"(SELECT count(*) FROM (SELECT {columns} FROM {table}_history)) AS {table}")
    answer = run(package, tmp_path / "lake", "query", f"SELECT {', '.join(dict.fromkeys(asked))}", home=tmp_path)
    assert answer.returncode == 0, answer.stderr

    settings = {
        "DEFENDER_TENANT_ID": "00000000-0000-0000-0000-000000000001",
        "DEFENDER_CLIENT_ID": "00000000-0000-0000-0000-000000000002",
        "DEFENDER_CLIENT_SECRET": "not used",
    }
    computed = "device_identity or key:patch_findings or key:patch_compliance or key:compliance_report"
    words = ("refresh", "--select", f"key:{computed}", "--date", str(DAY))
    judged = run(package, tmp_path / "lake", *words, home=tmp_path, **settings)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    verdicts = query(lake, "SELECT device_id, verdict, overdue_findings FROM patch_compliance ORDER BY 1").read_all()
    assert verdicts.to_pylist() == [
        {"device_id": device, "verdict": "noncompliant", "overdue_findings": 1} for device in ("a", "b")
    ]
