"""``refresh``: the tables it writes, and what it refuses before it fetches anything."""

import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from defender_assets.catalog import DATASETS
from defender_assets.cli.progress import show_progress
from defender_assets.lake import Lake
from defender_assets.refresh import Began, Ended, Event, PartitionOutcome, Progress, progress_listener, report_progress
from defender_assets.refresh.dataset import DatasetRefresh
from defender_assets.simulator import Simulator

from ..report.fleet import DAY, Fleet
from .program import invoke, run


@pytest.mark.slow
def test_a_refresh_writes_every_table(tenant_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refresh = run("refresh")
    assert refresh.returncode == 0, refresh.stderr
    tables = run("tables")
    assert tables.returncode == 0
    lake = Lake(str(tmp_path / "lake"))
    for name in DATASETS:
        assert lake.newest(name) is not None
        assert name in tables.stdout
    query = run("query", "--format", "json", "SELECT count(*) AS n FROM machines")
    assert json.loads(query.stdout) == [{"n": 60}]
    second_refresh = run("refresh")
    assert second_refresh.returncode == 0, second_refresh.stderr
    assert lake.rows("machines") == 60


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"DEFENDER_CLIENT_SECRET": "wrong-but-long-enough"}, 1, "secret"),
        ({"DEFENDER_TENANT_ID": "99999999-9999-4999-8999-999999999999"}, 1, "tenant"),
        ({"DEFENDER_CA_BUNDLE": ""}, 1, "certificate"),
        ({"DEFENDER_API_URL": "https://127.0.0.1:9"}, 1, "127.0.0.1"),
        ({"DEFENDER_API_URL": "http://127.0.0.1:9"}, 2, "DEFENDER_API_URL"),
        ({"DEFENDER_CLOUD": "moon"}, 2, "DEFENDER_CLOUD"),
        ({"DEFENDER_LAKE": "/dev/null/lake"}, 2, "DEFENDER_LAKE"),
    ],
)
def test_a_wrong_setting_is_one_clear_sentence(
    settings: dict[str, str], code: int, words: str, tenant_settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result = invoke("refresh", "--select", "machines", **settings)
    assert result.exit_code == code, result.stderr
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) <= 2, result.stderr
    assert Lake(str(tmp_path / "lake")).dates("machines") == []


