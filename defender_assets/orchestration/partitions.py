"""Days and tenants: what a partition key means.

Here: the partitions definition and the way from a Dagster context to (tenant, days). Only this module knows
whether there is a second dimension. Not here: which days can be asked for (``refresh/days.py``).
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from ..lake.layout import DAY, TENANT
from ..tenant import DEFAULT_TENANT

FIRST_DAY = date(2026, 1, 1)
"""Partitions begin here: before every alert the service can still remember."""


@dataclass(frozen=True)
class RequestedDays:
    """What one step is to refresh or compute: days of one tenant, in ascending order."""

    tenant: str
    dates: tuple[date, ...]


def partitions(tenants: Sequence[str]) -> dg.PartitionsDefinition:
    """One partition a day (UTC, today included); with several tenants, one a day and tenant."""
    daily = dg.DailyPartitionsDefinition(start_date=FIRST_DAY.isoformat(), end_offset=1, timezone="UTC")
    if list(tenants) == [DEFAULT_TENANT]:
        return daily
    return dg.MultiPartitionsDefinition({DAY: daily, TENANT: dg.StaticPartitionsDefinition(list(tenants))})


@contextmanager
def single_run_backfills() -> Iterator[dg.BackfillPolicy]:
    """A range of days in one run; assets are declared within, because Dagster 1.13 calls the parameter beta.

    One run means one walk over the API for many days: a backfill of 180 days of alerts is one run and not 180. A
    changed policy is applied to a month in one run, and a range of days of a state table, which cannot be captured, is
    refused once and not day by day.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=dg.BetaWarning)
        yield dg.BackfillPolicy.single_run()


def tenant_and_day(key: str) -> tuple[str, date]:
    """What a partition key means."""
    day, _, tenant = key.partition("|")
    return tenant or DEFAULT_TENANT, date.fromisoformat(day)


def requested_days(context: dg.AssetExecutionContext) -> RequestedDays:
    """The tenant and days that are requested of this step. A run without any partition (``dagster job execute`` without
    tags) means today, the day the run started."""
    if not context.has_partition_key and not context.has_partition_key_range:
        return RequestedDays(DEFAULT_TENANT, (run_day(context),))
    keys = [tenant_and_day(str(key)) for key in context.partition_keys]
    tenants = {tenant for tenant, _ in keys}
    if len(tenants) != 1:
        raise dg.Failure(
            "One run refreshes one tenant; launch a run (or a backfill) for each tenant.", allow_retries=False
        )
    return RequestedDays(tenants.pop(), tuple(sorted(day for _, day in keys)))


def run_day(context: dg.AssetExecutionContext) -> date:
    """The UTC day on which the run started: a run that crosses midnight belongs to the day it began."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    started = record.create_timestamp if record else datetime.now(UTC)
    return started.astimezone(UTC).date()


def partition_key(tenant: str, day: date) -> str:
    """The partition key of a tenant's day."""
    if tenant == DEFAULT_TENANT:
        return day.isoformat()
    return dg.MultiPartitionKey({DAY: day.isoformat(), TENANT: tenant})
