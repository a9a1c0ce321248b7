"""``lake_partitions``: the sensor that tells Dagster of partitions which no run of it has made.

Here: when the lake is looked at, and for how long. Not here: what is recorded (``orchestration/lake_partitions.py``).
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from ...errors import DefenderAssetsError
from ...quantity import quantity
from ...settings import LAKE_PARTITIONS
from ..default_status import sensor_status
from ..failures import failure_of
from ..lake_partitions import Recorded, record, unrecorded
from ..partitions import first_of
from .in_flight import RunsInFlight
from .probe import TenantProbes

_SECONDS_BETWEEN_TICKS = 30
_LOOK_AGAIN_AFTER = timedelta(minutes=10)
_SECONDS_OF_A_TICK = 25.0
"""Of the sixty that Dagster waits for a tick; one event takes some milliseconds, on a slow disk some tens."""


def lake_watch(
    probes: TenantProbes, partitions: dg.PartitionsDefinition | None, switched_on: frozenset[str]
) -> dg.SensorDefinition:
    """The sensor. It asks nothing of the service, and looks at the lake at its start and every ten minutes."""

    @dg.sensor(
        name=LAKE_PARTITIONS,
        minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
        default_status=sensor_status(LAKE_PARTITIONS, switched_on),
        description="Shows the partitions that the lake holds although no run of this Dagster made them: after a "
        "refresh elsewhere, a restore or a move. It starts nothing.",
    )
    def lake_partitions(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        now = datetime.now(UTC)
        if context.cursor and now - (last := datetime.fromisoformat(context.cursor)) < _LOOK_AGAIN_AFTER:
            return dg.SkipReason(f"The lake was looked at at {last:%H:%M} UTC; it is looked at every ten minutes.")
        in_flight = RunsInFlight(context)
        done = Recorded()
        try:
            for tenant in probes.tenants():
                lake = probes.lake(tenant)
                found = unrecorded(context.instance, lake, first=first_of(partitions), being_made=in_flight.days)
                seconds = _SECONDS_OF_A_TICK - (datetime.now(UTC) - now).total_seconds()
                done += record(context.instance, lake, found, seconds=seconds)
        except DefenderAssetsError as error:
            return dg.SkipReason(f"The look failed: {failure_of(error).description}")
        told = f"{quantity(done.recorded, 'partition')} of the lake recorded"
        if done.to_come:
            return dg.SkipReason(f"{told}, {done.to_come:,} to come.")
        context.update_cursor(now.isoformat())
        if done.unreadable:
            damaged = quantity(done.unreadable, "damaged partition")
            return dg.SkipReason(f"{told}, and {damaged} left out (defender-assets tables names them).")
        return dg.SkipReason(f"{told}." if done.recorded else "The lake holds nothing new.")

    return lake_partitions
