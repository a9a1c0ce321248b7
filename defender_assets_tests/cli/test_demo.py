"""The demo, as a newcomer runs it, and the tenant it starts."""

import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import psutil
import pyarrow.parquet as pq
import pytest

from defender_assets.catalog import DATASETS, EVENT_TABLES
from defender_assets.demo.folder import DemoFolder, Demonstration
from defender_assets.demo.tenant import simulated_tenant
from defender_assets.lake import Lake

from ..loopback import free_port
from ..serve.local_dagster import eventually
from .program import COMMAND, invoke, run

NOT_READY = "No dagster instance", "Telemetry", "Warning"
"""What Dagster would say of a history without the configuration that ships, and of commands that it has superseded."""


def problems(home: Path) -> list[str]:
    """Every run of a history that did not succeed, and every check of one that did not pass."""
    found = []
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for past in instance.get_runs():
            if past.status is not dg.DagsterRunStatus.SUCCESS:
                found.append(f"run {past.run_id}: {past.status}")
            for entry in instance.all_logs(past.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
                assert entry.dagster_event is not None
                evaluation = entry.dagster_event.asset_check_evaluation_data
                if not evaluation.passed:
                    found.append(f"{evaluation.asset_key.path}: {evaluation.check_name}: {evaluation.description}")
    return found


@pytest.mark.slow
def test_the_demo_is_clean_says_what_to_do_next_and_is_made_once(tmp_path: Path) -> None:
    # The settings of a tenant of one's own have no say.
    (tmp_path / ".env").write_text(
        "DEFENDER_TENANTS=nowhere.yaml\nDEFENDER_POLICY=nowhere.yaml\nDAGSTER_HOME=nowhere\n"
    )
    demo = run("demo", "--machines", "20", "--days", "2", timeout=900, DEFENDER_CLIENT_CERTIFICATE="nowhere.pem")
    assert demo.returncode == 0, demo.stderr
    folder = DemoFolder(tmp_path / "demo")
    lake = Lake(str(folder.lake))
    for name in DATASETS:
        assert pq.ParquetDataset(folder.lake / name).read(columns=[]).num_rows > 0, name
        assert name in demo.stdout
    for word in ("init", "doctor", str(folder.lake), "--ui"):
        assert word in demo.stdout
    assert not [words for words in NOT_READY if words in demo.stdout + demo.stderr]
    assert "warning" not in demo.stdout + demo.stderr
    assert problems(folder.dagster) == []
    assert [name for name in (*DATASETS, "users") if name not in EVENT_TABLES and len(lake.dates(name)) != 2] == []

    # Another time it is shown as it is, without a tenant.
    again = run("demo")
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("The demo is there, made ")
    assert "(20 machines, 2 days)" in again.stdout
    assert "Starting a simulated tenant" not in again.stdout

    # A smaller one takes its place; it is not what is left of the larger one.
    smaller = run("demo", "--machines", "15", "--days", "1", timeout=900)
    assert smaller.returncode == 0, smaller.stderr
    assert lake.dates("machines") == [datetime.now(UTC).date()]
    assert problems(folder.dagster) == []


def test_a_finished_demo_is_shown_with_its_age(tmp_path: Path) -> None:
    folder, made = DemoFolder(tmp_path / "demo"), Demonstration.ending_now(40, 3)
    with folder.held():
        folder.begin(made)
        folder.finish(made)
    assert "made just now (40 machines, 3 days); --again makes it anew" in invoke("demo", "--days", "3").stdout

    note = tmp_path / "demo" / "demo.json"
    made_at = folder.demonstration().made_at  # type: ignore[union-attr]
    earlier = made_at - timedelta(days=2, hours=1)  # type: ignore[operator]
    note.write_text(note.read_text().replace(made_at.isoformat(), earlier.isoformat()))  # type: ignore[union-attr]
    assert f"made 2 days ago, so its newest day is {made.moments[-1].date()}" in invoke("demo").stdout


def test_what_no_demo_has_made_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "demo" / "lake" / "mine"
    mine.mkdir(parents=True)
    result = invoke("demo", "--again")
    assert result.exit_code == 1
    assert "no demo of this version has made it; move" in result.stderr
    assert mine.exists()


def test_a_demo_that_is_being_made_or_served_is_left_alone(tmp_path: Path) -> None:
    with DemoFolder(tmp_path / "demo").held():
        result = invoke("demo", "--again")
    assert result.exit_code == 1
    assert "another process makes or serves the demo" in result.stderr


def test_a_port_in_use_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = invoke("demo", "--ui", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert "is in use by another program" in result.stderr
    assert not (tmp_path / "demo").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_ui_says_its_address_last_and_leaves_no_process_behind(number: signal.Signals, tmp_path: Path) -> None:
    """Given a demo that is there, when its UI is ended with Ctrl-C or SIGTERM."""
    folder, made = DemoFolder(tmp_path / "demo"), Demonstration.ending_now(15, 1)
    with folder.held():
        folder.begin(made)
        folder.finish(made)
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, "demo", "--ui", "--port", str(port)], stdout=output, stderr=output,
            env=os.environ | {"BROWSER": "true"}, start_new_session=True,
        )  # fmt: skip
    try:
        eventually(
            lambda: log.read_text().splitlines()[-1:] == [f"The demo is at http://127.0.0.1:{port} (Ctrl-C ends it)"],
            120, "the UI answers, and its address is the last line",
        )  # fmt: skip
        started = psutil.Process(process.pid).children(recursive=True)
        assert len(started) >= 4  # the tenant, code server, daemon and webserver
        process.send_signal(number)
        assert process.wait(timeout=60) == 0
        assert not [child for child in started if child.is_running()]
    finally:
        process.kill()
    assert not [words for words in NOT_READY if words in log.read_text()]


def test_a_simulated_tenant_is_served_until_its_block_ends() -> None:
    with simulated_tenant(10) as tenant:
        assert tenant.settings["DEFENDER_API_URL"].startswith("https://127.0.0.1:")
        assert tenant.process.poll() is None
    assert tenant.process.poll() is not None


def test_a_simulated_tenant_ends_with_who_started_it() -> None:
    program = (
        "import time; from defender_assets.demo.tenant import simulated_tenant\n"
        "with simulated_tenant(10) as tenant: print(tenant.process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        tenant = psutil.Process(int(starter.stdout.readline()))
        starter.kill()
    eventually(lambda: not tenant.is_running(), 30, "the tenant ends", every=0.1)


def test_a_tenant_that_does_not_start_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    result = invoke("simulate", "--machines", "10")
    assert result.exit_code == 1
    assert "the simulated tenant did not start (exit 1)" in result.stderr
