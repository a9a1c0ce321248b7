"""``metrics_file``: the sensor that writes the status of all tenants for Prometheus, where a setting names the file.

Here: how often. Not here: what is written (``monitoring/metrics_file.py``).
"""

import dagster as dg

from ...errors import DefenderAssetsError
from ...settings import Settings
from ..status_of_tenants import write_metrics_file

_SECONDS_BETWEEN_TICKS = 300


def metrics_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """The sensor; none where no file is named. It starts nothing, so it is on."""
    if settings.metrics_file is None:
        return []

    @dg.sensor(
        name="metrics_file",
        minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Writes the status of all tenants to DEFENDER_METRICS_FILE, for Prometheus. It starts nothing.",
    )
    def metrics_file(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        try:
            write_metrics_file(Settings.load(), context.instance)
        except DefenderAssetsError as error:
            return dg.SkipReason(error.sentence)
        return dg.SkipReason("The metrics are written.")

    return [metrics_file]
