"""One asset per public feed.

Here: the thin shell around ``reference.refresh_feed``. Not here: formats and addresses (``reference``).

A feed that cannot be fetched fails nothing: the asset is materialized with what there is, and says so.
"""

import dagster as dg

from ..lake import Lake
from ..reference import Feed
from ..refresh.feed import FeedOutcome, FeedStatus, refresh_feed
from .failures import told_as_failure
from .metadata import OWNERS, definition_metadata, definition_tags, observed
from .partitions import run_day, single_run_backfills, snapshot_of
from .resources import DefenderApplication, ParquetLake


def reference_asset(feed: Feed, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The asset of a feed: today's copy; of another day it keeps what was known then."""
    with single_run_backfills() as one_run:

        @dg.asset(
            name=feed.name,
            description=feed.table.description,
            group_name=feed.table.group.value,
            partitions_def=partitions,
            backfill_policy=one_run,
            kinds={"parquet"},
            owners=OWNERS,
            tags=definition_tags(feed.table),
            metadata=definition_metadata(feed.table)
            | {
                "source": feed.address or "ships with the package",
                "licence": feed.licence,
                "attribution": feed.attribution,
                "documentation": dg.MetadataValue.url(feed.page),
                "setting": feed.variable,
            },
            check_specs=[
                dg.AssetCheckSpec("is_fresh", asset=feed.name, description="The copy in use is within its age limit.")
            ],
        )
        def fetched(
            context: dg.AssetExecutionContext, application: DefenderApplication, lake: ParquetLake
        ) -> dg.MaterializeResult:
            snapshot = snapshot_of(context)
            with told_as_failure(context):
                if any(day != run_day(context) for day in snapshot.dates):
                    raise dg.Failure(
                        f"{feed.name}: public feeds tell the present; only today's copy can be fetched. Days of the "
                        "past use the newest copy before them.",
                        allow_retries=False,
                    )
                settings = application.settings()
                there = lake.lake(snapshot.tenant)
                outcome = refresh_feed(
                    feed,
                    lake=there,
                    day=snapshot.date,
                    setting=getattr(settings, feed.setting),
                    cves=_known_cves(there) if feed.by_cve else None,
                    ca_bundle=application.extra_trust(),
                    allow_collapse=settings.allow_collapse,
                )
            context.log.info(outcome.says)
            return dg.MaterializeResult(metadata=_facts(outcome), check_results=[_freshness(outcome)])

    return fetched


def _known_cves(lake: Lake) -> set[str] | None:
    """The CVEs the organisation knows, so that a feed of hundreds of thousands is read for these only."""
    if lake.newest("vulnerabilities") is None:
        return None
    return set(lake.read("vulnerabilities", columns=["id"])["id"].to_pylist())


def _facts(outcome: FeedOutcome) -> dict:
    provenance = outcome.provenance
    return observed(
        {
            "dagster/row_count": outcome.rows,
            "status": outcome.status.value,
            "in words": outcome.says,
            "dagster/uri": outcome.published.uri if outcome.published else None,
            "source": provenance.source if provenance else None,
            "fetched at": provenance.fetched_at if provenance else None,
            "dated": provenance.dated if provenance else None,
            "reason": outcome.reason,
            "what to do": outcome.remedy,
            "unreadable entries": outcome.unreadable or None,
        }
    )


def _freshness(outcome: FeedOutcome) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name="is_fresh",
        passed=outcome.status is FeedStatus.OFF or outcome.fresh,
        severity=dg.AssetCheckSeverity.WARN,
        description=outcome.says,
    )
