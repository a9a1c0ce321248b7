"""Days and tenants: what a partition key means.

Here: the partitions definition and the way from a partition key to (tenant, day) and back. Only this module knows
whether there is a second dimension. Not here: the days of a run (``run_tags.py``), the first of all days
(``first_day.py``), which days can be asked for (``refresh/days.py``).
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

import dagster as dg

from ..lake.layout import DAY, TENANT
from ..tenant import DEFAULT_TENANT


def partitions(tenants: Sequence[str], first: date) -> dg.PartitionsDefinition:
    """One partition a day (UTC) from ``first`` to today; with several tenants, one a day and tenant."""
    daily = dg.DailyPartitionsDefinition(start_date=first.isoformat(), end_offset=1, timezone="UTC")
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


def first_of(days: dg.PartitionsDefinition | None) -> date:
    """The first day that has a partition."""
    if isinstance(days, dg.MultiPartitionsDefinition):
        days = days.get_partitions_def_for_dimension(DAY)
    if not isinstance(days, dg.TimeWindowPartitionsDefinition):
        raise TypeError("every table has a partition a day")
    return days.start.date()


def tenant_and_day(key: str) -> tuple[str, date]:
    """What a partition key means."""
    day, _, tenant = key.partition("|")
    return tenant or DEFAULT_TENANT, date.fromisoformat(day)


def partition_key(tenant: str, day: date) -> str:
    """The partition key of a tenant's day."""
    if tenant == DEFAULT_TENANT:
        return day.isoformat()
    return dg.MultiPartitionKey({DAY: day.isoformat(), TENANT: tenant})
