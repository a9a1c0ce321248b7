"""Debian's PostgreSQL on loopback, for as long as a block lasts."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..loopback import free_port
from ..peers import installed
from .local_dagster import eventually

PACKAGE = "postgresql"
_SUPERUSER = "dagster"
_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


@dataclass
class PostgreSQL:
    """A server with an empty database ``dagster``, which only the password opens."""

    folder: Path
    port: int
    password: str = field(repr=False)
    process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> Mapping[str, str]:
        """The environment that ``deploy/postgresql/dagster.yaml`` reads."""
        return {
            "DAGSTER_PG_HOST": "127.0.0.1",
            "DAGSTER_PG_PORT": str(self.port),
            "DAGSTER_PG_USERNAME": _SUPERUSER,
            "DAGSTER_PG_PASSWORD": self.password,
            "DAGSTER_PG_DB": "postgres",
        }

    def start(self) -> None:
        command = [_program("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}"]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen([*command, *options], stdout=log, stderr=log, **_as_another_user())
        eventually(self._answers, 30, "PostgreSQL answers")

    def stop(self) -> None:
        """Ends it at once, as a machine that fails would: who is connected loses the connection."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(timeout=30)

    def _answers(self) -> bool:
        check = subprocess.run(
            [_program("psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", _SUPERUSER, "postgres", "-c", "SELECT 1"],
            env=os.environ | {"PGPASSWORD": self.password}, capture_output=True, check=False,
        )  # fmt: skip
        return check.returncode == 0


@contextmanager
def serving_postgresql() -> Iterator[PostgreSQL]:
    """Skipped, or failed in CI, where it is not installed."""
    initdb = _program("initdb")
    # Not below pytest's own folder, which only this user can enter; a socket's path has to be short as well.
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    server = PostgreSQL(folder, free_port(), password="pg-canary/@:%41 " + os.urandom(6).hex())
    try:
        words = folder / "password"
        words.write_text(server.password)
        if os.getuid() == 0:
            for path in (folder, words):
                shutil.chown(path, _unprivileged())
        subprocess.run(
            [initdb, "-D", folder / "data", "-U", _SUPERUSER, "--auth=scram-sha-256", f"--pwfile={words}", "--no-sync"],
            check=True, capture_output=True, **_as_another_user(),
        )  # fmt: skip
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    return installed(name, PACKAGE, _FOLDERS)


def _as_another_user() -> dict[str, str]:
    """PostgreSQL refuses to run as root."""
    return {"user": _unprivileged(), "cwd": "/"} if os.getuid() == 0 else {}


def _unprivileged() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
