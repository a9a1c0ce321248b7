"""Pruning, as the job ``prune``: the days that retention does not keep go, of the lake and of what Dagster knows of it.

Here: the job, and what it shares with ``defender-assets prune``: the days that runs are working on. Not here: which
partitions go (``lake/retention.py``), removing them (``lake/pruning.py``), when it runs (``automation/pruning.py``).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

import dagster as dg

from ..lake import ALL_TENANTS, Lake, Pruned, TablePlan, days_apart, planned, remove_planned
from ..quantity import quantity, size
from ..refresh import table_refreshes
from ..settings import (
    RETENTION_VARIABLE,
    Problem,
    Settings,
    SettingsError,
    check_tenant,
    retention,
    tenant_names,
)
from ..tenant import DEFAULT_TENANT
from .failures import as_failures
from .pruned_partitions import forget_pruned
from .resources import ParquetLake
from .run_tags import partitions_of
from .unfinished_runs import unfinished_runs

PRUNE = "prune"


def prune_lake(
    instance: dg.DagsterInstance, lake: Lake, plans: Sequence[TablePlan], today: date, staging: str | None
) -> Iterator[Pruned]:
    """Removes what the plans say from a tenant's lake, and then from what the instance knows; in the lake of all
    tenants the pages over all of them, which it does not know. Raises LakeError."""
    if lake.tenant is None:
        yield from remove_planned(lake, plans, today, staging=staging)
        return
    yield from remove_planned(lake, plans, today, in_use=_days_in_use(instance, lake.tenant), staging=staging)
    forget_pruned(instance, lake)


def _days_in_use(instance: dg.DagsterInstance, tenant: str) -> set[date]:
    """The days of a tenant's partitions that queued or running runs make; they read other tables of the same days."""
    tenants = tenant_names()
    runs = unfinished_runs(instance)
    return {day for run in runs for of_tenant, day in partitions_of(run.tags, tenants) if of_tenant == tenant}


class PruneConfig(dg.Config):
    """Of which tenants (``all``: of every one, and the pages over all of them), and whether anything is removed:
    without ``delete`` it is only said what would be."""

    tenant: str = ALL_TENANTS
    delete: bool = False


@dg.op(description="Says which days of the lake DEFENDER_RETENTION does not keep and, with delete, removes them.")
def prune_days(context: dg.OpExecutionContext, config: PruneConfig, lake: ParquetLake) -> None:
    today = datetime.now(UTC).date()
    with as_failures(context):
        settings = Settings.load()
        rules = retention(settings.retention, table_refreshes())
        if rules is None:
            raise SettingsError(
                Problem(RETENTION_VARIABLE, "is not set", "say which days stay, such as 30 days, 26 weeks, 24 months")
            )
        if config.tenant == ALL_TENANTS:
            tenants = (*tenant_names(settings), ALL_TENANTS)
        else:
            check_tenant(settings, config.tenant)
            tenants = (config.tenant,)
        records: list[dg.TableRecord] = []
        days = freed = 0
        apart: list[str] = []
        for tenant in tenants:
            plans = planned(lake.lake(tenant), rules, today)
            if sentence := days_apart(plans, today):
                apart.append(sentence if tenant == DEFAULT_TENANT else f"{tenant}: {sentence}")
                context.log.warning(apart[-1])
            staging = settings.spark_staging
            for pruned in _pruned(context.instance, lake.lake(tenant), plans, today, staging, delete=config.delete):
                days += len(pruned.removed)
                freed += pruned.bytes
                records.append(_record(tenant, pruned))
    context.log.info(
        "%s %s, %s.", quantity(days, "partition"), "removed" if config.delete else "would be removed", size(freed)
    )
    facts: dict[str, dg.RawMetadataValue] = {
        "removed" if config.delete else "would be removed": days,
        "bytes": freed,
        "tables": dg.MetadataValue.table(records, schema=_SCHEMA),
    }
    if apart:
        facts["not counted from"] = "\n".join(apart)
    context.add_output_metadata(facts)


def _pruned(
    instance: dg.DagsterInstance,
    lake: Lake,
    plans: Sequence[TablePlan],
    today: date,
    staging: str | None,
    *,
    delete: bool,
) -> Iterator[Pruned]:
    if delete:
        yield from prune_lake(instance, lake, plans, today, staging)
    else:
        yield from (Pruned(plan.table, tuple(plan.removed), plan.freed) for plan in plans if plan.removed)


_SCHEMA = dg.TableSchema(
    [
        dg.TableColumn("tenant", "string"),
        dg.TableColumn("table", "string"),
        dg.TableColumn("days", "int"),
        dg.TableColumn("first", "string"),
        dg.TableColumn("last", "string"),
        dg.TableColumn("bytes", "int"),
        dg.TableColumn("left, because in use", "int"),
    ]
)


def _record(tenant: str, pruned: Pruned) -> dg.TableRecord:
    days = pruned.removed or (None,)
    return dg.TableRecord(
        {
            "tenant": tenant,
            "table": pruned.table,
            "days": len(pruned.removed),
            "first": str(days[0] or ""),
            "last": str(days[-1] or ""),
            "bytes": pruned.bytes,
            "left, because in use": len(pruned.in_use),
        }
    )


@dg.job(
    name=PRUNE,
    description="Removes the days that DEFENDER_RETENTION does not keep. Unless its configuration says delete, it only "
    "says which they are, and how much they take.",
)
def prune_job() -> None:
    prune_days()
