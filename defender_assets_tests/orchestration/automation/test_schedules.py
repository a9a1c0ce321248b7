"""``daily_refresh`` and ``hourly_inventory``, ticked in process against a simulated tenant."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from defender_assets.catalog import DATASETS
from defender_assets.definitions import build_defs

from .ticks import Daemon, days_of, tables_of, today

DAILY, HOURLY = "daily_refresh", "hourly_inventory"


def requests_of(result) -> list[dg.RunRequest]:
    return list(result.run_requests or [])


def back(days: int) -> str:
    return (datetime.now(UTC).date() - timedelta(days=days)).isoformat()


def test_the_daily_tick_asks_for_todays_partition_of_every_dataset_by_name(daemon):
    first, *_ = requests_of(daemon.clock(DAILY))
    assert first.partition_key == today()
    assert set(DATASETS) <= tables_of(first)
    assert today() in first.run_key


def test_what_is_computed_is_left_to_the_automation(daemon):
    fetched = {key for request in requests_of(daemon.clock(DAILY)) for key in tables_of(request)}
    graph = daemon.defs.resolve_asset_graph()
    groups = {graph.get(dg.AssetKey(name)).group_name for name in fetched}
    assert groups <= {"defender", "reference"}


def test_the_first_time_it_brings_event_tables_up_to_date_as_ranges(daemon, lake):
    _, *past = requests_of(daemon.clock(DAILY))
    requested = {next(iter(tables_of(request))): days_of(request) for request in past}
    assert requested == {"alerts": (back(179), back(1)), "software_vulnerability_changes": (back(13), back(1))}
    # The shorter range; that of the alerts is a run of the same form.
    (run,) = daemon.launch(request for request in past if tables_of(request) == {"software_vulnerability_changes"})
    assert run.success
    assert len(lake.dates("software_vulnerability_changes")) == 13


@pytest.mark.usefixtures("caught_up")
def test_later_it_asks_for_the_past_days_that_changed(daemon, lake, own_simulator):
    (alert,) = own_simulator.control.create_alerts(1, f"{back(1)}T23:59:00+00:00")
    own_simulator.control.update_alert(alert)
    _, *past = requests_of(daemon.clock(DAILY))
    alerts = [request for request in past if tables_of(request) == {"alerts"}]
    assert [days_of(request) for request in alerts] == [(back(1), back(1))]
    # Yesterday of the change feed is read once more if it was read before 6 o'clock today.
    assert all(days_of(request) == (back(1), back(1)) for request in past)
    daemon.launch(alerts)
    assert alert in lake.read("alerts", datetime.now(UTC).date() - timedelta(days=1))["id"].to_pylist()


def test_a_tick_while_the_former_run_goes_on_starts_no_second_one(daemon):
    for request in requests_of(daemon.clock(DAILY)):
        daemon.queue(request)
    result = daemon.clock(DAILY)
    assert requests_of(result) == []
    assert "being refreshed already" in result.skip_message
    assert requests_of(daemon.clock(HOURLY)) == []


def test_a_tick_asks_for_what_is_not_under_way(daemon):
    (hourly,) = requests_of(daemon.clock(HOURLY))
    assert tables_of(hourly) == {"machines", "av_health", "machine_users"}
    assert hourly.partition_key == today()
    daemon.queue(hourly)
    first, *_ = requests_of(daemon.clock(DAILY))
    assert tables_of(first) & tables_of(hourly) == set()
    assert "alerts" in tables_of(first)


def test_a_run_of_another_day_is_no_reason_to_wait(daemon):
    (hourly,) = requests_of(daemon.clock(HOURLY))
    daemon.queue(dg.RunRequest(run_key="old", partition_key=back(1), asset_selection=hourly.asset_selection))
    assert len(requests_of(daemon.clock(HOURLY))) == 1


def test_ticks_that_were_missed_ask_for_nothing_that_has_passed(daemon):
    yesterday = daemon.clock(DAILY, datetime.now(UTC) - timedelta(days=1))
    assert requests_of(yesterday) == []
    assert "has passed" in yesterday.skip_message
    assert requests_of(daemon.clock(HOURLY, datetime.now(UTC) - timedelta(hours=2))) == []


def test_the_same_tick_twice_has_the_same_keys_and_another_hour_others(daemon):
    now = datetime.now(UTC)
    keys = [[request.run_key for request in requests_of(daemon.clock(HOURLY, now))] for _ in range(2)]
    assert keys[0] == keys[1]
    others = [request.run_key for request in requests_of(daemon.clock(HOURLY, now + timedelta(hours=1)))]
    assert others != keys[0]


def test_without_credentials_the_tick_still_asks_so_that_the_run_can_say_what_is_missing(instance):
    (request,) = requests_of(Daemon(instance).clock(DAILY))
    assert request.partition_key == today()


def test_a_tick_by_hand_asks_at_every_hour_where_there_is_no_second_one(monkeypatch, instance):
    """Given a schedule of one hour, when it is tried half a day from it, then it is not taken for the second hour of a
    schedule that has two."""
    now = datetime.now(UTC)
    monkeypatch.setenv("DEFENDER_REFRESH_HOUR", str((now.hour + 12) % 24))
    (request,) = requests_of(Daemon(instance).clock(DAILY, now))
    assert request.partition_key == now.date().isoformat()


def test_hour_and_time_zone_are_settings(monkeypatch):
    monkeypatch.setenv("DEFENDER_REFRESH_HOUR", "4")
    monkeypatch.setenv("DEFENDER_TIME_ZONE", "Europe/Berlin")
    schedule = build_defs().resolve_schedule_def(DAILY)
    assert schedule.cron_schedule == "0 4 * * *"
    assert schedule.execution_timezone == "Europe/Berlin"


def test_what_is_not_chosen_is_not_asked_for(daemon, own_settings, own_simulator):
    own_settings.setenv("DEFENDER_DATASETS", "!alerts,!av_health")
    requested = {name for request in requests_of(daemon.clock(DAILY)) for name in tables_of(request)}
    assert set(DATASETS) - requested == {"alerts", "av_health"}
    (hourly,) = requests_of(daemon.clock(HOURLY))
    assert tables_of(hourly) == {"machines", "machine_users"}
    assert not [path for _, path, _ in own_simulator.control.requests() if path == "/api/alerts"]
