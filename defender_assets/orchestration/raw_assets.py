"""One asset per dataset of the service, made by a factory over the catalog.

Here: the thin shell around ``ingest.refresh``. Not here: anything about a particular dataset.
"""

from collections.abc import Iterator

import dagster as dg

from ..catalog import Dataset, PerDevice
from ..refresh import CHECKS, Check, NotPublished, Refreshed, checks_of, refresh
from .failures import told_as_failure
from .metadata import OWNERS, definition_metadata, definition_tags, observed
from .partitions import key_of, run_day, single_run_backfills, snapshot_of
from .resources import DefenderApplication, ParquetLake

RETRIES = dg.RetryPolicy(max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)


def raw_asset(dataset: Dataset, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The asset of a dataset. Its step asks the service, proves that the rows are whole, and publishes them."""

    with single_run_backfills() as one_run:

        @dg.asset(
            name=dataset.name,
            description=dataset.description,
            group_name=dataset.group.value,
            partitions_def=partitions,
            deps=[dataset.fetch.devices] if isinstance(dataset.fetch, PerDevice) else None,
            backfill_policy=one_run,
            kinds={"azure", "parquet"},
            owners=OWNERS,
            tags=definition_tags(dataset),
            metadata=definition_metadata(dataset),
            retry_policy=RETRIES,
            output_required=False,
            check_specs=[
                dg.AssetCheckSpec(name, asset=dataset.name, description=CHECKS[name]) for name in checks_of(dataset)
            ],
        )
        def refreshed(
            context: dg.AssetExecutionContext, application: DefenderApplication, lake: ParquetLake
        ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
            snapshot = snapshot_of(context)
            with told_as_failure(context):
                try:
                    result = refresh(
                        dataset,
                        client=application.client(snapshot.tenant),
                        lake=lake.lake(snapshot.tenant),
                        dates=snapshot.dates,
                        today=run_day(context),
                        settings=application.settings(),
                    )
                except NotPublished as refusal:
                    # The verdict is told, and then the step fails: nothing was written.
                    yield from (_told(check) for check in refusal.checks)
                    raise
            partitioned = context.has_partition_key or context.has_partition_key_range
            for day in result.days:
                context.add_asset_metadata(
                    {"dagster/partition_row_count": day.rows, "dagster/uri": day.uri, "bytes written": day.bytes},
                    asset_key=dataset.name,
                    partition_key=key_of(snapshot.tenant, day.date) if partitioned else None,
                )
            yield dg.MaterializeResult(metadata=_facts(result), check_results=[_told(check) for check in result.checks])

    return refreshed


def _told(check: Check) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=check.name,
        passed=check.passed,
        description=check.description,
        severity=dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN,
        metadata=dict(check.numbers),
    )


def _facts(result: Refreshed) -> dict:
    coverage = result.coverage
    return observed(
        {
            "dagster/row_count": result.rows,
            "observed at": result.observed_at,
            "asked in": result.asked_in,
            "calls": result.calls,
            "bytes received": result.bytes_received,
            "seconds": round(result.seconds, 2),
            "parquet": dg.MetadataValue.md("\n".join(f"- `{day.uri}`" for day in result.days[-3:])),
            "days": f"{result.days[0].date} to {result.days[-1].date}" if len(result.days) > 1 else None,
            "rows of other days, left out": result.other_days or None,
            "rows sent twice, kept once": result.repeated_rows or None,
            "rows read the tolerant way": result.tolerant_rows or None,
            "unknown members, kept in extra": ", ".join(result.unknown_members) or None,
            "export generated at": result.generated_time,
            "devices": coverage.devices if coverage else None,
            "devices covered": coverage.covered if coverage else None,
            "oldest answer": coverage.oldest if coverage else None,
        }
    )
