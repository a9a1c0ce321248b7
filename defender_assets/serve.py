"""Dagster on one machine, for good: code server, daemon and webserver, kept running (``make serve``).

Here: starting the three, starting again what ends, ending all together, and telling Dagster of runs whose process is
gone. Not here: what runs (``definitions.py``), production with containers (``deploy/``).

``dagster dev`` runs the same three, but ends when one of them does, and its code server, whose children the runs are,
belongs to the daemon. Here the code server is on its own: killing daemon or webserver does not touch a run, and a run
that is killed is noticed within seconds and, by ``deploy/dagster.yaml``, started once more.
"""

import argparse
import ctypes
import hashlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import yaml
from filelock import FileLock, Timeout

from .settings import Settings, SettingsError, variable

_log = logging.getLogger("defender_assets.serve")

CONFIGURATION = Path("deploy/dagster.yaml")
HOME = Path(".dagster")
LOCATION = "defender_assets"

_LOOK = 1.0
_RUNS_EVERY = 10.0
_TOO_SHORT = 20.0
_TOO_OFTEN = 5
_PATIENCE = 30.0
_LONGEST_PATH = 90


@dataclass
class Part:
    """One of the processes. ``opens`` is the socket that the others need of it, ``short_lives`` how often in a row it
    ended within seconds."""

    name: str
    command: list[str]
    opens: Path | None = None
    process: subprocess.Popen | None = None
    started: float = 0.0
    short_lives: int = 0

    def start(self) -> None:
        if self.opens is not None:
            self.opens.unlink(missing_ok=True)  # of one that was killed
        self.started = time.monotonic()
        # A session of its own: Ctrl-C in the terminal reaches only us, and we end the parts in order.
        self.process = subprocess.Popen(
            self.command,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - there are no threads here
        )
        _log.info("%s: process %d", self.name, self.process.pid)

    def ready(self) -> bool:
        return self.opens is None or self.opens.exists()

    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            _log.warning("%s does not end; killing it.", self.name)
            self.process.kill()
            self.process.wait()


