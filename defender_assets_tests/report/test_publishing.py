"""Where reports lie, and that readers of tables pass them over."""

import os
import stat
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import duckdb
import fsspec
import pyarrow.dataset as ds
import pytest

from defender_assets.lake import Lake
from defender_assets.queries import connect, query
from defender_assets.report import Report, newest_report, publish_report

from .days import OF_A_FORMER_DAY
from .fleet import DAY, NOON, Fleet, reported

PROGRAM = Path(sys.executable).with_name("defender-assets")


def a_fleet_in(lake: Lake) -> None:
    fleet = Fleet()
    fleet.device("a")
    fleet.finding("a", "CVE-2026-0001", overdue=1)
    fleet.into(lake)


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Report:
    lake = Lake(tmp_path_factory.mktemp("judged") / "lake")
    a_fleet_in(lake)
    return reported(lake)


def test_the_newest_of_several_is_found(lake, report):
    assert newest_report(lake) is None
    for day in (DAY, DAY - timedelta(days=3)):
        publish_report(lake, day, report)
    address = f"{lake.root}/compliance_report/tenant=default/snapshot_date={DAY}/report.html"
    assert newest_report(lake) == address
    assert Path(address).read_bytes() == report.html
    assert stat.S_IMODE(os.stat(address).st_mode) == 0o600
    assert newest_report(Lake(lake.root, "other")) is None


def test_publishing_again_replaces_it_and_leaves_nothing_else(lake, report):
    first = publish_report(lake, DAY, report)
    assert publish_report(lake, DAY, report) == first
    assert [path.name for path in Path(first).parent.iterdir()] == ["report.html"]
    assert not [path for path in Path(lake.root).iterdir() if path.name.startswith(".") and path.is_file()]


def test_readers_of_tables_pass_it_over(lake, report):
    a_fleet_in(lake)
    before = lake.tables()
    publish_report(lake, DAY, report)
    assert lake.tables() == before
    assert lake.dates("compliance_report") == []
    with connect(lake) as connection:
        views = {
            name for (name,) in connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        }
    assert "machines" in views
    assert not {name for name in views if name.startswith("compliance_report")}
    assert query(lake, "SELECT count(*) AS n FROM machines").read_all().to_pylist() == [{"n": 1}]
    globs = (f"{lake.root}/machines/**/*.parquet", f"{lake.root}/compliance_report/**/*.parquet")
    assert duckdb.sql(f"SELECT file FROM glob('{globs[1]}')").fetchall() == []
    assert duckdb.sql(f"SELECT count(*) FROM '{globs[0]}'").fetchall() == [(1,)]
    assert ds.dataset(f"{lake.root}/machines", partitioning="hive").count_rows() == 1


def test_in_an_object_store():
    root = f"memory://reports-{uuid4().hex}"
    lake = Lake(root)
    former = Fleet(NOON - timedelta(days=1))
    former.device("a")
    former.into(lake, derived=OF_A_FORMER_DAY)
    a_fleet_in(lake)
    report = reported(lake)
    assert b"lines show the 2 days in the lake" in report.html
    address = publish_report(lake, DAY, report)
    assert address == newest_report(lake) == f"{root}/compliance_report/tenant=default/snapshot_date={DAY}/report.html"
    with fsspec.open(address) as file:
        assert file.read() == report.html
    assert "compliance_report" not in {table.name for table in lake.tables()}


def test_only_files_that_no_reader_takes_for_a_partition(lake):
    for name in ("part-00000.parquet", ".hidden", "_hidden", "a/b"):
        with pytest.raises(ValueError):
            lake.files.publish("compliance_report", date(2026, 1, 1), name, b"")


def test_the_verb_prints_the_path_and_says_when_there_is_none(lake, report):
    def call(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [PROGRAM, "report", *words], capture_output=True, text=True, timeout=60, check=False,
            env=os.environ | {"DEFENDER_LAKE": lake.root, "BROWSER": "/bin/true"},
        )  # fmt: skip

    done = call()
    assert done.returncode == 1
    assert "There is no compliance report" in done.stderr
    assert "Traceback" not in done.stderr

    address = publish_report(lake, DAY, report)
    done = call()
    assert (done.returncode, done.stdout.strip()) == (0, address)
    assert call("--open").returncode == 0
