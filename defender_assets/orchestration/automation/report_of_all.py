"""``report_over_all_tenants``: the sensor that makes the report over all tenants anew when one of them was judged.

Here: when it is made. Not here: whose numbers it sums (``queries/tenants.py``), what is in it (``report/tenants/``).
"""

from collections.abc import Iterator

import dagster as dg

from ...errors import DefenderAssetsError
from ...lake import ALL_TENANTS, Lake
from ...queries.tenants import summaries_of
from ...report.tenants import in_one_line, publish_report_of_all, state_of
from ...settings import Settings, tenant_entries
from ..resources import ParquetLake

_SECONDS_BETWEEN_TICKS = 600


def report_sensors(settings: Settings, lake: ParquetLake) -> Iterator[dg.SensorDefinition]:
    """The sensor; none without a list of tenants. It starts nothing, so it is on."""
    if settings.tenants is None:
        return

    @dg.sensor(
        name="report_over_all_tenants",
        minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes the report over all tenants (compliance_report/tenant=all in the lake) anew when what it "
        "sums has changed: a tenant was judged, by whomever, or has a report of its own. It starts nothing.",
    )
    def report_over_all_tenants(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        try:
            settings = Settings.load()
            of_all = Lake(lake.root or settings.lake, ALL_TENANTS, tenant_entries(settings))
            found = summaries_of(of_all)
            if found is None:
                return dg.SkipReason("No tenant was judged yet.")
            state = state_of(of_all, found)
            if state == context.cursor:
                return dg.SkipReason("Nothing has changed of what the report over all tenants sums.")
            address = publish_report_of_all(of_all, found, settings.organisation)
        except DefenderAssetsError as error:
            return dg.SkipReason(f"The report over all tenants could not be made: {error.sentence}")
        context.update_cursor(state)
        return dg.SkipReason(f"{address}: {in_one_line(found)}")

    yield report_over_all_tenants
