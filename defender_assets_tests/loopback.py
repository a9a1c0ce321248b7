"""HTTP servers on loopback that answer as a test says, and ports.

Here: one server for whatever is spoken by way of HTTP. Not here: what is answered (beside the tests of each), the real
programs that tests talk to (``peers.py``), servers that break off in the middle (``api/wire.py``,
``reference/feed_server.py``).
"""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """``target`` is path and query as they were sent; ``headers`` are found without regard to case."""

    method: str
    target: str
    headers: Message
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The first value of each name."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}


@dataclass(frozen=True)
class Answer:
    """``content``: bytes are sent as they are, anything else as JSON."""

    content: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


@dataclass(frozen=True)
class LocalServer:
    """Where it listens, and what it was asked."""

    url: str
    requests: list[Request] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def answering(answer: Callable[[Request], Answer], tls: ssl.SSLContext | None = None) -> Iterator[LocalServer]:
    """A server within this block; with ``tls``, over HTTPS."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(self.command, self.path, self.headers, body)
            local.requests.append(request)
            answered = answer(request)
            self.send_response(answered.status)
            if not isinstance(answered.content, bytes):
                self.send_header("Content-Type", "application/json")
            for name, value in answered.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answered.body)))
            self.end_headers()
            self.wfile.write(answered.body)

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        local = LocalServer(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}")
        # By default it looks every half second whether it is to end, and every test would wait for that.
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield local
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
