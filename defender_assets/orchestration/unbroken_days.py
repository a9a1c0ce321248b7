"""What a failed computation must not leave half done.

Here: which tables of the run have to be made although a step failed, and making them. Not here: the step of a table
(``assets.py``).

Dagster skips everything downstream of a step that failed, for every day of the run and however little depends on it.
Under a new policy that would leave days whose findings follow the new policy and whose verdicts the old one. So a
computed table's step that fails, for some days or for all, first makes what can be made without it, and then fails.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

import dagster as dg

from ..refresh import PartitionOutcome, RefreshContext, Status, TableRefresh
from .partitions import tenant_and_day
from .run_tables import tables_of_run
from .tenants_of_step import TenantOfStep

_Days = dict[str, set[date]]
"""Table -> the days that this run has made of it, or does without it."""

_Refresh = Callable[[TableRefresh, Sequence[date]], Sequence[PartitionOutcome]]


def finish_days(
    context: dg.AssetExecutionContext,
    failed: str,
    tenant: TenantOfStep,
    *,
    known: Mapping[str, Sequence[PartitionOutcome]] | None = None,
    refresh: _Refresh | None = None,
) -> Iterator[PartitionOutcome]:
    """Makes the computed tables of a tenant in this run that come after ``failed``, and yields their outcomes.

    A day that failed is not made of a table that needs it. Nor of one that would do without it while the lake holds an
    older partition: numbers under two policies would stand in one row.

    Of a run over several tenants ``known`` are the outcomes of the tenant so far, and ``refresh`` makes a table, those
    that are fetched too: a tenant that has not failed is finished here, because Dagster will skip its steps.
    """
    days, refreshing = set(tenant.requested.dates), tenant.refreshing
    known = known or {}
    tables = {name: table for name, table in tables_of_run(context).items() if table.is_computed or refresh}
    after = [name for name in tables if failed in _before(name, tables)]
    told = _made_in_this_run(context, tenant.requested.tenant, days)
    made = told | {name: _settled(outcomes) for name, outcomes in known.items()} | {failed: _settled(tenant.outcomes)}
    # What they need besides may not have had its turn in this run.
    missing = {name for table in after for name in _before(table, tables) if name not in made} - {failed}
    for name, table in tables.items():
        outcomes: Sequence[PartitionOutcome] = ()
        if name in known:
            # Made before its step, because of a failure before this one; now there will be no step to tell of it.
            outcomes = known[name] if name not in told else ()
        elif name in after or name in missing:
            possible = sorted(days - _impossible(table, days, made, refreshing))
            outcomes = table.refresh(possible, refreshing) if refresh is None else refresh(table, possible)
            made[name] = _settled(outcomes)
        if name in after:
            yield from outcomes


def _settled(outcomes: Sequence[PartitionOutcome]) -> set[date]:
    """The days that were made. Those that the table is left out on too: what can be made without it does not look at
    its older partition, and what cannot says so itself."""
    return {outcome.day for outcome in outcomes if outcome.is_made or outcome.status is Status.LEFT_OUT}


def _impossible(table: TableRefresh, days: set[date], made: _Days, refreshing: RefreshContext) -> set[date]:
    """The days on which a computed input of the table was not made in this run, unless the table does without it and
    the lake holds none."""
    impossible: set[date] = set()
    for name in made.keys() & _made_from(table):
        failed = days - made[name]
        impossible |= failed if name in table.inputs else failed.intersection(refreshing.lake.dates(name))
    return impossible


def _made_in_this_run(context: dg.AssetExecutionContext, tenant: str, days: set[date]) -> _Days:
    made: _Days = {}
    for entry in context.instance.all_logs(context.run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        assert entry.dagster_event is not None
        materialization = entry.dagster_event.step_materialization_data.materialization
        of_tenant, day = tenant_and_day(materialization.partition) if materialization.partition else (tenant, None)
        if of_tenant == tenant:
            made.setdefault(materialization.asset_key.to_user_string(), set()).update(days if day is None else {day})
    return made


def _made_from(table: TableRefresh) -> set[str]:
    return {*table.inputs, *table.optional_inputs}


def _before(name: str, tables: Mapping[str, TableRefresh]) -> set[str]:
    direct = _made_from(tables[name]) & tables.keys()
    return direct.union(*(_before(other, tables) for other in direct))
