"""The file of metrics: what Prometheus reads in it, and that it is written whole or not at all."""

import os
import re
import shutil
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from defender_assets.lake import Lake

from ..cli.program import invoke
from ..peers import installed, library
from ..rules.places import ROOT
from .lakes import fill, put, remove

PREFIX = "defender_assets_"
RULES = ROOT / "deploy" / "prometheus" / "defender-assets.rules.yaml"


def samples(file: Path) -> dict[tuple[str, ...], float]:
    """(name without the prefix, tenant, values of the other labels) -> value."""
    from prometheus_client.parser import text_string_to_metric_families

    families = text_string_to_metric_families(file.read_text(encoding="utf-8"))
    found = [sample for family in families for sample in family.samples]

    told = {}
    for sample in found:
        labels = [sample.labels[name] for name in sorted(sample.labels, key=lambda name: name != "tenant")]
        told[sample.name.removeprefix(PREFIX), *labels] = sample.value
    return told


@pytest.fixture
def file(tenant_settings: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the metrics go."""
    library("prometheus_client", "prometheus_client")
    file = tmp_path / "textfile" / "defender.prom"
    file.parent.mkdir()
    tenant_settings.setenv("DEFENDER_METRICS_FILE", str(file))
    return file


def test_status_and_refresh_write_what_prometheus_reads(file: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    fill(lake)
    remove(lake, "alerts")
    remove(lake, "kev")
    put(lake, "kev", timedelta(hours=30))
    assert invoke("status", DEFENDER_SSVC="off").exit_code == 2
    told = samples(file)
    now = datetime.now(UTC).timestamp()
    assert told["checked_timestamp_seconds",] == pytest.approx(now, abs=60)
    assert told["late_after_seconds",] == 28 * 3_600
    assert told["status", "default"] == 2
    assert told["overall_status",] == 2
    assert told["table_expected", "default", "alerts"] == 1
    assert ("table_observed_timestamp_seconds", "default", "alerts") not in told
    assert told["table_expected", "default", "ssvc"] == 0
    assert now - told["table_observed_timestamp_seconds", "default", "kev"] == pytest.approx(30 * 3_600, abs=60)
    assert told["quota_calls_per_hour", "default", "machines"] == 1_500
    assert not any(name == "table_failing" for name, *_ in told)  # no history is kept

    refreshed = invoke("refresh", "--select", "machines")
    assert (refreshed.exit_code, refreshed.stderr) == (0, "")
    after = samples(file)
    assert after["table_rows", "default", "machines"] == 60
    assert after["table_observed_timestamp_seconds", "default", "machines"] > now - 60
    assert after["quota_calls_left", "default", "machines"] < told["quota_calls_left", "default", "machines"]
    # the collector is another user, and nothing is left beside the file
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert os.listdir(file.parent) == [file.name]


def test_what_is_no_tenants_is_in_the_status_of_all(file: Path, tmp_path: Path) -> None:
    fill(Lake(tmp_path / "lake"))
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("storage: nonsense")
    assert invoke("status", DAGSTER_HOME=str(home)).exit_code == 2
    told = samples(file)
    assert (told["status", "default"], told["overall_status",]) == (0, 2)


def test_a_file_that_cannot_be_written_is_told_and_a_refresh_goes_on(file: Path) -> None:
    shutil.rmtree(file.parent)
    refreshed = invoke("refresh", "--select", "machines")
    assert refreshed.exit_code == 0
    assert f"The metrics could not be written to {file} (No such file or directory). Let DEFENDER_METRICS_FILE" in (
        refreshed.stderr
    )
    assert "WARNING: metrics: The metrics could not be written" in invoke("status").stdout
    file.parent.write_text("no folder")
    assert f"The metrics could not be written to {file} (Not a directory)" in invoke("status").stdout


def test_a_name_that_is_not_collected_is_refused(file: Path) -> None:
    refused = invoke("status", DEFENDER_METRICS_FILE="metrics.txt")
    assert refused.exit_code == 2
    assert "DEFENDER_METRICS_FILE" in refused.stderr
    assert "ends in .prom" in refused.stderr


def test_the_alert_rules_are_about_metrics_that_there_are(file: Path, tmp_path: Path) -> None:
    fill(Lake(tmp_path / "lake"))
    invoke("status")
    told = set(re.findall(rf"^# TYPE ({PREFIX}\w+) gauge$", file.read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(rf"{PREFIX}\w+", RULES.read_text(encoding="utf-8")))
    assert named
    assert named <= told


def test_the_alert_rules_say_what_is_wrong_and_nothing_where_all_is_well() -> None:
    promtool = installed("promtool", "prometheus")
    for words in (["check", "rules", "--lint-fatal"], ["test", "rules"]):
        subject = RULES if words[0] == "check" else RULES.with_name("defender-assets.rules.test.yaml")
        done = subprocess.run([promtool, *words, subject], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
