"""The names of the schedules and sensors, and which of them are on when Dagster first sees them.

Here: the setting ``DEFENDER_RUNNING``. Not here: what they do (``automation/``, ``notifications/failed_runs.py``).

Once somebody has switched one on or off in the UI, that choice holds.
"""

import dagster as dg

from ..settings import Problem, Settings, SettingsError

DAILY_REFRESH = "daily_refresh"
HOURLY_INVENTORY = "hourly_inventory"
ALERT_CHANGES = "alert_changes"
EXPORT_CHANGES = "export_changes"
COMPLIANCE_AUTOMATION = "compliance_automation"
REFRESH_FAILURES = "refresh_failures"
NAMES = (DAILY_REFRESH, HOURLY_INVENTORY, ALERT_CHANGES, EXPORT_CHANGES, COMPLIANCE_AUTOMATION, REFRESH_FAILURES)


def switched_on(settings: Settings) -> frozenset[str]:
    """The names in ``DEFENDER_RUNNING``. Raises SettingsError for an unknown one."""
    names = {name.strip() for name in settings.running.split(",") if name.strip()}
    if names == {"all"}:
        return frozenset(NAMES)
    if names == {"none"}:
        return frozenset()
    if names - set(NAMES):
        raise SettingsError(
            Problem(
                "DEFENDER_RUNNING",
                "names something that is no schedule or sensor",
                f"say all, none, or some of {', '.join(NAMES)}",
            )
        )
    return frozenset(names)


def schedule_status(name: str, switched_on: frozenset[str]) -> dg.DefaultScheduleStatus:
    """The status of a schedule at first start."""
    return dg.DefaultScheduleStatus.RUNNING if name in switched_on else dg.DefaultScheduleStatus.STOPPED


def sensor_status(name: str, switched_on: frozenset[str]) -> dg.DefaultSensorStatus:
    """The status of a sensor at first start."""
    return dg.DefaultSensorStatus.RUNNING if name in switched_on else dg.DefaultSensorStatus.STOPPED
