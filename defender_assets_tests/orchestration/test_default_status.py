"""Which schedules and sensors are on at first start, and when a table is late."""

from datetime import timedelta

import dagster as dg
import pytest

from defender_assets.definitions import build_defs
from defender_assets.settings import SCHEDULES_AND_SENSORS, SettingsError


def on() -> set[str]:
    repository = build_defs().get_repository_def()
    sensors, schedules = repository.sensor_defs, repository.schedule_defs
    return {sensor.name for sensor in sensors if sensor.default_status is dg.DefaultSensorStatus.RUNNING} | {
        schedule.name for schedule in schedules if schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    }


def test_the_schedules_and_sensors_of_the_contract_are_there_and_no_others():
    repository = build_defs().get_repository_def()
    assert {schedule.name for schedule in repository.schedule_defs} == {
        "daily_refresh", "hourly_inventory", "daily_pruning",
    }  # fmt: skip
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "alert_changes", "export_changes", "compliance_automation", "refresh_failures", "tick_failures",
        "lake_partitions", "dagster_history",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (None, {"compliance_automation", "refresh_failures", "tick_failures", "lake_partitions", "dagster_history"}),
        ("none", set()),
        ("all", set(SCHEDULES_AND_SENSORS)),
        (" daily_refresh, alert_changes ", {"daily_refresh", "alert_changes", "lake_partitions", "dagster_history"}),
    ],
)
def test_what_is_on_at_first_start_is_a_setting(setting, expected, monkeypatch):
    if setting is not None:
        monkeypatch.setenv("DEFENDER_RUNNING", setting)
    assert on() == expected


def test_a_name_that_is_none_is_refused_with_the_names_there_are(monkeypatch):
    monkeypatch.setenv("DEFENDER_RUNNING", "daily_refresh,weekly")
    with pytest.raises(SettingsError, match=r"DEFENDER_RUNNING.*alert_changes"):
        build_defs()


def test_every_table_has_a_freshness_policy_from_the_settings(monkeypatch):
    monkeypatch.setenv("DEFENDER_LATE_AFTER_HOURS", "2")
    graph = build_defs().resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        policy = graph.get(key).freshness_policy
        assert policy.warn_window.to_timedelta() == timedelta(hours=2)
        assert policy.fail_window.to_timedelta() == timedelta(hours=4)
