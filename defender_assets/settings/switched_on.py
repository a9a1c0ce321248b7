"""The setting ``DEFENDER_RUNNING``: which schedules and sensors are on when Dagster first sees them.

Here: their names, and reading the setting. Not here: what they do (``orchestration/automation/``,
``orchestration/notifications/failed_runs.py``), what Dagster is told (``orchestration/default_status.py``).

Once somebody has switched one on or off in the UI, that choice holds.
"""

from ..spelling import is_meant, near_names
from .errors import Problem, SettingsError
from .variables import Settings

DAILY_REFRESH = "daily_refresh"
HOURLY_INVENTORY = "hourly_inventory"
ALERT_CHANGES = "alert_changes"
EXPORT_CHANGES = "export_changes"
COMPLIANCE_AUTOMATION = "compliance_automation"
REFRESH_FAILURES = "refresh_failures"
TICK_FAILURES = "tick_failures"
LAKE_PARTITIONS = "lake_partitions"
DAILY_PRUNING = "daily_pruning"
DAGSTER_HISTORY = "dagster_history"
SCHEDULES_AND_SENSORS = (
    DAILY_REFRESH,
    HOURLY_INVENTORY,
    ALERT_CHANGES,
    EXPORT_CHANGES,
    COMPLIANCE_AUTOMATION,
    REFRESH_FAILURES,
    TICK_FAILURES,
    LAKE_PARTITIONS,
    DAILY_PRUNING,
    DAGSTER_HISTORY,
)
"""Every schedule and sensor that may be switched on by name: all but the one that writes ``DEFENDER_METRICS_FILE``,
which is on where that is set."""


def switched_on(settings: Settings) -> frozenset[str]:
    """The names in ``DEFENDER_RUNNING``, and the sensors that start nothing, unless it says none. Raises
    SettingsError for an unknown one."""
    names = {name.strip() for name in settings.running.split(",") if name.strip()}
    if names == {"all"}:
        return frozenset(SCHEDULES_AND_SENSORS)
    if names == {"none"}:
        return frozenset()
    if unknown := sorted(names - set(SCHEDULES_AND_SENSORS)):
        # Only what looks like one of ours is told: anything may have been pasted there.
        meant = {near for name in unknown for near in near_names(name, SCHEDULES_AND_SENSORS)}
        hint = is_meant(sorted(meant), before="; ")
        raise SettingsError(
            Problem(
                "DEFENDER_RUNNING",
                "names something that is no schedule or sensor",
                f"say all, none, or some of {', '.join(SCHEDULES_AND_SENSORS)}{hint}",
            )
        )
    told = {TICK_FAILURES} if REFRESH_FAILURES in names else set()  # who is told of the one is told of the other
    return frozenset(names | told | {LAKE_PARTITIONS, DAGSTER_HISTORY})
