"""A lake of 120 days, pruned: every reader still reads, and the refresh goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import defender_assets
from defender_assets.catalog import EVENT_TABLES
from defender_assets.lake import Lake
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from .program import invoke

pytestmark = pytest.mark.slow

DAYS = 120
STAYS = 30
DATASETS = "machines,software*,vulnerabilities,secure_configuration,av_health,alerts"


@pytest.fixture(scope="module")
def served() -> Iterator[Simulator]:
    with Simulator(SimulatedTenant(TenantShape(machines=20)), follows_clock=True) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def history(served: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Today as it was refreshed, and 119 days before it that look the same."""
    folder = tmp_path_factory.mktemp("history")
    result = invoke("refresh", **served.settings, DEFENDER_LAKE=str(folder / "lake"), DEFENDER_DATASETS=DATASETS)
    assert result.exit_code == 0, result.stderr
    today = datetime.now(UTC).date()
    for table in Lake(folder / "lake").table_names():
        if table not in EVENT_TABLES:
            of_tenant = folder / "lake" / table / "tenant=default"
            for ago in range(1, DAYS):
                shutil.copytree(
                    of_tenant / f"snapshot_date={today}",
                    of_tenant / f"snapshot_date={today - timedelta(days=ago)}",
                    copy_function=os.link,
                )
    return folder / "lake"


@pytest.fixture
def lake(history: Path, served: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lake:
    """A copy of it."""
    shutil.copytree(history, tmp_path / "lake", copy_function=os.link)  # files are replaced, never written to
    for name, value in served.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("DEFENDER_DATASETS", DATASETS)
    monkeypatch.setenv("DEFENDER_RETENTION", f"{STAYS} days, 8 weeks; endpoint_status: all")
    return Lake(str(tmp_path / "lake"))


def whole_tables(lake: Lake) -> dict[str, list[date]]:
    """The days of each table that has one partition for all of a day."""
    days = {table: lake.dates(table) for table in lake.table_names() if table not in EVENT_TABLES}
    return {table: of_table for table, of_table in days.items() if of_table}


def asked(sql: str) -> list[dict[str, object]]:
    result = invoke("query", sql, "--format", "json")
    assert result.exit_code == 0, result.stderr
    rows: list[dict[str, object]] = json.loads(result.stdout)
    return rows


def test_every_reader_reads_a_pruned_lake(lake: Lake) -> None:
    today = max(lake.dates("machines"))
    before = asked("SELECT count(*) AS n FROM machines")
    alerts = lake.dates("alerts")
    # given a dry run, which leaves all
    dry = invoke("prune")
    assert dry.exit_code == 0, dry.stderr
    assert "Nothing was removed" in dry.stdout
    assert len(lake.dates("machines")) == DAYS
    # when it is done
    done = invoke("prune", "--delete")
    assert done.exit_code == 0, done.stderr
    days = lake.dates("machines")
    oldest = today - timedelta(days=STAYS)
    assert [day for day in days if day > oldest] == [today - timedelta(days=ago) for ago in reversed(range(STAYS))]
    assert {day.weekday() for day in days if day <= oldest} == {6}
    assert lake.dates("alerts") == alerts
    assert len(lake.dates("fleet_summary")) == len(lake.dates("endpoint_status")) == DAYS
    # then all tables of a day that stayed are there together, reports included
    for day in (today, min(days)):
        assert all(day in days for days in whole_tables(lake).values())
        assert lake.files.read("compliance_report", day, "report.html")
    assert asked("SELECT count(*) AS n FROM machines") == before
    assert asked("SELECT count(DISTINCT snapshot_date) AS n FROM machines_history") == [{"n": len(days)}]
    assert len(defender_assets.read("machines", days=STAYS)["snapshot_date"].unique()) == STAYS
    assert len(defender_assets.read("alerts")) == asked("SELECT count(*) AS n FROM alerts")[0]["n"]
    assert Path(invoke("report").stdout.strip()).exists()
    assert invoke("tables").exit_code == 0
    assert invoke("diff").exit_code == 0
    assert invoke("diff", str(min(days)), str(today)).exit_code == 0
    device = str(asked("SELECT device_id FROM verdict_reasons LIMIT 1")[0]["device_id"])
    for day in (min(days), today):
        assert invoke("explain", device, "--date", str(day)).exit_code == 0
    gone = today - timedelta(days=100)
    for words in (("explain", device, "--date", str(gone)), ("diff", str(gone), str(today))):
        refused = invoke(*words)
        assert refused.exit_code == 1
        assert f"retention removed it on {today}" in refused.stderr
    # and a day that stayed is computed again, under another policy
    again = invoke("refresh", "--select", "key:patch_*", "--date", str(min(days)), DEFENDER_POLICY="cisa-bod-19-02")
    assert again.exit_code == 0, again.stderr
    assert lake.metadata("patch_findings", min(days))["policy"] == "cisa-bod-19-02"
    # and the next refresh finds nothing amiss
    result = invoke("refresh", "--select", "key:alerts or key:machines or key:compliance_report")
    assert result.exit_code == 0, result.stderr
    assert len(lake.dates("fleet_summary")) == DAYS
    assert lake.dates("alerts") == alerts


_PRUNES = """
import datetime, sys
from defender_assets.lake import Lake, planned, remove_planned
from defender_assets.settings import Keep, Retention

lake, today = Lake(sys.argv[1]), datetime.date.fromisoformat(sys.argv[2])
for done in remove_planned(lake, planned(lake, Retention(Keep(30)), today), today):
    print(done.table, flush=True)
"""


def test_a_prune_that_is_killed_leaves_whole_partitions_and_the_next_goes_on(lake: Lake) -> None:
    today = max(lake.dates("machines"))
    process = subprocess.Popen(
        [sys.executable, "-c", _PRUNES, lake.root, str(today)], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert process.stdout is not None
        first = [process.stdout.readline().strip() for _ in range(3)]
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    left = whole_tables(lake)
    assert all(len(left[table]) == STAYS for table in first)
    assert any(len(days) == DAYS for table, days in left.items() if table != "fleet_summary")
    # given what is left, each partition is whole
    assert all(lake.rows(table, day) >= 0 for table, days in left.items() for day in days[:3])
    assert set(_known_gone(lake)) >= set(first)
    result = invoke("prune", "--delete", "--keep", "30 days")
    assert result.exit_code == 0, result.stderr
    assert {len(lake.dates(table)) for table in left if table != "fleet_summary"} == {STAYS}
    assert not [name for name in os.listdir(lake.root) if name.endswith((".removing", ".writing"))]


def _known_gone(lake: Lake) -> dict[str, list[date]]:
    return {table: sorted(days) for table, days in lake.pruned_days().items()}
