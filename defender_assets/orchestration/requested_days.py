"""Which days of which tenants a step is to make.

Here: the way from a step's context to its days. Not here: what a partition key means (``partitions.py``), which days
can be asked for (``refresh/days.py``).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from .partitions import TenantDays, tenant_and_day
from .run_tags import FIRST_OF_RUN, partitions_of


@dataclass(frozen=True)
class RequestedDays:
    """What one step is to refresh or compute: days of one tenant, in ascending order. ``are_partitions``: Dagster knows
    that the run is about these days."""

    tenant: str
    dates: tuple[date, ...]
    are_partitions: bool


def requested_days(context: dg.AssetExecutionContext, partitions: TenantDays) -> tuple[RequestedDays, ...]:
    """The days that are requested of this step, of each tenant. A run without any (``dagster job execute`` without
    tags) means today, the day the run started, of every tenant."""
    if context.has_partition_key or context.has_partition_key_range:
        keys = [tenant_and_day(str(key)) for key in context.partition_keys]
    elif FIRST_OF_RUN in context.run.tags:
        keys = list(partitions_of(context.run.tags, partitions.tenants))
    else:
        keys = [(tenant, run_day(context)) for tenant in partitions.tenants]
    are_partitions = not partitions.has_tenants or context.has_partition_key or context.has_partition_key_range
    days: dict[str, set[date]] = {}
    for tenant, day in keys:
        days.setdefault(tenant, set()).add(day)
    return tuple(
        RequestedDays(tenant, tuple(sorted(of_tenant)), are_partitions and FIRST_OF_RUN not in context.run.tags)
        for tenant, of_tenant in days.items()
    )


def run_day(context: dg.AssetExecutionContext) -> date:
    """The UTC day on which the run started: a run that crosses midnight belongs to the day it began."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    started = record.create_timestamp if record else datetime.now(UTC)
    return started.astimezone(UTC).date()
