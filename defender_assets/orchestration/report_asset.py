"""The compliance report as an asset: one HTML page per day, with a picture of it in the UI.

Here: the thin shell around ``report``. Not here: what the page says.
"""

import dagster as dg

from ..catalog import DERIVED, Group
from ..compliance import InputMissing, engine_of
from ..lake import NoSnapshot
from ..report import build_report, publish_report
from ..settings import Settings
from .automation.conditions import made_from
from .derived_assets import policy_of
from .failures import told_as_failure
from .metadata import OWNERS
from .partitions import key_of, single_run_backfills, snapshot_of
from .resources import ParquetLake

NAME = "compliance_report"


def report_asset(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The asset of the report; it is made from the derived tables of its day."""
    with single_run_backfills() as one_run:

        @dg.asset(
            name=NAME,
            description="One self-contained HTML page: what a security officer prints and an engineer works from. "
            "It needs no network, and names of devices and products cannot do anything in it.",
            group_name=Group.REPORTS.value,
            partitions_def=partitions,
            deps=list(DERIVED),
            backfill_policy=one_run,
            automation_condition=made_from(["fleet_summary"]),
            kinds={"html"},
            owners=OWNERS,
            tags={"days": "derived"},
        )
        def compliance_report(context: dg.AssetExecutionContext, lake: ParquetLake) -> dg.MaterializeResult:
            snapshot = snapshot_of(context)
            there = lake.lake(snapshot.tenant)
            facts: dict[str, dg.RawMetadataValue] = {}
            with told_as_failure(context):
                settings = Settings.load()
                policy, engine = policy_of(settings), engine_of(settings)
                for day in snapshot.dates:
                    try:
                        report = build_report(there, day, policy=policy, engine=engine)
                    except NoSnapshot:
                        raise InputMissing(NAME, ["fleet_summary"]) from None
                    address = publish_report(there, day, report)
                    facts = {
                        "report": dg.MetadataValue.path(address),
                        "picture": dg.MetadataValue.md(f"![{report.title}]({report.thumbnail_uri})"),
                        **report.facts,
                    }
                    if len(snapshot.dates) > 1:
                        key = key_of(snapshot.tenant, day)
                        context.add_asset_metadata(facts, asset_key=NAME, partition_key=key)
            return dg.MaterializeResult(metadata=facts)

    return compliance_report
