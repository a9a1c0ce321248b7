"""What keeps Dagster running on one machine: lost runs, children that hang, homes that are served already."""

import json
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.test_utils import create_run_for_test
from filelock import FileLock

from defender_assets.orchestration.dagster_home import SHIPPED_CONFIGURATION
from defender_assets.serve.history import History
from defender_assets.serve.lost_runs import LostRuns, runs_launched_by
from defender_assets.serve.processes import WEBSERVER, ChildProcess
from defender_assets.serve.supervisor import socket_path

from ..cli.program import invoke
from ..loopback import free_port
from .local_dagster import eventually


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def started_run(instance: dg.DagsterInstance, pid: int) -> dg.DagsterRun:
    run: dg.DagsterRun = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
    instance.report_engine_event("Started process for run", run, EngineEventData.in_process(pid))
    return run


def pid_of_an_ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_run_whose_process_is_gone_fails_at_the_second_look(instance: dg.DagsterInstance) -> None:
    run = started_run(instance, pid_of_an_ended_process())
    lost_runs = LostRuns(instance)
    assert lost_runs.report() == []
    assert lost_runs.report() == [run.run_id]
    assert status(instance, run.run_id) is dg.DagsterRunStatus.FAILURE
    assert lost_runs.report() == []


def test_a_run_whose_process_lives_is_left_alone(instance: dg.DagsterInstance) -> None:
    command = [sys.executable, "-c", "import multiprocessing, time; time.sleep(60)"]
    with subprocess.Popen(command) as process:
        try:
            run = started_run(instance, process.pid)
            lost_runs = LostRuns(instance)
            assert lost_runs.report() + lost_runs.report() == []
            assert status(instance, run.run_id) is dg.DagsterRunStatus.STARTED
        finally:
            process.kill()


def test_a_run_of_unknown_process_is_left_to_the_run_monitoring(instance: dg.DagsterInstance) -> None:
    create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
    lost_runs = LostRuns(instance)
    assert lost_runs.report() + lost_runs.report() == []


def test_in_a_database_that_others_share_only_the_runs_of_this_machine_are_looked_after() -> None:
    """Given a history that is no file of this machine's, in which another machine's run names a process by its
    number."""
    with dg.DagsterInstance.ephemeral() as instance:
        gone = pid_of_an_ended_process()
        theirs, ours = (create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED, tags=tags) for tags in (
            {}, {".dagster/grpc_info": json.dumps({"host": "localhost", "socket": "/home/.dagster/code.sock"})},
        ))  # fmt: skip
        for run in (theirs, ours):
            instance.report_engine_event("Started process for run", run, EngineEventData.in_process(gone))
        lost_runs = LostRuns(instance)
        assert lost_runs.report() + lost_runs.report() == [ours.run_id]
        assert status(instance, theirs.run_id) is dg.DagsterRunStatus.STARTED


def test_what_is_under_way_when_dagster_is_stopped_is_reported_at_the_first_look(instance: dg.DagsterInstance) -> None:
    run = started_run(instance, pid_of_an_ended_process())
    History(instance).report_stopped_runs()
    assert status(instance, run.run_id) is dg.DagsterRunStatus.FAILURE


def test_a_run_that_was_being_canceled_is_canceled_and_not_started_again(instance: dg.DagsterInstance) -> None:
    run = started_run(instance, pid_of_an_ended_process())
    instance.report_run_canceling(run)
    History(instance).report_stopped_runs()
    assert status(instance, run.run_id) is dg.DagsterRunStatus.CANCELED


def test_a_database_that_is_away_is_said_once_and_so_is_its_return(caplog: pytest.LogCaptureFixture) -> None:
    with dg.instance_for_test() as instance:
        history = History(instance)
        database = Path(instance.root_directory) / "history" / "runs.db"
        assert history.answers()
        away = database.rename(database.with_suffix(".away"))
        database.mkdir()
        assert [history.answers(), history.answers(), history.report_ended(["a run"])] == [False] * 3
        database.rmdir()
        away.rename(database)
        assert history.answers()
    told = [record.message for record in caplog.records if record.name == "defender_assets.serve"]
    assert [message.partition(" (")[0] for message in told] == [
        "Dagster's database does not answer",
        "Dagster's database answers again.",
    ]


