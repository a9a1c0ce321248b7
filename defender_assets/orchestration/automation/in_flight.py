"""Which tables and days are being refreshed at this moment.

Here: queued and running runs, as tables, tenants and days. Not here: deciding anything from it (``decision.py``).
"""

from collections.abc import Iterable
from datetime import date

import dagster as dg

from ..partitions import TenantDays
from ..run_tags import partitions_of
from ..unfinished_runs import unfinished_runs


class RunsInFlight:
    """The runs that were queued or running when the object was made."""

    def __init__(
        self, context: dg.ScheduleEvaluationContext | dg.SensorEvaluationContext, partitions: TenantDays
    ) -> None:
        # A schedule that is evaluated without a daemon (``evaluate_tick``) may have no instance, so no runs either.
        no_instance = isinstance(context, dg.ScheduleEvaluationContext) and context.instance_ref is None
        runs = () if no_instance else unfinished_runs(context.instance)
        self._runs = [(_selected_tables(run), set(partitions_of(run.tags, partitions.tenants))) for run in runs]

    def tables(self, tables: Iterable[str], tenant: str, day: date) -> set[str]:
        """Those of the tables that are being refreshed for that day."""
        return {
            table
            for table in tables
            for selected, partitions in self._runs
            if (tenant, day) in partitions and (selected is None or table in selected)
        }

    def days(self, table: str, tenant: str) -> set[date]:
        """The days of a table that are being refreshed."""
        return {
            day
            for selected, partitions in self._runs
            if selected is None or table in selected
            for of_tenant, day in partitions
            if of_tenant == tenant
        }


def _selected_tables(run: dg.DagsterRun) -> set[str] | None:
    """None for a run that was launched by the name of its job: it may refresh any table."""
    if run.asset_selection is None:
        return None
    return {key.to_user_string() for key in run.asset_selection}
