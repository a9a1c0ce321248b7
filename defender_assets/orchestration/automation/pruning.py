"""When what is old is removed: of the lake by a schedule, of Dagster's history by a sensor.

Here: the schedule and the sensor. Not here: the job (``orchestration/pruning.py``), what is removed of the history
(``orchestration/history_retention.py``).
"""

from datetime import UTC, datetime

import dagster as dg

from ...quantity import quantity
from ...settings import DAGSTER_HISTORY, DAILY_PRUNING, RETENTION_VARIABLE, Settings
from ..default_status import schedule_status, sensor_status
from ..history_retention import compact, remove_old_history
from ..pruning import prune_days, prune_job
from ..run_tags import LAUNCHED_BY
from .tick_time import SECONDS_OF_A_TICK

_HOURS_AFTER_REFRESH = 12
"""The tables are made by then, and pruning leaves alone what is in progress."""
_SECONDS_BETWEEN_TICKS = 600
_MOST_COMPACTED = 64 * 2**20
"""Bytes that a database may hold to be compacted while Dagster runs: less than a second for the others to wait."""


def daily_pruning(settings: Settings, switched_on: frozenset[str]) -> dg.ScheduleDefinition:
    """The schedule of the job ``prune``."""
    hour = (settings.refresh_hour + _HOURS_AFTER_REFRESH) % 24

    @dg.schedule(
        name=DAILY_PRUNING,
        cron_schedule=f"0 {hour} * * *",
        execution_timezone=settings.time_zone,
        job=prune_job,
        default_status=schedule_status(DAILY_PRUNING, switched_on),
        description=f"Removes the days that {RETENTION_VARIABLE} does not keep from the lake; nothing without it.",
    )
    def pruning(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if not Settings.load().retention:
            return dg.SkipReason(f"{RETENTION_VARIABLE} is not set, so every day stays.")
        return dg.RunRequest(
            run_key=f"{DAILY_PRUNING}:{context.scheduled_execution_time.astimezone(UTC).date()}",
            run_config=dg.RunConfig(ops={prune_days.name: {"config": {"delete": True}}}),
            tags={LAUNCHED_BY: DAILY_PRUNING},
        )

    return pruning


def dagster_history(switched_on: frozenset[str]) -> dg.SensorDefinition:
    """The sensor that keeps Dagster's history small. It starts no run: each would be history too."""

    @dg.sensor(
        name=DAGSTER_HISTORY,
        minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
        default_status=sensor_status(DAGSTER_HISTORY, switched_on),
        description="Removes what Dagster itself keeps for long: evaluations of conditions that are more than a day "
        "old and, with DEFENDER_HISTORY_DAYS, runs. It starts nothing.",
    )
    def history(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        instance, days = context.instance, Settings.load().history_days
        removed = remove_old_history(instance, days, datetime.now(UTC), seconds=SECONDS_OF_A_TICK)
        told = [
            f"{quantity(removed.evaluations, 'evaluation')} and {quantity(removed.runs, 'run')} removed"
            + (", more at the next tick." if removed.to_come else "."),
            *compact(instance, at_most=_MOST_COMPACTED),
        ]
        return dg.SkipReason(" ".join(told))

    return history
