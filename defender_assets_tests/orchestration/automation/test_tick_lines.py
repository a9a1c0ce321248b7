"""What a schedule or sensor logs, with ``DEFENDER_LOG_FORMAT=json``."""

import json

import dagster as dg
import pytest
from dagster import _loggers
from dagster._core.definitions import instigation_logger

from defender_assets.orchestration.log_lines_of_dagster import write_dagsters_log_as_json

from .ticks import Daemon

# Dagster warns of the tags that it gives itself to a partition of two dimensions.
pytestmark = pytest.mark.filterwarnings("ignore:Non-compliant tag keys:DeprecationWarning")


@pytest.fixture
def as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    # Put back when the test is over.
    for module in (instigation_logger, _loggers):
        monkeypatch.setattr(module, "create_console_logger", module.create_console_logger)
    write_dagsters_log_as_json()


def test_what_a_schedule_logs_is_one_json_line(as_json, instance, own_settings, tmp_path, capfd):
    """Given a list of tenants that gained one since the definitions were loaded, when the hour comes, then the warning
    is a line."""
    listed = tmp_path / "tenants.yaml"
    listed.write_text("tenants: [{name: contoso}]\n")
    own_settings.setenv("DEFENDER_TENANTS", str(listed))
    own_settings.setenv("DEFENDER_DATASETS", "machines")
    daemon = Daemon(instance)
    listed.write_text("tenants: [{name: contoso}, {name: woodgrove}]\n")
    capfd.readouterr()
    assert len(daemon.clock("hourly_inventory").run_requests) == 1
    (line,) = (json.loads(line) for line in capfd.readouterr().err.splitlines())
    assert line["level"] == "warning"
    assert line["message"].startswith("woodgrove: added to the list of tenants")


def test_a_line_has_no_secret_and_no_second_line(as_json, capfd):
    @dg.sensor(name="noisy", target=dg.AssetSelection.all())
    def noisy(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        context.log.error("first\nhttps://storage.example/file?sig=c2VjcmV0c2VjcmV0")
        return dg.SkipReason("")

    noisy(dg.build_sensor_context(sensor_name="noisy", repository_name="__repository__"))
    (line,) = (json.loads(line) for line in capfd.readouterr().err.splitlines())
    assert (line["level"], line["tick"], line["message"].partition("\n")[0]) == ("error", "noisy", "first")
    assert "c2VjcmV0" not in line["message"]
