"""The tags of a run: Dagster's own, and those of this project (``defender/…``).

Here: their names, and the days of a run as tags. Not here: what a partition key means (``partitions.py``), which
runs are requested (``automation/run_requests.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from ..refresh import Window
from .partitions import TenantDays, between, tenant_and_day

PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
WILL_RETRY = "dagster/will_retry"
"""``true`` on a run that crashed and will be started again."""
ROOT_RUN = "dagster/root_run_id"
"""On a run that was started again: the first run of the series."""

LAUNCHED_BY = "defender/launched_by"
"""The schedule or sensor that requested the run."""
USER = "user"
"""Whom Dagster's list of runs shows as the one who launched the run; without it, it was "manually launched"."""
COMMAND_LINE = "command line"
"""The one who launched a run at a terminal; the list cuts what is longer."""
REASON = "defender/reason"
"""What the run was requested for; every attempt has the same."""
ATTEMPT = "defender/attempt"
"""1 for the first request for a reason, then 2, 3 …"""
FIRST_OF_RUN = "defender/first_partition"
LAST_OF_RUN = "defender/last_partition"
"""Of a run over days that begin before the partitions of the UI do: Dagster refuses keys that are no partitions."""
OF_TENANT = "defender/tenant"
"""The tenant of a run, where tenants have names; ``dagster.yaml`` limits how many runs of one go on at a time."""
STEP_RETRIES = "defender/step_retries"
"""``off`` for runs that a person is waiting for at a terminal: a failed step is not tried again."""


def partition_tags(tenant: str, days: Window, partitions: TenantDays) -> dict[str, str]:
    """The tags of a run over these days of a tenant: one partition, a range, or days that begin before the first of the
    ``partitions``."""
    first, last = str(partitions.key(tenant, days.first)), str(partitions.key(tenant, days.last))
    of_tenant = {OF_TENANT: tenant} if partitions.has_tenants else {}
    if days.first < partitions.first:
        return {FIRST_OF_RUN: first, LAST_OF_RUN: last, **of_tenant}
    return ({PARTITION: first} if days.first == days.last else {RANGE_START: first, RANGE_END: last}) | of_tenant


def partitions_of(tags: Mapping[str, str], tenants: Sequence[str] = ()) -> Iterator[tuple[str, date]]:
    """The partitions that a run with these tags covers, as (tenant, day); none for a run without partitions. A range
    may go from one of the ``tenants`` to another."""
    if PARTITION in tags:
        yield tenant_and_day(tags[PARTITION])
    for start, end in ((RANGE_START, RANGE_END), (FIRST_OF_RUN, LAST_OF_RUN)):
        if start in tags and end in tags:
            first_tenant, first = tenant_and_day(tags[start])
            last_tenant, last = tenant_and_day(tags[end])
            for tenant in between(tenants, first_tenant, last_tenant):
                for day in Window(first, last).dates:
                    yield tenant, day
