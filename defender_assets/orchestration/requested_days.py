"""Which days of which tenant a step is to make.

Here: the way from a step's context to its days. Not here: what a partition key means (``partitions.py``), which days
can be asked for (``refresh/days.py``).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from ..tenant import DEFAULT_TENANT
from .partitions import tenant_and_day
from .run_tags import FIRST_OF_RUN, partitions_of


@dataclass(frozen=True)
class RequestedDays:
    """What one step is to refresh or compute: days of one tenant, in ascending order. ``are_partitions``: Dagster knows
    that the run is about these days."""

    tenant: str
    dates: tuple[date, ...]
    are_partitions: bool


def requested_days(context: dg.AssetExecutionContext) -> RequestedDays:
    """The tenant and days that are requested of this step. A run without any (``dagster job execute`` without tags)
    means today, the day the run started."""
    if context.has_partition_key or context.has_partition_key_range:
        keys = [tenant_and_day(str(key)) for key in context.partition_keys]
    elif FIRST_OF_RUN in context.run.tags:
        keys = list(partitions_of(context.run.tags))
    else:
        return RequestedDays(DEFAULT_TENANT, (run_day(context),), are_partitions=True)
    tenants = {tenant for tenant, _ in keys}
    if len(tenants) != 1:
        raise dg.Failure(
            "One run refreshes one tenant; launch a run (or a backfill) for each tenant.", allow_retries=False
        )
    days = tuple(sorted(day for _, day in keys))
    return RequestedDays(tenants.pop(), days, are_partitions=FIRST_OF_RUN not in context.run.tags)


def run_day(context: dg.AssetExecutionContext) -> date:
    """The UTC day on which the run started: a run that crosses midnight belongs to the day it began."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    started = record.create_timestamp if record else datetime.now(UTC)
    return started.astimezone(UTC).date()
