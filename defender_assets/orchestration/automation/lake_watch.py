"""``lake_partitions``: the sensor that tells Dagster of partitions which no run of it has made.

Here: when the lake is looked at, and for how long. Not here: what is recorded (``orchestration/lake_partitions.py``).
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from ...errors import DefenderAssetsError
from ...quantity import quantity
from ...settings import LAKE_PARTITIONS
from ...tenant import of_tenant
from ..default_status import sensor_status
from ..failures import failure_of
from ..lake_partitions import Recorded, record, unrecorded
from ..partitions import TenantDays
from ..pruned_partitions import forget_pruned
from .in_flight import RunsInFlight
from .listed_tenants import listed_tenants
from .probe import TenantProbes
from .tick_time import SECONDS_OF_A_TICK

_SECONDS_BETWEEN_TICKS = 30
_LOOK_AGAIN_AFTER = timedelta(minutes=10)


def lake_watch(probes: TenantProbes, partitions: TenantDays, switched_on: frozenset[str]) -> dg.SensorDefinition:
    """The sensor. It asks nothing of the service, and looks at the lake at its start and every ten minutes."""

    @dg.sensor(
        name=LAKE_PARTITIONS,
        minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
        default_status=sensor_status(LAKE_PARTITIONS, switched_on),
        description="Shows the partitions that the lake holds although no run of this Dagster made them: after a "
        "refresh elsewhere, a restore or a move; and forgets those that were pruned elsewhere. It starts nothing.",
    )
    def lake_partitions(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        now = datetime.now(UTC)
        last, _, failed = (context.cursor or "").partition(" ")
        if last and now - (checked := datetime.fromisoformat(last)) < _LOOK_AGAIN_AFTER:
            told = f"The lake was last checked at {checked:%H:%M} UTC; it is checked every ten minutes."
            return dg.SkipReason(f"{told} {failed}".rstrip())
        in_flight = RunsInFlight(context, partitions)
        done, forgotten = Recorded(), 0
        listed = listed_tenants(probes, partitions)
        tenants, failures = listed.tenants, [f"{message}." for message in listed.messages]
        for tenant in tenants:
            try:
                lake = probes.lake(tenant)
                found = unrecorded(context.instance, lake, partitions=partitions, being_made=in_flight.days)
                seconds = SECONDS_OF_A_TICK - (datetime.now(UTC) - now).total_seconds()
                done += record(context.instance, lake, found, seconds=seconds)
                forgotten += forget_pruned(context.instance, lake)
            except DefenderAssetsError as error:
                failures.append(f"The lake{of_tenant(tenant)} could not be read: {failure_of(error).description}")
        if not done.to_come:
            # With what went wrong, or the next ticks would read as if there was nothing to do.
            context.update_cursor(" ".join([now.isoformat(), *failures]))
        all_failed = len(failures) - len(listed.messages) == len(tenants)
        sentences = [*failures, *_in_words(done, all_failed=all_failed)]
        if forgotten:
            sentences.append(f"{quantity(forgotten, 'partition')} forgotten that retention removed.")
        return dg.SkipReason(" ".join(sentences))

    return lake_partitions


def _in_words(done: Recorded, *, all_failed: bool) -> list[str]:
    told = f"{quantity(done.recorded, 'partition')} of the lake recorded"
    if done.to_come:
        return [f"{told}, {done.to_come:,} to come."]
    if done.unreadable:
        damaged = quantity(done.unreadable, "damaged partition")
        return [f"{told}, and {damaged} left out (defender-assets tables names them)."]
    if done.recorded:
        return [f"{told}."]
    return [] if all_failed else ["The lake holds nothing new."]
