"""Days and tenants: what a partition key means.

Here: the partitions definition and the way from a partition key to (tenant, day) and back. Only this module knows
whether there is a second dimension. Not here: the days of a run (``run_tags.py``), the first of all days
(``first_day.py``), which days can be asked for (``refresh/days.py``).
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import dagster as dg

from ..lake.layout import DAY, TENANT
from ..tenant import DEFAULT_TENANT


@dataclass(frozen=True)
class TenantDays:
    """One partition a day (UTC) from ``first`` to today; where the tenants have names, one a day and tenant."""

    first: date
    tenants: tuple[str, ...] = (DEFAULT_TENANT,)
    """In the order in which Dagster has them: a range of partitions may go from one to another."""

    @classmethod
    def of(cls, definition: dg.PartitionsDefinition | None) -> "TenantDays":
        """Those that a table was declared with."""
        days = definition
        tenants: tuple[str, ...] = (DEFAULT_TENANT,)
        if isinstance(definition, dg.MultiPartitionsDefinition):
            days = definition.get_partitions_def_for_dimension(DAY)
            tenants = tuple(definition.get_partitions_def_for_dimension(TENANT).get_partition_keys())
        if not isinstance(days, dg.TimeWindowPartitionsDefinition):
            raise TypeError("every table has a partition a day")
        return cls(days.start.date(), tenants)

    @property
    def has_tenants(self) -> bool:
        """Whether there is a dimension of tenants."""
        return self.tenants != (DEFAULT_TENANT,)

    @cached_property
    def definition(self) -> dg.PartitionsDefinition:
        """What the assets are declared with."""
        daily = dg.DailyPartitionsDefinition(start_date=self.first.isoformat(), end_offset=1, timezone="UTC")
        if not self.has_tenants:
            return daily
        return dg.MultiPartitionsDefinition({DAY: daily, TENANT: dg.StaticPartitionsDefinition(list(self.tenants))})

    def key(self, tenant: str, day: date) -> str:
        """The partition key of a tenant's day."""
        if not self.has_tenants:
            return day.isoformat()
        return dg.MultiPartitionKey({DAY: day.isoformat(), TENANT: tenant})


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


def between(tenants: Sequence[str], first: str, last: str) -> Sequence[str]:
    """The tenants of a range of partitions, in their order. Where one of the two that it names is
    not known any more, those two."""
    if first in tenants and last in tenants:
        return tenants[tenants.index(first) : tenants.index(last) + 1]
    return list(dict.fromkeys((first, last)))
