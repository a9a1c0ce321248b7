"""Keeping the three processes running until somebody stops them.

Here: preparing the home folder, the loop that restarts what exits, the order of stopping. Not here: one process
(``processes.py``), Dagster's database (``history.py``).
"""

import hashlib
import logging
import os
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import yaml
from filelock import FileLock, Timeout

from ..orchestration.dagster_home import open_home
from ..settings import HOME_VARIABLE, Problem, Settings, SettingsError, usable_home, variable
from .address import ListenAddress, check_free
from .errors import AlreadyServed, ProcessKeepsExiting
from .history import History
from .processes import LOCATION, WEBSERVER, ChildProcess, child_processes

_log = logging.getLogger(__package__)

_CHECK_INTERVAL_SECONDS = 1.0
_LOST_RUNS_INTERVAL_SECONDS = 10.0
_MAX_QUICK_EXITS = 5
# A socket's path may have about 100 characters (108 on Linux, 104 on macOS), which a project folder can exceed.
_MAX_HOME_LENGTH = 90
# The daemon first, so that it starts no more runs; the code server last, because the runs are its child processes.
_STOP_ORDER = ("daemon", WEBSERVER, "code server")


def keep_serving(
    home: Path,
    *,
    named: str,
    address: ListenAddress,
    on_start: Callable[[], None],
    on_ready: Callable[[], None],
    read_only: bool = False,
    log_format: str = "text",
) -> None:
    """Runs until SIGINT or SIGTERM; ``on_start`` is called once nothing hinders it, ``on_ready`` when the UI answers.
    ``read_only``: the UI changes nothing. ``log_format``: text, or json for programs.

    ``home`` is Dagster's home folder (absolute), which a person calls ``named``. Raises SettingsError, AddressInUse,
    AlreadyServed and ProcessKeepsExiting; nothing is left running then.
    """
    if "ui_url" not in Settings.load().model_fields_set:
        os.environ[variable("ui_url")] = address.url  # for the links in messages
    if not home.exists():
        check_free(address)  # before the folder is made; who serves one that is there is told below
    _make_private(usable_home(home, named=named), named)
    os.environ |= {HOME_VARIABLE: str(home), "DAGSTER_DISABLE_TELEMETRY": "1", "PYTHONUNBUFFERED": "1"}
    address_file = home / "served-at"
    with _StopSignal() as stop_signal, _locked(home, address_file):
        check_free(address)
        on_start()
        with open_home(home, named=named) as instance:
            address_file.write_text(address.url)
            socket = socket_path(home)
            server = {"host": "localhost", "socket": str(socket), "location_name": LOCATION}
            (home / "workspace.yaml").write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
            children = child_processes(
                home, socket, address.host, address.port, read_only=read_only, log_format=log_format
            )
            _supervise(children, History(instance), stop_signal, address, on_ready)


def _locked(home: Path, address_file: Path) -> AbstractContextManager[object]:
    """The home's lock, held until its block ends. Raises AlreadyServed where another process holds it."""
    try:
        return FileLock(home / "serve.lock", timeout=0).acquire()
    except Timeout:
        where = f" at {address_file.read_text()}" if address_file.exists() else ""
        raise AlreadyServed(f"{home} is served already{where}, by another process; end that one first") from None


def _make_private(home: Path, named: str) -> None:
    try:
        home.chmod(0o700)
    except OSError as error:
        what = f"is not this user's own ({home}: {error.strerror})"
        raise SettingsError(Problem(named, what, "name another folder")) from None


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


def _supervise(
    children: list[ChildProcess],
    history: History,
    stop_signal: _StopSignal,
    address: ListenAddress,
    on_ready: Callable[[], None],
) -> None:
    lost_runs_checked_at = 0.0
    is_ready = False
    try:
        for child in children:
            child.start()
            while not (child.is_ready() or child.exit_code() is not None or stop_signal):
                time.sleep(0.1)
        while not stop_signal:
            time.sleep(_CHECK_INTERVAL_SECONDS)
            for child in children:
                child.forget_ended_groups()
                # Without its database each would exit again at once; once that answers, they are started.
                if not stop_signal and child.exit_code() is not None and history.answers():
                    _start_again(child, address)
            if not (is_ready or stop_signal) and address.answers():
                is_ready = True
                on_ready()
            if time.monotonic() - lost_runs_checked_at >= _LOST_RUNS_INTERVAL_SECONDS:
                history.report_lost_runs()
                lost_runs_checked_at = time.monotonic()
    finally:
        for child in sorted(children, key=lambda child: _STOP_ORDER.index(child.name)):
            child.stop()
        history.report_stopped_runs()


def _start_again(child: ChildProcess, address: ListenAddress) -> None:
    """Raises ProcessKeepsExiting, and AddressInUse where the webserver ended because another program was quicker."""
    _log.warning("%s ended (exit code %s).", child.name, child.exit_code())
    if child.name == WEBSERVER:
        check_free(address)
    child.count_exit()
    if child.quick_exits >= _MAX_QUICK_EXITS:
        raise ProcessKeepsExiting(f"the {child.name} keeps exiting; its output above says why")
    child.start()
