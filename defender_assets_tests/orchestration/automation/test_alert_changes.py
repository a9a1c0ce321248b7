"""``alert_changes``, ticked in process against a simulated tenant."""

from datetime import UTC, date, datetime, timedelta

import pytest

from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake
from defender_assets.orchestration.automation.run_requests import run_request
from defender_assets.orchestration.partitions import TenantDays
from defender_assets.refresh import CaughtUp, Window, caught_up, note_caught_up
from defender_assets.settings import CONNECTION_FIELDS

from .ticks import Daemon, days_of, execute, tables_of, today

SENSOR = "alert_changes"
CAUGHT_UP = pytest.mark.usefixtures("caught_up")


def day_of(lake: Lake, alert: str) -> str:
    for day in lake.dates("alerts"):
        if alert in lake.read("alerts", day, columns=["id"])["id"].to_pylist():
            return day.isoformat()
    raise AssertionError(f"{alert} is nowhere")


def some_alert(lake: Lake) -> tuple[str, str]:
    """An alert and the day of its creation."""
    for day in lake.dates("alerts"):
        if ids := lake.read("alerts", day, columns=["id"])["id"].to_pylist():
            return ids[0], day.isoformat()
    raise AssertionError("no alerts")


def test_the_first_start_fills_what_the_service_remembers_in_one_run(daemon, lake):
    (request,) = daemon.tick(SENSOR).run_requests
    first = datetime.now(UTC).date() - timedelta(days=179)
    assert days_of(request) == (first.isoformat(), today())
    assert tables_of(request) == {"alerts"}
    (result,) = daemon.launch([request])
    assert result.success
    assert len(lake.dates("alerts")) == 180


@CAUGHT_UP
def test_once_everything_is_published_nothing_is_asked_for_and_the_look_is_noted(daemon, lake):
    before = datetime.now(UTC)
    result = daemon.tick(SENSOR)
    assert result.run_requests == []
    assert "Nothing changed" in result.skip_message
    assert caught_up(lake, DATASETS["alerts"]).to >= before


@CAUGHT_UP
def test_an_alert_that_changes_refreshes_the_day_of_its_creation_and_no_other(daemon, lake, own_simulator):
    alert, day = some_alert(lake)
    own_simulator.control.update_alert(alert, status="InProgress")
    (request,) = daemon.tick(SENSOR).run_requests
    assert days_of(request) == (day, day)
    daemon.launch([request])
    rows = lake.read("alerts", date.fromisoformat(day)).to_pylist()
    assert {row["id"]: row["status"] for row in rows}[alert] == "InProgress"
    assert daemon.tick(SENSOR).run_requests == []


@CAUGHT_UP
def test_a_new_alert_refreshes_today(daemon, lake, own_simulator):
    (alert,) = own_simulator.control.create_alerts(1)
    requests = daemon.tick(SENSOR).run_requests
    daemon.launch(requests)
    assert day_of(lake, alert) == today()


@CAUGHT_UP
def test_days_that_follow_each_other_are_one_run_and_others_a_run_each(daemon, own_simulator):
    now = datetime.now(UTC)
    for days_ago in (9, 8, 7, 3):
        own_simulator.control.create_alerts(1, (now - timedelta(days=days_ago)).isoformat())
    alerts = own_simulator.control.journal()[-4:]
    for created in alerts:
        own_simulator.control.update_alert(created["which"][0])
    requests = daemon.tick(SENSOR).run_requests

    def back(days: int) -> str:
        return (now - timedelta(days=days)).date().isoformat()

    assert sorted(days_of(request) for request in requests) == [(back(9), back(7)), (back(3), back(3))]


@CAUGHT_UP
def test_a_quiet_tick_is_two_calls_because_an_empty_list_is_asked_for_twice(daemon, lake, own_simulator):
    lake.put_note("alerts", "caught_up", {"to": (datetime.now(UTC) + timedelta(minutes=20)).isoformat()})
    own_simulator.control.reset_counters()
    daemon.tick(SENSOR)
    assert own_simulator.control.counters()["calls"] == {"alerts": 2}


@CAUGHT_UP
def test_a_refresh_that_is_under_way_is_not_asked_for_again(daemon, lake, own_simulator):
    own_simulator.control.update_alert(some_alert(lake)[0])
    (request,) = daemon.tick(SENSOR).run_requests
    daemon.queue(request)
    result = daemon.tick(SENSOR)
    assert result.run_requests == []
    assert "being refreshed" in result.skip_message


