"""A publisher on the wire: HTTPS on loopback, with a certificate that only its own authority vouches for."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme


@dataclass
class Reply:
    """``cut`` breaks the connection off after so many bytes of the body."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass
class FeedServer:
    """``replies``: path -> what it answers, the last one again and again."""

    url: str
    ca_bundle: Path
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def serve(self, path: str, *replies: Reply | bytes) -> str:
        """The address under which these are given, one after the other."""
        self.replies[path] = [reply if isinstance(reply, Reply) else Reply(reply) for reply in replies]
        return self.url + path

    def reply_to(self, target: str, headers: dict[str, str]) -> Reply:
        self.requests.append((target, headers))
        replies = self.replies.get(target.partition("?")[0], [Reply(status=404)])
        return replies.pop(0) if len(replies) > 1 else replies[0]


@contextmanager
def serving(folder: Path) -> Iterator[FeedServer]:
    authority = trustme.CA()
    ca_bundle = folder / "authority.pem"
    authority.cert_pem.write_to_path(ca_bundle)
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server = FeedServer(f"https://localhost:{httpd.server_port}", ca_bundle)
    httpd.RequestHandlerClass = _handler(server.reply_to)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def _handler(reply_to: Callable[[str, dict[str, str]], Reply]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = reply_to(self.path, dict(self.headers))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                """A client that does not trust the certificate, or has read enough, hangs up."""

    return Handler


@dataclass
class Waiting:
    """A clock whose waiting takes no time and is noted."""

    pauses: list[float] = field(default_factory=list)

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
