"""``metrics_file``: the status of all tenants for Prometheus, written by the daemon."""

from pathlib import Path

import dagster as dg
import pytest

from defender_assets.definitions import build_defs

from ...monitoring.lakes import fill
from ...peers import library


def test_the_sensor_is_there_and_on_where_a_file_is_named_and_writes_it(
    tenant_settings: pytest.MonkeyPatch, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    library("prometheus_client", "prometheus_client")
    from defender_assets.lake import Lake

    fill(Lake(tmp_path / "lake"))
    assert not build_defs().get_repository_def().has_sensor_def("metrics_file")
    file = tmp_path / "defender.prom"
    tenant_settings.setenv("DEFENDER_METRICS_FILE", str(file))
    definitions = build_defs()
    sensor = definitions.resolve_sensor_def("metrics_file")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    told = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, definitions=definitions))
    assert (told.run_requests, told.skip_message) == ([], "The metrics are written.")
    assert 'defender_assets_table_failing{table="machines",tenant="default"} 0.0' in file.read_text()
    tenant_settings.setenv("DEFENDER_METRICS_FILE", str(tmp_path / "nowhere" / "defender.prom"))
    told = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, definitions=definitions))
    assert told.skip_message.startswith("The metrics could not be written to ")
