"""One asset per table, made by one factory, wherever the table's rows come from.

Here: the asset's definition, and the events of one refresh. Not here: the refresh itself (``refresh/``), when it runs
(``automation/``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from types import MappingProxyType

import dagster as dg

from ..catalog import DATASETS, DERIVED, is_core
from ..checks import combined
from ..refresh import PartitionOutcome, RefreshContext, Status, TableRefresh, consecutive, failures
from .automation.conditions import automation_condition
from .check_targets import with_one_target
from .executor import one_process_a_step
from .failures import as_failures
from .fetched import fetched_for
from .metadata import (
    LEFT_OUT,
    LINEAGE,
    MISSED,
    OWNERS,
    SAMPLE,
    UNCHANGED,
    check_result,
    column_lineage,
    definition_metadata,
    has_personal_data,
    partition_metadata,
)
from .partitions import TenantDays, single_run_backfills
from .requested_days import requested_days, run_day
from .resources import DefenderApplication, ParquetLake
from .run_tables import tables_of_run
from .sample import sample
from .service import Service
from .silent_tenants import SECONDS_NOT_ASKED
from .stopped_runs import cancel_if_stopped
from .tenants_of_step import TenantOfStep, failure_of_tenants, refresh_tenants
from .unbroken_days import finish_days

RETRIES = dg.RetryPolicy(max_retries=1, delay=SECONDS_NOT_ASKED + 15)
"""The client has tried for a minute or more before a step fails. A run that waits holds a place in which others could
run, so there is one more attempt, and it comes when a silent tenant is asked again."""

Events = Iterator[
    dg.AssetCheckResult | dg.AssetMaterialization | dg.AssetObservation | dg.MaterializeResult[None] | dg.Output[None]
]

_MetadataOfDays = Mapping[date, dict[str, "dg.RawMetadataValue"]]

# Dagster skips what comes after a step without an output, even what can do without it. An output that is marked like
# this is one for which it records no materialization.
_NOTHING_MADE: dg.MaterializeResult[None] = dg.MaterializeResult(metadata={"__source_asset_observation__": True})


def table_asset(
    source: TableRefresh, partitions: TenantDays, *, left_out_because: str = "", engine: str = "duckdb"
) -> dg.AssetsDefinition:
    """The asset of a table. Its step makes the requested partitions and reports the outcome of each.
    ``left_out_because``: why its steps will make none, where that is known already; ``engine``: what computes tables
    that SQL makes."""
    with single_run_backfills() as one_run:

        @dg.asset(
            name=source.name,
            description=source.description,
            group_name=source.group.value,
            partitions_def=partitions.definition,
            deps=[*source.inputs, *source.optional_inputs],
            backfill_policy=one_run,
            automation_condition=automation_condition(source.inputs, _awaited(source)) if source.is_computed else None,
            kinds={*source.kinds, *((engine,) if "sql" in source.kinds else ())},
            owners=OWNERS,
            tags={**source.tags, "personal": "yes" if source.table and has_personal_data(source.table) else "no"},
            metadata=definition_metadata(source) | ({LEFT_OUT: left_out_because} if left_out_because else {}),
            retry_policy=RETRIES if source.asks_the_service else None,
            output_required=False,
            check_specs=[
                dg.AssetCheckSpec(name, asset=source.name, description=description)
                for name, description in source.checks.items()
            ],
        )
        def refreshed(context: dg.AssetExecutionContext, application: DefenderApplication, lake: ParquetLake) -> Events:
            service: Service = fetched_for(context.run.run_id) or application
            with as_failures(context):
                tenants = [
                    TenantOfStep(
                        requested,
                        RefreshContext(
                            lake=lake.lake(requested.tenant),
                            settings=service.settings(),
                            today=run_day(context),
                            client=partial(service.client, requested.tenant),
                            ca_bundle=service.ca_bundle_path,
                        ),
                    )
                    for requested in requested_days(context, partitions)
                ]
                tenants = refresh_tenants(context, source, tenants, service, _fetched_together(context))
            yield from _Step(context, source, partitions, tenants).events()
            if any(tenant.failed for tenant in tenants):
                yield from _after_failure(context, source, partitions, tenants, service)
                cancel_if_stopped(context)
                raise failure_of_tenants(context, source.name, tenants)

    return refreshed


def _awaited(source: TableRefresh) -> list[str]:
    """The optional inputs of the core, and those that are computed: nothing is to be judged without one that is about
    to come."""
    return [
        name for name in source.optional_inputs if name in DERIVED or (name in DATASETS and is_core(DATASETS[name]))
    ]


def _fetched_together(context: dg.AssetExecutionContext) -> set[str]:
    """The tables of the run that come from outside; none where each step has a process of its own."""
    tables = {} if one_process_a_step() else tables_of_run(context)
    return {name for name, table in tables.items() if not table.is_computed}


@dataclass(frozen=True)
class _Step:
    """The events of one step over its tenants."""

    context: dg.AssetExecutionContext
    source: TableRefresh
    partitions: TenantDays
    tenants: Sequence[TenantOfStep]

    def events(self) -> Events:
        """What the step tells Dagster. Of one that fails, its failure and what is made nevertheless come after it."""
        context, source = self.context, self.source
        outcomes = [outcome for tenant in self.tenants for outcome in tenant.outcomes]
        verdicts = with_one_target(self._verdicts())
        if failures(outcomes):
            # The checks that blocked publication are shown too, and what was published is recorded.
            yield from verdicts
            yield from self._each_day()
            return
        are_partitions = all(tenant.requested.are_partitions for tenant in self.tenants)
        if not are_partitions or not all(outcome.is_made for outcome in outcomes):
            yield from verdicts
            yield from self._each_day()
            checked = {verdict.check_name for verdict in verdicts}
            for output, spec in context.assets_def.check_specs_by_output_name.items():
                if spec.name not in checked:
                    yield dg.Output(None, output_name=output)  # nothing was checked, so there is no result
            yield _NOTHING_MADE
            return
        partitioned = context.has_partition_key or context.has_partition_key_range
        for tenant in self.tenants:
            more = self._metadata_of_newest(tenant)
            for outcome in tenant.outcomes:
                if summary := outcome.facts.get("summary"):
                    context.log.info(str(summary))
                context.add_asset_metadata(
                    partition_metadata(outcome) | more.get(outcome.day, {}),
                    asset_key=source.name,
                    partition_key=self.partitions.key(tenant.requested.tenant, outcome.day) if partitioned else None,
                )
        yield dg.MaterializeResult(metadata=_totals(outcomes), check_results=verdicts)

    def _each_day(self) -> Events:
        """An event for each day that was made, and what is said of those that were not."""
        for tenant in self.tenants:
            more = self._metadata_of_newest(tenant)
            yield from _materializations(self.partitions, tenant.requested.tenant, tenant.outcomes, more)
            yield from self._observations(tenant)

    def _metadata_of_newest(self, tenant: TenantOfStep) -> _MetadataOfDays:
        """What is told of the newest day that was made, and not of each: a range may have hundreds."""
        source, refreshing = self.source, tenant.refreshing
        made = [outcome.day for outcome in tenant.outcomes if outcome.is_made]
        if source.table is None or not made:
            return {}
        rows = sample(refreshing.lake, source.table, max(made), refreshing.settings.sample_rows)
        lineage = column_lineage(source.name)
        return {max(made): ({SAMPLE: rows} if rows else {}) | ({LINEAGE: lineage} if lineage else {})}

    def _observations(self, tenant: TenantOfStep) -> Events:
        """Events that say on the table's page why days were not made that did not fail: one for each day of a table
        that is done without, and for days that can no longer be captured, of which there may be hundreds, one for each
        row of them."""
        not_made = [outcome for outcome in tenant.outcomes if not outcome.is_made]
        told: list[tuple[PartitionOutcome, str, str]] = []
        for status, label in ((Status.LEFT_OUT, LEFT_OUT), (Status.UNCHANGED, UNCHANGED), (Status.MISSED, MISSED)):
            of_days = {outcome.day: outcome for outcome in not_made if outcome.status is status}
            if status is Status.LEFT_OUT:
                told += [(outcome, label, outcome.not_made_because) for outcome in of_days.values()]
                continue
            for days in consecutive(list(of_days)):
                last = of_days[days.last]
                more = f" The same holds of every day from {days.first} on." if days.first < days.last else ""
                told.append((last, label, f"{last.not_made_because}{more}"))
        for outcome, label, why in told:
            key = self.partitions.key(tenant.requested.tenant, outcome.day)
            self.context.log.info("%s of %s, %s: %s", outcome.table, key, label, why)
            yield dg.AssetObservation(outcome.table, partition=key, metadata={label: why})

    def _verdicts(self) -> Iterator[dg.AssetCheckResult]:
        """One result per check over all days, of the first tenant for which it failed."""
        for name in self.source.checks:
            results = [
                check
                if len(self.tenants) == 1
                else replace(check, message=f"{tenant.requested.tenant}: {check.message}")
                for tenant in self.tenants
                for outcome in tenant.outcomes
                for check in outcome.checks
                if check.name == name
            ]
            if results:
                yield check_result(combined(results))


def _after_failure(
    context: dg.AssetExecutionContext,
    source: TableRefresh,
    partitions: TenantDays,
    tenants: Sequence[TenantOfStep],
    service: Service,
) -> Events:
    """What Dagster will skip because the step fails for some days, or for some tenants, is made for the others."""
    several = len(tenants) > 1 and not one_process_a_step()
    for tenant in tenants:
        name = tenant.requested.tenant
        if several and not (source.asks_the_service and tenant.failed):
            made = finish_days(
                context,
                source.name,
                tenant,
                known=service.tenants.of(name),
                refresh=partial(_made_early, service, tenant),
            )
        elif source.is_computed:
            made = finish_days(context, source.name, tenant)
        else:
            continue
        for outcome in made:
            yield from _materializations(partitions, name, [outcome])


def _made_early(
    service: Service, tenant: TenantOfStep, table: TableRefresh, days: Sequence[date]
) -> Sequence[PartitionOutcome]:
    """A table of a tenant before its step, or in place of it; the step finds what was made."""
    outcomes = service.refresh(table, days, tenant.refreshing)
    service.tenants.note(tenant.requested.tenant, table.name, outcomes)
    return outcomes


def _materializations(
    partitions: TenantDays,
    tenant: str,
    outcomes: Sequence[PartitionOutcome],
    more: _MetadataOfDays = MappingProxyType({}),
) -> Events:
    """One event for each day that was published, of a step that does not make all it was asked for."""
    for outcome in outcomes:
        if outcome.is_made:
            yield dg.AssetMaterialization(
                outcome.table,
                partition=partitions.key(tenant, outcome.day),
                metadata=partition_metadata(outcome) | more.get(outcome.day, {}),
            )


def _totals(outcomes: Sequence[PartitionOutcome]) -> dict[str, int]:
    rows = [outcome.rows for outcome in outcomes if outcome.rows is not None]
    return {"dagster/row_count": sum(rows)} if rows else {}
