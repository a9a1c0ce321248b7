"""What runs are making at this moment.

Here: queued and running runs as (table, tenant, day). Not here: deciding anything from it.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import dagster as dg

from ..partitions import tenant_and_day

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


class UnderWay:
    """The partitions that unfinished runs are to make, as of the moment of looking."""

    def __init__(self, context: dg.ScheduleEvaluationContext | dg.SensorEvaluationContext) -> None:
        # A schedule that is evaluated without a daemon (``evaluate_tick``) may have no instance, so no runs either.
        has_none = isinstance(context, dg.ScheduleEvaluationContext) and context.instance_ref is None
        runs = [] if has_none else context.instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED))
        self._runs = [(_tables(run), set(_snapshots(run))) for run in runs]

    def tables(self, tables: Iterable[str], tenant: str, day: date) -> set[str]:
        """Those of the tables that a run is making for that day."""
        return {
            table
            for table in tables
            for made, snapshots in self._runs
            if (tenant, day) in snapshots and (made is None or table in made)
        }

    def days(self, table: str, tenant: str) -> set[date]:
        """The days that runs are making of a table."""
        return {
            day
            for made, snapshots in self._runs
            if made is None or table in made
            for owner, day in snapshots
            if owner == tenant
        }


def _tables(run: dg.DagsterRun) -> set[str] | None:
    """None: a run by the name of its job, which may make any table."""
    if run.asset_selection is None:
        return None
    return {key.to_user_string() for key in run.asset_selection}


def _snapshots(run: dg.DagsterRun) -> Iterator[tuple[str, date]]:
    if PARTITION in run.tags:
        yield tenant_and_day(run.tags[PARTITION])
    if RANGE_START in run.tags and RANGE_END in run.tags:
        tenant, day = tenant_and_day(run.tags[RANGE_START])
        _, last = tenant_and_day(run.tags[RANGE_END])
        while day <= last:
            yield tenant, day
            day += timedelta(days=1)
