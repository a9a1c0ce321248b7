"""Keeping the three processes running until somebody stops them.

Here: preparing the home folder, the loop that restarts what exits, the order of stopping. Not here: one process
(``processes.py``), runs without a process (``lost_runs.py``).
"""

import hashlib
import logging
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import yaml
from filelock import FileLock, Timeout

from ..orchestration.dagster_home import open_home
from ..settings import Problem, Settings, SettingsError, usable_home, variable
from .lost_runs import LostRuns
from .processes import LOCATION, ChildProcess, child_processes

_log = logging.getLogger(__package__)

_HOME = "--home"
_CHECK_INTERVAL_SECONDS = 1.0
_LOST_RUNS_INTERVAL_SECONDS = 10.0
_MAX_QUICK_EXITS = 5
# A socket's path may have about 100 characters (108 on Linux, 104 on macOS), which a project folder can exceed.
_MAX_HOME_LENGTH = 90
# The daemon first, so that it starts no more runs; the code server last, because the runs are its child processes.
_STOP_ORDER = ("daemon", "webserver", "code server")


def serve(home: Path, configuration: Path, host: str, port: int) -> int:
    """Runs until SIGINT or SIGTERM.

    ``home`` is Dagster's home folder (absolute); ``configuration`` is copied into it as ``dagster.yaml`` when it has
    none yet. Returns the exit code: 0 after a signal, 1 when a process cannot be kept running or the home is served
    already, 2 for wrong settings.
    """
    address = f"http://{host}:{port}"
    try:
        if "ui_url" not in Settings.load().model_fields_set:
            os.environ[variable("ui_url")] = address  # for the links in messages
        _make_private(usable_home(home, named=_HOME))
        os.environ |= {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1", "PYTHONUNBUFFERED": "1"}
        lock = FileLock(home / "serve.lock", timeout=0)
        opened = open_home(home, configuration=configuration, named=_HOME)
        with _StopSignal() as stop_signal, lock, opened as instance:
            socket = socket_path(home)
            server = {"host": "localhost", "socket": str(socket), "location_name": LOCATION}
            (home / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
            return _supervise(child_processes(home, socket, host, port), LostRuns(instance), stop_signal, address)
    except SettingsError as error:
        _log.error("%s", error)
        return 2
    except Timeout:
        _log.error("%s is served already by another process; end that one first.", home)
        return 1


def _make_private(home: Path) -> None:
    try:
        home.chmod(0o700)
    except OSError as error:
        what = f"is not this user's own ({home}: {error.strerror})"
        raise SettingsError(Problem(_HOME, what, "name another folder")) from None


def socket_path(home: Path) -> Path:
    """Where the code server listens. Only this user may enter the folder: whoever reaches the socket can run code.

    Raises PermissionError when the folder is open to others.
    """
    if len(str(home)) < _MAX_HOME_LENGTH:
        return home / "code.sock"
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"defender-assets-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{folder} is not this user's alone; remove it")
    return folder / "code.sock"


class _StopSignal:
    """Within its block it takes SIGINT and SIGTERM; it is true from the first of them on."""

    def __init__(self) -> None:
        self._received = False
        self._previous_handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous_handlers[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)

    def _receive(self, *_: object) -> None:
        self._received = True

    def __bool__(self) -> bool:
        return self._received


def _supervise(children: list[ChildProcess], lost_runs: LostRuns, stop_signal: _StopSignal, address: str) -> int:
    lost_runs_checked_at = 0.0
    try:
        for child in children:
            child.start()
            while not (child.is_ready() or child.exit_code() is not None or stop_signal):
                time.sleep(0.1)
        _log.info("The UI will be at %s; Ctrl-C ends everything.", address)
        while not stop_signal:
            time.sleep(_CHECK_INTERVAL_SECONDS)
            for child in children:
                exit_code = child.exit_code()
                if stop_signal or exit_code is None:
                    continue
                _log.warning("%s ended (exit code %s).", child.name, exit_code)
                child.count_exit()
                if child.quick_exits >= _MAX_QUICK_EXITS:
                    _log.error("%s does not stay; what it said above is the reason.", child.name)
                    return 1
                child.start()
            if time.monotonic() - lost_runs_checked_at >= _LOST_RUNS_INTERVAL_SECONDS:
                lost_runs.report()
                lost_runs_checked_at = time.monotonic()
        return 0
    finally:
        for child in sorted(children, key=lambda child: _STOP_ORDER.index(child.name)):
            child.stop()
