"""Which schedules and sensors are on when Dagster first sees them, in Dagster's words.

Here: the statuses. Not here: the setting that says which (``settings/switched_on.py``).
"""

import dagster as dg


def schedule_status(name: str, switched_on: frozenset[str]) -> dg.DefaultScheduleStatus:
    """The status of a schedule at first start."""
    return dg.DefaultScheduleStatus.RUNNING if name in switched_on else dg.DefaultScheduleStatus.STOPPED


def sensor_status(name: str, switched_on: frozenset[str]) -> dg.DefaultSensorStatus:
    """The status of a sensor at first start."""
    return dg.DefaultSensorStatus.RUNNING if name in switched_on else dg.DefaultSensorStatus.STOPPED
