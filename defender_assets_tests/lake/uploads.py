"""Uploads that stop half-way: a gate before a store, and another process that writes through it.

Here: the gate, and the process. Not here: the stores (``stores.py``).
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .stores import Store


class Gate:
    """A port before a store. After so many ``bytes`` from clients it lets no more through until it is opened."""

    def __init__(self, port: int, passes: int) -> None:
        self._store, self._left = port, passes
        self._lock = threading.Lock()
        self.reached, self.opened = threading.Event(), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def before(self, store: Store) -> dict[str, str]:
        """The variables with which the store's library goes through the gate."""
        direct, through = f"127.0.0.1:{store.port}", f"127.0.0.1:{self.port}"
        return {name: value.replace(direct, through) for name, value in store.environment.items()}

    def serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed: the test is over
                return
            store = socket.create_connection(("127.0.0.1", self._store))
            for source, target, counted in ((client, store, True), (store, client, False)):
                threading.Thread(target=self._relay, args=(source, target, counted), daemon=True).start()

    def _relay(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while chunk := source.recv(64 * 1024):
                if counted and self._is_through(len(chunk)):
                    self.reached.set()
                    self.opened.wait()
                target.sendall(chunk)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _is_through(self, size: int) -> bool:
        with self._lock:
            self._left -= size
            return self._left < 0

    def close(self) -> None:
        self.opened.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def gate(store: Store, passes: int) -> Iterator[Gate]:
    gate = Gate(store.port, passes)
    threading.Thread(target=gate.serve, daemon=True).start()
    try:
        yield gate
    finally:
        gate.close()


@contextmanager
def another_writer(environment: dict[str, str], program: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs a Python ``program`` with these variables of a store, killed at the end of the block."""
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], env={**os.environ, **environment})
    try:
        yield process
    finally:
        process.kill()
        process.wait()
