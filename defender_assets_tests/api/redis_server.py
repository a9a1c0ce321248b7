"""Debian's Redis on loopback, for as long as a block lasts."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from ..loopback import free_port, listens
from ..peers import installed, library


@dataclass
class RedisServer:
    """A server that keeps nothing on disk; without TLS at ``port``, with TLS at ``tls_port``."""

    folder: Path
    port: int
    tls_port: int
    password: str = field(repr=False)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def tls_address(self) -> str:
        return f"rediss://:{self.password}@localhost:{self.tls_port}/0"

    @property
    def authority(self) -> Path:
        """The authority that signed its certificate."""
        return self.folder / "ca.pem"

    def start(self) -> None:
        options = {
            "bind": "127.0.0.1", "port": self.port, "tls-port": self.tls_port, "tls-auth-clients": "no",
            "tls-cert-file": self.folder / "server.pem", "tls-key-file": self.folder / "server.pem",
            "tls-ca-cert-file": self.authority, "requirepass": self.password, "save": "", "appendonly": "no",
            "dir": self.folder,
        }  # fmt: skip
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        program = installed("redis-server", "redis-server")
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen([program, *words], stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not listens(self.tls_port):
            assert time.monotonic() < deadline, (self.folder / "server.log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=20)


@contextmanager
def serving_redis() -> Iterator[RedisServer]:
    """Skipped, or failed in CI, where it is not installed."""
    library("redis", "defender-assets[redis]")
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    server = RedisServer(folder, free_port(), free_port(), password="redis-canary-7151")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
