"""Requests and responses, as the applications of this server see them.

Here: reading an ASGI request, and sending a response whole, in pieces, slowly or not to the end. Not here: the content
of responses (``api_service.py`` and its neighbours).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, unquote_plus

import orjson

from .bodies import CompressedBody

AsgiScope = MutableMapping[str, Any]
AsgiReceive = Callable[[], Awaitable[MutableMapping[str, Any]]]
AsgiSend = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApplication = Callable[[AsgiScope, AsgiReceive, AsgiSend], Awaitable[None]]

ClientAddress = tuple[str, int]
ResetConnection = Callable[[ClientAddress | None], None]
"""Resets the connection of a client."""

API_JSON = "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8"
PLAIN_JSON = "application/json; charset=utf-8"
_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Request:
    """``query`` has lower-cased names; ``base_url`` is scheme and host as the client wrote them."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    client: ClientAddress | None
    base_url: str
    body: bytes = b""

    @property
    def bearer(self) -> str | None:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@dataclass(frozen=True)
class ConnectionFault:
    """What disturbs the sending of a response: it begins after ``delay`` seconds; the connection ends after
    ``cut_after`` bytes of the body, or before anything is sent (``reset``)."""

    delay: float = 0.0
    cut_after: int | None = None
    reset: bool = False


@dataclass(frozen=True)
class ServerResponse:
    """``chunked`` responses have no Content-Length, as the API's; ``compressible`` ones follow Accept-Encoding."""

    status: int
    body: CompressedBody | bytes = b""
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    chunked: bool = False
    compressible: bool = False
    connection_fault: ConnectionFault = field(default_factory=ConnectionFault)


def json_response(status: int, content: object, *, headers: tuple[tuple[str, str], ...] = ()) -> ServerResponse:
    return ServerResponse(status, orjson.dumps(content), PLAIN_JSON, headers)


def empty_response(status: int) -> ServerResponse:
    """A status and nothing else, as for routes that do not exist."""
    return ServerResponse(status)


async def read_request(scope: AsgiScope, receive: AsgiReceive) -> Request:
    """The whole request, body included (only logins and control calls have one)."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    body = b""
    if scope["method"] in ("POST", "PUT", "PATCH"):
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=parse_query(scope["query_string"].decode("latin-1")),
        headers=headers,
        client=tuple(scope["client"]) if scope.get("client") else None,
        base_url=f"https://{headers.get('host', '')}",
        body=body,
    )


def parse_query(text: str) -> dict[str, str]:
    """Query options by lower-cased name. Blanks come as ``+`` or ``%20``, but a skip token keeps its plus signs."""
    found = {}
    for pair in filter(None, text.split("&")):
        name, _, value = pair.partition("=")
        name = unquote(name).lower()
        found[name] = unquote(value) if name == "$skiptoken" else unquote_plus(value)
    return found


async def send_response(
    response: ServerResponse, request: Request, send: AsgiSend, reset_connection: ResetConnection
) -> None:
    """Sends the response, disturbed by its connection fault."""
    if response.connection_fault.delay:
        await asyncio.sleep(response.connection_fault.delay)
    if response.connection_fault.reset:
        reset_connection(request.client)
        return
    headers = [(name.encode(), value.encode("latin-1")) for name, value in response.headers]
    pieces: list[bytes]
    if isinstance(response.body, CompressedBody):
        encoding = accepted_encoding(request) if response.compressible else "gzip"
        pieces = response.body.encoded(encoding)
        if response.compressible:
            headers.append((b"vary", b"Accept-Encoding"))
            if encoding:
                headers.append((b"content-encoding", encoding.encode()))
    else:
        pieces = [response.body]
    if response.content_type:
        headers.append((b"content-type", response.content_type.encode()))
    if not response.chunked:
        headers.append((b"content-length", str(sum(map(len, pieces))).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    left = response.connection_fault.cut_after
    if left is not None:
        # A short body is cut in its middle.
        left = min(left, sum(map(len, pieces)) // 2)
    for piece in pieces:
        for start in range(0, len(piece), _CHUNK_BYTES):
            chunk = piece[start : start + _CHUNK_BYTES]
            if left is not None:
                chunk, left = chunk[:left], left - len(chunk)
            if chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if left is not None and left <= 0:
                # What was sent must leave before the connection ends, or the client receives none of it.
                await asyncio.sleep(0.02)
                reset_connection(request.client)
                return
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def accepted_encoding(request: Request) -> str | None:
    """The service sends raw deflate to clients that accept deflate, otherwise gzip to those that accept that."""
    accepted = {part.split(";")[0].strip().lower() for part in request.headers.get("accept-encoding", "").split(",")}
    return "deflate" if "deflate" in accepted else "gzip" if "gzip" in accepted else None