def test_an_unexpected_error_fails_its_table_alone(tenant_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # given a table that is brought up to date, and whose refresh meets what nobody thought of
    publish = DatasetRefresh.publish

    def broken(table: DatasetRefresh, *given: Any) -> list[PartitionOutcome]:
        if table.name == "alerts":
            raise KeyError("a thing nobody thought of")
        return publish(table, *given)

    tenant_settings.setattr(DatasetRefresh, "publish", broken)
    result = invoke("refresh", "--select", "key:alerts or key:machines")
    assert result.exit_code == 1
    assert "FAILED  alerts: unexpected: KeyError: 'a thing nobody thought of'" in result.stderr
    assert "ok      machines" in result.stdout
    assert Lake(str(tmp_path / "lake")).rows("machines") == 60


def test_what_is_not_made_from_the_crawl_is_computed_while_that_and_what_nothing_is_made_from_are_under_way(
    own_settings: pytest.MonkeyPatch, own_simulator: Simulator, tmp_path: Path
) -> None:
    names = ("machines", "software_vulnerabilities", "device_identity", "recommendations", "machine_users", "users")
    selection = " or ".join(f"key:{name}" for name in names)
    computed, in_time = threading.Event(), []

    def hold_both(event: Event) -> None:
        if event in (Began("machine_users"), Began("recommendations")):
            in_time.append(computed.wait(60))
        elif isinstance(event, Ended) and event.table == "device_identity":
            computed.set()

    with progress_listener(hold_both):
        result = invoke("refresh", "--select", selection)
    assert result.exit_code == 0, result.stderr
    assert in_time == [True, True]
    assert {line.split()[1] for line in result.stdout.splitlines() if line.startswith("ok")} == set(names)
    # with one login for all of them
    assert [path.rpartition("/")[2] for method, path, _ in own_simulator.control.requests() if method != "GET"] == [
        "token"
    ]
    # and when it fails, then what is made from both stays as it was, with the numbers of one policy
    lake = Lake(str(tmp_path / "lake"))
    former = lake.metadata("users")
    result = invoke("refresh", "--select", selection, DEFENDER_COMPUTE_MEMORY="100KB")
    assert result.exit_code == 1
    assert "FAILED  device_identity: " in result.stderr
    assert "not made, because device_identity failed: users" in result.stderr
    assert lake.metadata("users") == former


def test_what_is_only_computed_needs_no_settings_of_the_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # given a lake with a day's inputs, and no credentials
    lake = Lake(str(tmp_path / "lake"))
    fleet = Fleet()
    fleet.device("a")
    fleet.finding("a", "CVE-2026-0001", overdue=3)
    fleet.rows["machine_users"] = []
    fleet.into(lake, derived=())
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    days = ("--date", str(DAY))
    # then what is made from them is computed
    result = invoke("refresh", "--select", "tag:days=derived", *days)
    assert result.exit_code == 0, result.stderr
    assert lake.dates("fleet_summary") == [DAY]
    # and what asks the service still demands them, alone or among the others; so does a tenant that there is not
    for selection in ("machines", "tag:days=derived or key:machines"):
        result = invoke("refresh", "--select", selection, *days)
        assert result.exit_code == 2
        assert "DEFENDER_TENANT_ID is missing" in result.stderr
    result = invoke("refresh", "--select", "tag:days=derived", *days, "--tenant", "elsewhere")
    assert result.exit_code == 2
    assert "DEFENDER_TENANTS" in result.stderr


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ("mashines", "there is no table 'mashines'; did you mean machines"),
        ("machines,alrts", "there is no table 'alrts'; did you mean alerts?"),
        ("key:machines or key:alrts", "there is no table 'alrts'; did you mean alerts?"),
        ("+mashines", "there is no table 'mashines'"),
        ("group:inventry", "there is no group 'inventry'; did you mean inventory?"),
        ("tag:days=none", "'tag:days=none' selects no table. Examples: "),
        ("(machines", "'(machines' is not an asset selection. Examples: "),
        ("zzz", "there is no table 'zzz'; there are agent_compliance, "),
    ],
)
def test_a_selection_of_what_there_is_not_is_wrong_use(
    tenant_settings: pytest.MonkeyPatch, tmp_path: Path, selection: str, words: str
) -> None:
    result = invoke("refresh", "--select", selection)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "AssetKey" not in result.stderr
    assert Lake(str(tmp_path / "lake")).dates("machines") == []


@pytest.mark.parametrize("day", ["2015-12-31", "2999-01-01"])
def test_a_day_without_partitions_is_wrong_use(tenant_settings: pytest.MonkeyPatch, day: str) -> None:
    result = invoke("refresh", "--select", "machines", "--date", day)
    assert result.exit_code == 2
    assert "there can be partitions from " in result.stderr


def test_a_day_of_the_past_is_refused_with_the_reason(tenant_settings: pytest.MonkeyPatch) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    result = invoke("refresh", "--select", "machines", "--date", str(yesterday))
    assert result.exit_code == 1
    assert "reports only the current state" in result.stderr


def test_without_a_terminal_progress_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress():
        for done in range(0, 600_001, 50_000):
            report_progress(Progress("machines", done))
    assert capsys.readouterr().err.splitlines() == ["        machines: 250,000 rows", "        machines: 500,000 rows"]


def test_what_the_refresh_waits_for_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("defender_assets.api")
    with show_progress():
        log.info("machines: waiting 1 s")
        log.warning("machines: waiting %d s\x1b[2J", 60)
        log.warning("machines: waiting %d s\x1b[2J", 59)  # another thread, for the same
        log.warning("alerts: waiting")
    assert capsys.readouterr().err.splitlines() == [
        "        machines: waiting 60 s\\x1b[2J",
        "        alerts: waiting",
    ]
