"""For real: daemon, code server and webserver as ``make serve`` starts them, against a simulated tenant."""

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import date
from math import inf
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest

from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake
from defender_assets.report import newest_report
from defender_assets.report.publishing import COMPLIANCE_REPORT
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from ..serve.local_dagster import LocalDagster, eventually
from .automation.ticks import today

pytestmark = pytest.mark.slow

SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatedTenant(TenantShape(machines=40)), follows_clock=True) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def served(simulator, serve) -> Iterator[LocalDagster]:
    running = "daily_refresh,alert_changes,compliance_automation,refresh_failures"
    with serve(DEFENDER_RUNNING=running, DEFENDER_ALERT_INTERVAL_SECONDS="5", **simulator.settings) as served:
        yield served


@pytest.fixture(scope="module")
def lake(folder) -> Lake:
    return Lake(str(folder / "lake"))


def published(lake: Lake, table: str, day: date | None = None) -> str | None:
    """When the partition was observed."""
    if not lake.dates(table):
        return None
    return lake.metadata(table, day)["observed_at"]


def whole(folder: Path) -> list[Path]:
    """Every file that a reader sees, each read to its end."""
    files = [file for file in (folder / "lake").rglob("*.parquet") if not _hidden(file, folder)]
    for file in files:
        pq.read_table(file)
    return files


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(("_", ".")) for part in file.relative_to(folder).parts)


def test_the_first_start_fills_the_alerts_and_a_change_is_there_within_two_ticks(served, simulator, lake):
    """Given a daemon and an empty lake; when it runs, every remembered day of alerts is filled; when an alert is
    updated, its day is refreshed within two ticks and no other."""
    eventually(lambda: len(lake.dates("alerts")) == 180, 120, "180 days of alerts")
    eventually(lambda: all(run.is_finished for run in served.runs()), 60, "the fill is over")
    before = {day: published(lake, "alerts", day) for day in lake.dates("alerts")}
    day = next(day for day in lake.dates("alerts") if lake.rows("alerts", day))
    alert = lake.read("alerts", day, columns=["id"])["id"][0].as_py()

    updated = time.time()
    simulator.control.update_alert(alert, status="InProgress")
    eventually(lambda: published(lake, "alerts", day) != before[day], 90, f"the alerts of {day}")

    # One that began before may have looked after.
    ticks = [tick for tick in served.ticks("alert_changes", updated - 120) if (tick.end_timestamp or inf) > updated]
    asked_at = min(tick.timestamp for tick in ticks if tick.run_ids)
    assert len([tick for tick in ticks if updated < tick.timestamp <= asked_at]) <= 2
    rows = {row["id"]: row["status"] for row in lake.read("alerts", day).to_pylist()}
    assert rows[alert] == "InProgress"
    assert {other for other in before if published(lake, "alerts", other) != before[other]} == {day}


def test_the_daily_schedule_fires_and_what_is_computed_follows(served, lake):
    from defender_assets.definitions import build_defs

    graph = build_defs().resolve_asset_graph()
    computed = {
        key.to_user_string()
        for key in graph.materializable_asset_keys
        if graph.get(key).group_name not in ("defender", "reference")
    }
    served.fire("daily_refresh")
    day = date.fromisoformat(today())
    eventually(lambda: all(day in lake.dates(name) for name in DATASETS), 180, "every dataset of today")
    daily = [run for run in served.runs() if run.tags.get("defender/launched_by") == "daily_refresh"]
    assert [run.tags["dagster/partition"] for run in daily if "dagster/partition" in run.tags] == [today()]
    tables = computed - {COMPLIANCE_REPORT}
    assert tables
    eventually(lambda: all(day in lake.dates(name) for name in tables), 240, "what is computed")
    eventually(lambda: str(day) in (newest_report(lake) or ""), 120, "the report")


def test_a_role_that_is_taken_away_is_one_message(served, simulator, receiver):
    receiver.messages.clear()
    simulator.control.revoke_roles("Software.Read.All")
    run = served.launch("software", "software_inventory")
    eventually(lambda: served.status(run) is FAILURE, 90, "the run fails")
    (message,) = eventually(lambda: receiver.messages, 90, "the message")
    told = json.dumps(message)
    for words in ("software", "missing_role", "Software.Read.All", run):
        assert words in told
    for secret in simulator.control.secrets():
        assert secret not in told
    time.sleep(40)  # longer than any sensor's interval
    assert len(receiver.messages) == 1
    simulator.control.grant_roles("Software.Read.All")
    simulator.control.expire_tokens()


def test_a_run_and_the_daemon_that_are_killed_recover_and_nothing_is_half_written(
    served, simulator, lake, folder, receiver
):
    """Given a run in the middle of fetching, when its process and the daemon are killed with -9, then both come back,
    the run is made again once, the former partitions stay until it is done, and nobody is woken."""
    receiver.messages.clear()
    tables = ("machines", "vulnerabilities", "software_vulnerabilities")
    before = {table: published(lake, table) for table in tables}
    # Tables are fetched side by side: with answers this late, none can be through when the processes are killed.
    simulator.control.latency(20.0)
    run = served.launch(*tables)
    process = eventually(lambda: served.process_of(run), 90, "the run has a process")
    eventually(lambda: served.status(run) is dg.DagsterRunStatus.STARTED, 60, "the run goes on")
    time.sleep(1.5)
    os.kill(process, signal.SIGKILL)
    daemon = served.pids("daemon")[-1]
    os.kill(daemon, signal.SIGKILL)
    assert {table: published(lake, table) for table in tables} == before
    eventually(lambda: served.pids("daemon")[-1] != daemon, 30, "another daemon")
    simulator.control.latency(0.0)
    eventually(lambda: served.status(run) is FAILURE, 60, "the loss of the run is noticed")
    (again,) = eventually(
        lambda: [other for other in served.runs() if other.parent_run_id == run], 120, "the run is started again"
    )
    eventually(lambda: served.status(again.run_id) is SUCCESS, 120, "the second attempt")
    assert all(published(lake, table) != before[table] for table in tables)
    assert lake.rows("machines") == len(set(lake.read("machines", columns=["id"])["id"].to_pylist()))
    assert whole(folder)
    time.sleep(10)
    assert receiver.messages == []


def test_what_was_switched_on_and_the_history_outlive_a_restart(served, simulator, folder, lake):
    """Given a code server that is killed, when it comes back, then the UI knows the same location and sensors."""
    former = served.pids("code server")[-1]
    os.kill(former, signal.SIGKILL)
    eventually(lambda: served.pids("code server")[-1] != former, 30, "another code server")
    run = eventually(lambda: _launched(served, "software"), 90, "a run can be launched")
    eventually(lambda: served.status(run) is SUCCESS, 120, "and succeeds")


def _launched(served: LocalDagster, table: str) -> str | None:
    try:
        return served.launch(table)
    except (AssertionError, OSError):
        return None
