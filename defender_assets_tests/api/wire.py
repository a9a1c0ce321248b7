"""A small HTTPS server on loopback that says exactly what a test tells it to say.

Here: routes, replies (also broken ones), and a record of what was asked. Not here: anything that resembles a tenant.
"""

import asyncio
import base64
import gzip
import json
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme
import uvicorn

SECRET = "canary-secret-Zx8Q~value"
TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-000000000000"
DISCOVERY = f"/{TENANT}/v2.0/.well-known/openid-configuration"
TOKEN = f"/{TENANT}/oauth2/v2.0/token"
AUDIENCE = "https://api.securitycenter.microsoft.com"


@dataclass(frozen=True)
class ReceivedRequest:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def bearer(self) -> str | None:
        return self.headers.get("authorization")


@dataclass(frozen=True)
class Reply:
    """An answer. ``promised`` claims another length than the body has, so that it ends too early."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    promised: int | None = None


def says(content: Any, status: int = 200, **headers: str) -> Reply:
    """JSON, as the service labels it."""
    kind = "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8"
    return Reply(status, json.dumps(content).encode(), {"Content-Type": kind, **headers})


def refusal(status: int, code: str = "", message: str = "", **headers: str) -> Reply:
    """The API's error body."""
    return says({"error": {"code": code, "message": message, "target": "|3f-2."}}, status, **headers)


def page(rows: Iterable[Any], link: str | None = None) -> Reply:
    """A page of rows, the link last."""
    return says({"@odata.context": "x", "value": list(rows)} | ({"@odata.nextLink": link} if link else {}))


def packed(reply: Reply, how: str) -> Reply:
    """The same answer as gzip, zlib or raw deflate (which the service calls deflate)."""
    raw = zlib.compressobj(wbits=-15)
    body = {
        "gzip": lambda: gzip.compress(reply.body),
        "zlib": lambda: zlib.compress(reply.body),
        "raw": lambda: raw.compress(reply.body) + raw.flush(),
    }[how]()
    label = "gzip" if how == "gzip" else "deflate"
    return Reply(reply.status, body, {**reply.headers, "Content-Encoding": label})


def token_of(roles: Iterable[str] = ("Machine.Read.All",), audience: str = AUDIENCE, number: int = 1) -> str:
    """A JWT; nobody here checks its signature."""
    claims = {"aud": audience, "tid": TENANT, "roles": list(roles), "jti": number}
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*texts, "c2lnbmF0dXJlLWNhbmFyeQ"])


Route = Reply | Callable[[ReceivedRequest], Reply]


def first_byte(route: Route, request: ReceivedRequest) -> Reply:
    """What a storage says of a part (which its last reply delivers) when it is asked for the first byte only."""
    whole = route if isinstance(route, Reply) else route(request)
    if whole.status != 200:
        return whole
    if not whole.body:
        return Reply(416, b"<Error><Code>InvalidRange</Code></Error>", {"Content-Range": "bytes */0"})
    return Reply(206, whole.body[:1], {"Content-Range": f"bytes 0-0/{whole.promised or len(whole.body)}"})


class Wire:
    """The server. A route is a reply, a function of the request, or a list of replies of which the last one stays."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1", "other.localhost")
        self.ca_bundle = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_bundle))
        self._lock = threading.Lock()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        config = uvicorn.Config(
            self._app,
            "127.0.0.1",
            self.port,
            log_level="critical",
            lifespan="off",
            ws="none",
            interface="asgi3",
            timeout_graceful_shutdown=1,
        )
        config.load()
        config.ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(config.ssl)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve()), daemon=True)
        self.forget()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def __enter__(self) -> "Wire":
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the test server did not start")
            threading.Event().wait(0.01)
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    def forget(self) -> None:
        """As if it had just been started: a login that works, and nothing else."""
        self.requests: list[ReceivedRequest] = []
        self.tokens = 0
        self.roles: tuple[str, ...] = ("Machine.Read.All",)
        self.audience = AUDIENCE
        self.lifetime = 3_599
        self._routes: dict[str, list[Route]] = {}
        self._sizes: dict[str, Reply] = {}
        self.on(DISCOVERY, self._discovery)
        self.on(TOKEN, self._token)

    def on(self, path: str, *replies: Route) -> None:
        with self._lock:
            self._routes[path] = list(replies)

    def on_size(self, path: str, reply: Reply) -> None:
        """What the storage answers when it is asked for the size of a part, in place of the truth."""
        self._sizes[path] = reply

    def requests_for(self, path: str) -> list[ReceivedRequest]:
        return [request for request in self.requests if request.path == path]

    def downloads_of(self, path: str) -> list[ReceivedRequest]:
        """The requests for the whole of a part."""
        return [request for request in self.requests_for(path) if "range" not in request.headers]

    def logins(self) -> list[ReceivedRequest]:
        return [request for request in self.requests if request.method == "POST"]

    def _discovery(self, request: ReceivedRequest) -> Reply:
        return says(
            {
                "issuer": f"{self.url}/{TENANT}/v2.0",
                "authorization_endpoint": f"{self.url}/{TENANT}/oauth2/v2.0/authorize",
                "token_endpoint": f"{self.url}/{TENANT}/oauth2/v2.0/token",
            }
        )

    def _token(self, request: ReceivedRequest) -> Reply:
        self.tokens += 1
        token = token_of(self.roles, self.audience, self.tokens)
        return says({"token_type": "Bearer", "expires_in": self.lifetime, "access_token": token})

    def _reply(self, request: ReceivedRequest) -> Reply:
        with self._lock:
            self.requests.append(request)
            replies = self._routes.get(request.path)
            if not replies:
                return Reply(404)
            if "range" in request.headers:
                return self._sizes.get(request.path) or first_byte(replies[-1], request)
            route = replies.pop(0) if len(replies) > 1 else replies[0]
        return route if isinstance(route, Reply) else route(request)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        target = scope["raw_path"].decode() + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        request = ReceivedRequest(scope["method"], target, headers, body)
        reply = await asyncio.get_running_loop().run_in_executor(None, self._reply, request)
        length = len(reply.body) if reply.promised is None else reply.promised
        headers_sent = {"Content-Length": str(length), **reply.headers}
        pairs = [(name.encode(), value.encode()) for name, value in headers_sent.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
        await send({"type": "http.response.body", "body": reply.body, "more_body": False})