def _end_with_parent() -> None:
    """Linux: a part is told to end when we are killed ourselves, so that nothing is left behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def parts(home: Path, socket: Path, host: str, port: int) -> list[Part]:
    """The processes in the order in which they are started."""
    workspace = ["-w", str(home / "workspace.yaml"), "--log-level", "warning"]
    here = [sys.executable, "-m"]
    code = ["dagster", "api", "grpc", "-m", "defender_assets.definitions", "--location-name", LOCATION]
    return [
        Part("code server", [*here, *code, "-s", str(socket), "--log-level", "warning"], opens=socket),
        Part("daemon", [*here, "dagster._daemon", "run", *workspace]),
        Part("webserver", [*here, "dagster_webserver", *workspace, "-h", host, "-p", str(port)]),
    ]


@dataclass
class LostRuns:
    """Runs that Dagster believes to be going on although their process is gone.

    The code server notices when a run of its own dies. Runs of a code server that was killed itself, or of a machine
    that was switched off, have nobody left to notice.
    """

    instance: dg.DagsterInstance
    suspects: set[str] = field(default_factory=set)

    def look(self) -> list[str]:
        """Reports as failed what was found without a process twice in a row (the code server, which has more to say,
        comes first), and returns their ids."""
        going_on = self.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        gone = {run.run_id: run for run in going_on if self._process_is_gone(run.run_id)}
        lost = [run for run_id, run in gone.items() if run_id in self.suspects]
        self.suspects = set(gone)
        for run in lost:
            _log.warning("Run %s has no process any more; it is reported as failed.", run.run_id)
            self.instance.report_run_failed(run, "The process of the run is gone: it was killed, or the machine was.")
        return [run.run_id for run in lost]

    def _process_is_gone(self, run_id: str) -> bool:
        events = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        told = [entry.dagster_event for entry in events if entry.dagster_event is not None]
        pids = [event.engine_event_data.metadata["pid"].value for event in told if "pid" in _metadata(event)]
        return bool(pids) and not any(_is_run_process(int(str(pid))) for pid in pids)


def _metadata(event: dg.DagsterEvent) -> dict:
    return dict(event.engine_event_data.metadata or {})


def _is_run_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # somebody else's: the number was given out again
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True  # no /proc on this system
    return b"multiprocessing" in command or b"dagster" in command


def serve(home: Path, configuration: Path, host: str, port: int) -> int:
    """Runs until SIGINT or SIGTERM. Returns 1 where one of the parts cannot be kept running, 2 for wrong settings."""
    address = f"http://{host}:{port}"
    try:
        if "ui_url" not in Settings.load().model_fields_set:
            os.environ[variable("ui_url")] = address  # for the links in messages
    except SettingsError as error:
        _log.error("%s", error)
        return 2
    _prepare(home, configuration)
    os.environ |= {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1", "PYTHONUNBUFFERED": "1"}
    stopped = _Stopped()
    lock = FileLock(home / "serve.lock", timeout=0)
    try:
        with lock, dg.DagsterInstance.get() as instance:
            socket = _socket(home)
            # The name of the location is what Dagster remembers by which schedules and sensors were switched on.
            server = {"host": "localhost", "socket": str(socket), "location_name": LOCATION}
            (home / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
            return _keep(parts(home, socket, host, port), LostRuns(instance), stopped, address)
    except Timeout:
        _log.error("%s is served already by another process; end that one first.", home)
        return 1


def _prepare(home: Path, configuration: Path) -> None:
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    home.chmod(0o700)
    if not (home / "dagster.yaml").exists():
        shutil.copyfile(configuration, home / "dagster.yaml")


def _socket(home: Path) -> Path:
    """Where the code server listens: nobody but this user can enter the folder, as whoever reaches it can run code."""
    # The path of a socket may have some hundred characters, fewer than that of many a project folder.
    if len(str(home)) < _LONGEST_PATH:
        return home / "code.sock"
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"defender-assets-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    there = folder.lstat()
    if there.st_uid != os.getuid() or there.st_mode & 0o077:
        raise PermissionError(f"{folder} is not this user's alone; remove it")
    return folder / "code.sock"


class _Stopped:
    """Becomes true at the first SIGINT or SIGTERM."""

    def __init__(self) -> None:
        self._told = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._tell)

    def _tell(self, *_: object) -> None:
        self._told = True

    def __bool__(self) -> bool:
        return self._told


def _keep(all_parts: list[Part], lost: LostRuns, stopped: _Stopped, address: str) -> int:
    looked = 0.0
    try:
        for part in all_parts:
            part.start()
            while not (part.ready() or part.ended() or stopped):
                time.sleep(0.1)
        _log.info("The UI will be at %s; Ctrl-C ends everything.", address)
        while not stopped:
            time.sleep(_LOOK)
            for part in all_parts:
                if stopped or not part.ended():
                    continue
                assert part.process is not None
                lived = time.monotonic() - part.started
                part.short_lives = part.short_lives + 1 if lived < _TOO_SHORT else 0
                _log.warning("%s ended (exit code %s).", part.name, part.process.returncode)
                if part.short_lives >= _TOO_OFTEN:
                    _log.error("%s does not stay; what it said above is the reason.", part.name)
                    return 1
                part.start()
            if time.monotonic() - looked >= _RUNS_EVERY:
                lost.look()
                looked = time.monotonic()
        return 0
    finally:
        # The daemon first, so that it starts nothing any more; the code server, whose children the runs are, last.
        for part in sorted(all_parts, key=lambda part: ("daemon", "webserver", "code server").index(part.name)):
            part.stop()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m defender_assets.serve", description=__doc__)
    parser.add_argument("--home", type=Path, default=HOME, help="where the history is kept (default: .dagster)")
    parser.add_argument("--configuration", type=Path, default=CONFIGURATION, help="dagster.yaml for a new home")
    parser.add_argument("--host", default="127.0.0.1", help="the UI has no login: keep it on this machine")
    parser.add_argument("--port", type=int, default=3000)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    _log.setLevel(logging.INFO)
    return serve(options.home.absolute(), options.configuration, options.host, options.port)


if __name__ == "__main__":
    sys.exit(main())
