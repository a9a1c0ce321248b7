"""The child processes: code server, daemon and webserver.

Here: their command lines, starting and stopping one of them with all that it started. Not here: when to do so
(``supervisor.py``).
"""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

_log = logging.getLogger(__package__)

LOCATION = "defender_assets"
"""Name of the code location. Dagster remembers by it which schedules and sensors were switched on."""

WEBSERVER = "webserver"

_STOP_TIMEOUT_SECONDS = 30.0
_QUICK_EXIT_SECONDS = 20.0


@dataclass
class ChildProcess:
    """A program that is started, and started again whenever it exits.

    ``socket`` is the Unix socket that it opens for the others, if any; ``quick_exits`` counts how often in a row it
    exited within seconds of its start; ``groups`` are the process groups that it was started as and of which a process
    is left: what it started itself (a run) can outlive it.
    """

    name: str
    command: list[str]
    socket: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    quick_exits: int = 0
    groups: set[int] = field(default_factory=set)

    def start(self) -> None:
        if self.socket is not None:
            self.socket.unlink(missing_ok=True)  # a killed process leaves its socket behind
        self.started_at = time.monotonic()
        # A session of its own: Ctrl-C in the terminal reaches only the supervisor, which stops the children in order.
        self.process = subprocess.Popen(
            self.command,
            start_new_session=True,
            preexec_fn=_terminate_with_parent,  # noqa: PLW1509 - the supervisor has no threads
        )
        self.groups.add(self.process.pid)
        _log.info("%s: process %d", self.name, self.process.pid)

    def is_ready(self) -> bool:
        return self.socket is None or self.socket.exists()

    def exit_code(self) -> int | None:
        """None while it runs, and before it was started."""
        return None if self.process is None else self.process.poll()

    def count_exit(self) -> None:
        """Notes that it exited: one more quick exit, or an end to the row of them."""
        is_quick = time.monotonic() - self.started_at < _QUICK_EXIT_SECONDS
        self.quick_exits = self.quick_exits + 1 if is_quick else 0

    def forget_ended_groups(self) -> None:
        """To be called every few seconds: once a group has no process, the system may give its number to another."""
        self.groups = {group for group in self.groups if _send(group, 0)}

    def stop(self) -> None:
        """Asks it and all that it started to terminate, and kills what does not."""
        self.forget_ended_groups()
        for group in self.groups:
            _send(group, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_TIMEOUT_SECONDS
        while self._is_alive() and time.monotonic() < deadline:
            time.sleep(0.1)
        if self._is_alive():
            _log.warning("%s does not end; killing it.", self.name)
        for group in self.groups:
            _send(group, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def _is_alive(self) -> bool:
        is_running = self.process is not None and self.process.poll() is None
        self.forget_ended_groups()
        return is_running or bool(self.groups)


def _send(group: int, number: int) -> bool:
    """Sends a signal to the processes of a group (0: none); whether there are any."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS: those that are left have ended, and wait to be noticed by their parent
        return False
    return True


def _terminate_with_parent() -> None:
    """On Linux a child gets SIGTERM when the supervisor is killed, so that no process is orphaned."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def child_processes(
    home: Path, socket: Path, host: str, port: int, *, read_only: bool, log_format: str
) -> list[ChildProcess]:
    """The three in the order in which they are started. ``read_only``: the UI shows everything and changes nothing.
    ``log_format``: that of the settings, text or json."""
    in_format = _in_format(log_format)
    python = [sys.executable, "-m"]
    code_server = code_server_command(["-s", str(socket)], log_format)
    workspace = ["-w", str(home / "workspace.yaml")]
    # At its first start the daemon warns that it has no cursors yet; what fails is logged as an error.
    daemon = ["dagster._daemon", "run", *workspace, "--log-level", "error"]
    webserver = [
        "defender_assets.serve.webserver",
        *workspace,
        "--log-level",
        "warning",
        "--dagster-log-level",
        "warning",
        *(["--read-only"] if read_only else []),
    ]
    return [
        ChildProcess("code server", [*python, "defender_assets.serve.code_server", *code_server[1:]], socket),
        ChildProcess("daemon", [*python, *daemon, *in_format]),
        ChildProcess(WEBSERVER, [*python, *webserver, "-h", host, "-p", str(port), *in_format]),
    ]


def code_server_command(address: list[str], log_format: str) -> list[str]:
    """Dagster's code server, listening at an ``address`` in its own options. ``log_format``: text or json."""
    definitions = ["-m", "defender_assets.definitions", "--location-name", LOCATION]
    return ["dagster", "api", "grpc", *definitions, *address, "--log-level", "warning", *_in_format(log_format)]


def _in_format(log_format: str) -> list[str]:
    return ["--log-format", "json"] if log_format == "json" else []
