"""What keeps Dagster running on one machine: runs without a process, parts that end, homes that are served already."""

import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.events import EngineEventData
from dagster._core.test_utils import create_run_for_test
from filelock import FileLock

from defender_assets.serve import CONFIGURATION, LostRuns, Part, _socket, main

from .served import eventually

ROOT = Path(__file__).parents[2]


def started(instance: dg.DagsterInstance, pid: int) -> dg.DagsterRun:
    run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
    instance.report_engine_event("Started process for run", run, EngineEventData.in_process(pid))
    return run


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_run_whose_process_is_gone_fails_at_the_second_look(instance):
    run = started(instance, ended_process())
    lost = LostRuns(instance)
    assert lost.look() == []
    assert lost.look() == [run.run_id]
    assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE
    assert lost.look() == []


def test_a_run_that_goes_on_is_left_alone(instance):
    command = [sys.executable, "-c", "import multiprocessing, time; time.sleep(60)"]
    with subprocess.Popen(command) as process:
        try:
            run = started(instance, process.pid)
            lost = LostRuns(instance)
            assert lost.look() + lost.look() == []
            assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.STARTED
        finally:
            process.kill()


def test_a_run_that_nobody_said_the_process_of_is_left_to_the_monitoring(instance):
    create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
    lost = LostRuns(instance)
    assert lost.look() + lost.look() == []


def test_the_configuration_is_one_that_dagster_takes_and_retries_crashes_only(tmp_path):
    (tmp_path / "dagster.yaml").write_bytes((ROOT / CONFIGURATION).read_bytes())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.run_retries_enabled
        assert instance.run_retries_max_retries == 1
        assert not instance.run_retries_retry_on_asset_or_op_failure
        assert instance.run_monitoring_enabled
    assert yaml.safe_load((ROOT / CONFIGURATION).read_text())["telemetry"] == {"enabled": False}


def test_one_home_is_served_once(tmp_path, caplog):
    home = tmp_path / ".dagster"
    home.mkdir()
    with FileLock(home / "serve.lock"):
        assert main(["--home", str(home), "--configuration", str(ROOT / CONFIGURATION)]) == 1
    assert "served already" in caplog.text


def test_the_socket_fits_and_lies_where_only_this_user_can_go(tmp_path, monkeypatch):
    near, far = tmp_path / "a", tmp_path / ("b" * 120)
    assert _socket(near) == near / "code.sock"
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert len(str(_socket(far))) < 108
    folder = _socket(far).parent
    assert folder.stat().st_mode & 0o077 == 0
    assert _socket(far).parent == folder
    folder.chmod(0o777)
    with pytest.raises(PermissionError):
        _socket(far)


def test_a_part_that_does_not_end_when_told_is_killed(monkeypatch, tmp_path):
    monkeypatch.setattr("defender_assets.serve._PATIENCE", 0.5)
    ready = tmp_path / "ready"
    deaf = (
        "import pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    )
    part = Part("deaf", [sys.executable, "-c", deaf])
    part.start()
    eventually(ready.exists, 20, "the part is up")
    part.stop()
    assert part.process.returncode == -signal.SIGKILL


def test_wrong_settings_are_said_before_anything_is_started(tmp_path, caplog, monkeypatch):
    monkeypatch.setenv("DEFENDER_REFRESH_HOUR", "noon")
    assert main(["--home", str(tmp_path / ".dagster"), "--configuration", str(ROOT / CONFIGURATION)]) == 2
    assert "DEFENDER_REFRESH_HOUR" in caplog.text
    assert not (tmp_path / ".dagster").exists()