def test_a_history_that_cannot_be_understood_is_not_told_as_a_database_that_is_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with dg.instance_for_test() as instance:
        history = History(instance)
        create_run_for_test(instance)
        with closing(sqlite3.connect(Path(instance.root_directory) / "history" / "runs.db")) as runs, runs:
            runs.execute("UPDATE runs SET run_body = 'no run'")
        assert [history.answers(), history.answers()] == [False] * 2
    (told,) = [record for record in caplog.records if record.name == "defender_assets.serve"]
    assert told.message == "Dagster's history cannot be read or written as it is; trying again."
    assert told.exc_info is not None


def test_an_error_is_told_although_the_database_was_away_before_it(caplog: pytest.LogCaptureFixture) -> None:
    """Given a database that goes away and comes back with a run that cannot be read, then that is told as well."""
    with dg.instance_for_test() as instance:
        history = History(instance)
        create_run_for_test(instance)
        database = Path(instance.root_directory) / "history" / "runs.db"
        away = database.rename(database.with_suffix(".away"))
        database.mkdir()
        assert not history.answers()
        database.rmdir()
        away.rename(database)
        with closing(sqlite3.connect(database)) as runs, runs:
            runs.execute("UPDATE runs SET run_body = 'no run'")
        assert [history.answers(), history.answers()] == [False] * 2
        with closing(sqlite3.connect(database)) as runs, runs:
            runs.execute("DELETE FROM runs")
        assert history.answers()
    told = [record.message for record in caplog.records if record.name == "defender_assets.serve"]
    assert [message.partition(" (")[0] for message in told] == [
        "Dagster's database does not answer",
        "Dagster's history cannot be read or written as it is; trying again.",
        "Dagster's database answers again.",
    ]


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_code_server_of_a_container_writes_its_log_as_the_setting_says(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--log-format json`` is Dagster's own option, as ``serve`` gives it to each of its processes."""
    started: list[list[str]] = []
    monkeypatch.setattr("runpy.run_module", lambda *_, **__: started.append(list(sys.argv)))
    monkeypatch.setattr(sys, "argv", ["defender-assets"])
    home = {"DAGSTER_HOME": str(tmp_path), "DEFENDER_LOG_FORMAT": form}
    assert invoke("code-location", "--name", "code", "--port", "4001", **home).exit_code == 0
    (command,) = started
    assert command[:3] == ["dagster", "api", "grpc"]
    assert command[command.index("-p") + 1] == "4001"
    assert (command[-2:] == ["--log-format", "json"]) == (form == "json")


def test_a_code_server_that_starts_anew_reports_the_runs_of_the_former_one_alone(instance: dg.DagsterInstance) -> None:
    def launched_by(host: str, state: dg.DagsterRunStatus) -> str:
        tags = {".dagster/grpc_info": json.dumps({"host": host, "port": 4000})}
        return str(create_run_for_test(instance, status=state, tags=tags).run_id)

    started, finished = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS
    ours, others, done = launched_by("code", started), launched_by("elsewhere", started), launched_by("code", finished)
    ended = runs_launched_by(instance, "code", 4000)
    later = launched_by("code", started)
    assert History(instance).report_ended([*ended, done])
    states = {run: status(instance, run) for run in (ours, others, done, later)}
    assert states == {ours: dg.DagsterRunStatus.FAILURE, others: started, done: finished, later: started}


def test_dagster_accepts_the_configuration_and_retries_crashed_runs_only(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_bytes(SHIPPED_CONFIGURATION.read_bytes())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.run_retries_enabled
        assert instance.run_retries_max_retries == 1
        assert not instance.run_retries_retry_on_asset_or_op_failure
        assert instance.run_monitoring_enabled
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled


def test_a_home_is_served_by_one_process_only(tmp_path: Path) -> None:
    home = tmp_path / ".dagster"
    home.mkdir()
    (home / "served-at").write_text("http://127.0.0.1:3141")
    with FileLock(home / "serve.lock"):
        result = invoke("serve")
    assert result.exit_code == 1
    assert f"{home} is served already at http://127.0.0.1:3141" in result.stderr


def test_a_port_in_use_is_said_once_with_another_that_is_free_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = invoke("serve", "--port", str(port))
    assert result.exit_code == 1
    said = re.findall(r"port (\d+) of 127.0.0.1 is in use by another program; .* --port (\d+)", result.stderr)
    assert [(int(used), int(free) > port) for used, free in said] == [(port, True)]
    assert "process" not in result.stderr
    assert not (tmp_path / ".dagster" / "dagster.yaml").exists()


def test_a_host_that_is_not_of_this_machine_is_a_sentence() -> None:
    result = invoke("serve", "--host", "192.0.2.1", "--port", str(free_port()))
    assert result.exit_code == 2
    assert "--host 192.0.2.1 is not an address of this machine" in result.stderr
    assert "may be reached from other machines, and the UI has no login" in result.stderr


def test_a_port_that_another_program_takes_meanwhile_ends_it_with_the_same_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a port that was free at the start."""
    port, taken = free_port(), ExitStack()

    def child_processes(*_: object, **__: object) -> list[ChildProcess]:
        taken.enter_context(socket.create_server(("127.0.0.1", port)))
        return [ChildProcess(WEBSERVER, [sys.executable, "-c", "raise SystemExit(1)"])]

    monkeypatch.setattr("defender_assets.serve.supervisor.child_processes", child_processes)
    with taken:
        result = invoke("serve", "--port", str(port))
    assert result.exit_code == 1
    assert result.stderr.count(f"port {port} of 127.0.0.1 is in use by another program") == 1


def test_the_socket_path_is_short_enough_and_only_this_user_can_enter_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    short, long = tmp_path / "a", tmp_path / ("b" * 120)
    assert socket_path(short) == short / "code.sock"
    # Not below tmp_path: a worker's folder has a long name itself.
    near = tempfile.mkdtemp(prefix="serve-")
    request.addfinalizer(lambda: shutil.rmtree(near))
    monkeypatch.setattr("tempfile.gettempdir", lambda: near)
    assert len(str(socket_path(long))) < 108
    folder = socket_path(long).parent
    assert folder.stat().st_mode & 0o077 == 0
    assert socket_path(long).parent == folder
    folder.chmod(0o777)
    with pytest.raises(PermissionError):
        socket_path(long)


def test_a_child_that_ignores_the_request_to_terminate_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("defender_assets.serve.processes._STOP_TIMEOUT_SECONDS", 0.5)
    ready = tmp_path / "ready"
    program = (
        "import pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    )
    child = ChildProcess("deaf", [sys.executable, "-c", program])
    child.start()
    eventually(ready.exists, 20, "the child ignores SIGTERM")
    child.stop()
    assert child.exit_code() == -signal.SIGKILL


def test_what_a_child_has_started_ends_with_it_even_when_the_child_was_killed_before(tmp_path: Path) -> None:
    """Given a code server that was killed, whose run goes on and ignores SIGTERM; when all is stopped, no process is
    left."""
    grandchild = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    )
    started = tmp_path / "started"
    program = (
        "import pathlib, subprocess, sys, time; "
        f"run = subprocess.Popen([sys.executable, '-c', {grandchild!r}], stdout=subprocess.PIPE); "
        "run.stdout.readline(); "
        f"pathlib.Path({str(started)!r}).write_text(str(run.pid)); time.sleep(60)"
    )
    child = ChildProcess("code server", [sys.executable, "-c", program])
    child.start()
    run = int(eventually(lambda: started.exists() and started.read_text(), 20, "the run has a process"))
    assert child.process is not None
    child.process.kill()
    child.process.wait()
    child.forget_ended_groups()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("defender_assets.serve.processes._STOP_TIMEOUT_SECONDS", 0.5)
        child.stop()
    eventually(lambda: not _is_alive(run), 20, "the run is ended")


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_that_exits_at_once_is_restarted_a_few_times_and_then_reported(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = ChildProcess("daemon", [sys.executable, "-c", "raise SystemExit(3)"])
    monkeypatch.setattr("defender_assets.serve.supervisor.child_processes", lambda *_, **__: [daemon])
    monkeypatch.setattr("defender_assets.serve.supervisor._CHECK_INTERVAL_SECONDS", 0.05)
    result = invoke("serve", "--port", str(free_port()))
    assert result.exit_code == 1
    assert caplog.text.count("daemon ended (exit code 3)") == 5
    assert "the daemon keeps exiting; its output above says why" in result.stderr


def test_wrong_settings_are_reported_before_anything_is_started(tmp_path: Path) -> None:
    result = invoke("serve", DEFENDER_REFRESH_HOUR="noon")
    assert result.exit_code == 2
    assert "DEFENDER_REFRESH_HOUR" in result.stderr
    assert not (tmp_path / ".dagster").exists()


def test_a_list_of_tenants_needs_none_that_is_named_default(tmp_path: Path) -> None:
    listed = tmp_path / "tenants.yaml"
    listed.write_text("tenants: [{name: contoso}, {name: fabrikam}]\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = invoke("serve", "--port", str(taken.getsockname()[1]), DEFENDER_TENANTS=str(listed))
    # it is the port, and not the tenants, that it does not start for
    assert "default" not in result.stderr
    assert "in use" in result.stderr