@CAUGHT_UP
def test_a_refresh_that_failed_is_asked_for_again_a_bounded_number_of_times(daemon, lake, own_simulator):
    alert, _ = some_alert(lake)
    own_simulator.control.update_alert(alert)
    keys = []
    for _ in range(3):
        (request,) = daemon.tick(SENSOR).run_requests  # never executed: as good as failed
        keys.append(request.run_key)
    assert len(set(keys)) == 3
    result = daemon.tick(SENSOR)
    assert result.run_requests == []
    assert "often enough" in result.skip_message
    # The note does not move past what was not published (both times are of the tenant's clock).
    updated = datetime.fromisoformat(own_simulator.control.journal()[-1]["moment"])
    assert caught_up(lake, DATASETS["alerts"]).to <= updated

    own_simulator.control.update_alert(alert)
    (request,) = daemon.tick(SENSOR).run_requests
    assert request.tags["defender/attempt"] == "1"
    daemon.launch([request])
    assert daemon.tick(SENSOR).run_requests == []


@CAUGHT_UP
def test_a_look_that_fails_says_why_and_forgets_nothing(daemon, lake, own_simulator):
    own_simulator.control.update_alert(some_alert(lake)[0])
    noted = caught_up(lake, DATASETS["alerts"]).to
    own_simulator.control.revoke_roles("Alert.Read.All")
    result = daemon.tick(SENSOR)
    assert result.run_requests == []
    assert "Alert.Read.All" in result.skip_message
    assert caught_up(lake, DATASETS["alerts"]).to == noted
    own_simulator.control.grant_roles("Alert.Read.All")
    own_simulator.control.expire_tokens()
    assert len(daemon.tick(SENSOR).run_requests) == 1


@CAUGHT_UP
def test_once_a_day_all_days_are_asked_for_anew_in_one_run_and_no_more_often(daemon, lake):
    """Given a day that nobody has read since yesterday, and no comparison since, then everything that the service
    remembers is asked for, so that what was published wrong does not stay; and not again once it was read."""
    alerts, day = DATASETS["alerts"], date.fromisoformat(some_alert(lake)[1])
    right = lake.read("alerts", day)
    note_caught_up(lake, alerts, CaughtUp(to=datetime.now(UTC) + timedelta(minutes=10)))
    yesterday = {"observed_at": (datetime.now(UTC) - timedelta(days=1)).isoformat()}
    with lake.writing(alerts, day, lake.metadata("alerts", day) | yesterday) as writer:
        writer.write(right.slice(right.num_rows))
        writer.publish()
    (request,) = daemon.tick(SENSOR).run_requests
    assert days_of(request) == (lake.dates("alerts")[0].isoformat(), today())
    assert all(result.success for result in daemon.launch([request]))
    assert lake.rows("alerts", day) == right.num_rows
    assert daemon.tick(SENSOR).run_requests == []


def test_without_settings_the_skip_names_them(instance, monkeypatch, tmp_path):
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    result = Daemon(instance).tick(SENSOR)
    assert result.run_requests == []
    assert "DEFENDER_TENANT_ID" in result.skip_message


@CAUGHT_UP
def test_a_refresh_made_by_hand_counts(daemon, lake, own_simulator):
    own_simulator.control.update_alert(some_alert(lake)[0])
    (request,) = daemon.tick(SENSOR).run_requests
    assert execute(daemon.defs, tables_of(request), tags=request.tags).success
    assert daemon.tick(SENSOR).run_requests == []


def test_with_two_tenants_each_has_runs_of_its_own(instance, own_settings, own_simulator, tmp_path):
    given = {name.lower().removeprefix("defender_"): value for name, value in own_simulator.settings.items()}
    lines = "".join(f"    {name}: {value}\n" for name, value in given.items() if name in CONNECTION_FIELDS)
    tenants = tmp_path / "tenants.yaml"
    tenants.write_text("tenants:\n" + "".join(f"  - name: {name}\n{lines}" for name in ("contoso", "fabrikam")))
    own_settings.setenv("DEFENDER_TENANTS", str(tenants))
    daemon = Daemon(instance)
    result = daemon.tick(SENSOR)
    assert result.run_requests, result.skip_message
    assert [days_of(request)[1] for request in result.run_requests] == [f"{today()}|contoso", f"{today()}|fabrikam"]

    # Three days of each, to save time: the runs of all days have the same form.
    last = datetime.now(UTC).date()
    some_days = Window(last - timedelta(days=2), last)
    partitions = TenantDays(last, ("contoso", "fabrikam"))
    requests = [run_request(SENSOR, ["alerts"], tenant, some_days, "test", partitions) for tenant in partitions.tenants]
    assert all(run.success for run in daemon.launch(requests))
    for tenant in ("contoso", "fabrikam"):
        assert Lake(str(tmp_path / "lake"), tenant).dates("alerts") == some_days.dates
    before = last - timedelta(days=3)
    requests = daemon.tick(SENSOR).run_requests
    assert [days_of(request)[1] for request in requests] == [f"{before}|contoso", f"{before}|fabrikam"]


def test_alerts_that_are_not_chosen_are_not_looked_at(daemon, own_settings, own_simulator):
    own_settings.setenv("DEFENDER_DATASETS", "!alerts")
    result = daemon.tick(SENSOR)
    assert result.run_requests == []
    assert "alerts is left out: DEFENDER_DATASETS does not choose it" in result.skip_message
    assert own_simulator.control.requests() == []
