"""Requests and answers, as the applications of this server see them.

Here: reading an ASGI request, sending an answer in whole, in pieces, slowly or not to the end. Not here: what is
answered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, unquote_plus

import orjson

from .bodies import Body

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

API_JSON = "application/json; odata.metadata=minimal; odata.streaming=true; charset=utf-8"
PLAIN_JSON = "application/json; charset=utf-8"
_PIECE = 256 * 1024


@dataclass(frozen=True)
class Request:
    """``query`` has lower-cased names; ``base_url`` is what the client called this server."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    client: tuple[str, int] | None
    base_url: str
    body: bytes = b""

    @property
    def bearer(self) -> str | None:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@dataclass(frozen=True)
class Conduct:
    """How an answer is sent: ``delay`` in seconds before it; ``cut_after`` bytes the connection ends, politely or, with
    ``reset``, not."""

    delay: float = 0.0
    cut_after: int | None = None
    reset: bool = False


@dataclass(frozen=True)
class Answer:
    """``chunked`` answers tell no length, as the API's; ``compressible`` ones follow Accept-Encoding."""

    status: int
    body: Body | bytes = b""
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    chunked: bool = False
    compressible: bool = False
    conduct: Conduct = field(default_factory=Conduct)


def json_answer(status: int, content: object, *, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return Answer(status, orjson.dumps(content), PLAIN_JSON, headers)


def empty(status: int) -> Answer:
    """A status and nothing else, as for routes that do not exist."""
    return Answer(status)


async def read_request(scope: Scope, receive: Receive) -> Request:
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
    """Query options by lower-cased name; blanks come as ``+`` or ``%20``, but a skip token keeps its plus signs."""
    found = {}
    for pair in filter(None, text.split("&")):
        name, _, value = pair.partition("=")
        name = unquote(name).lower()
        found[name] = unquote(value) if name == "$skiptoken" else unquote_plus(value)
    return found


async def send_answer(answer: Answer, request: Request, send: Send, abort: Callable[[], None]) -> None:
    """Sends the answer as its conduct says; ``abort`` ends the connection without a word."""
    if answer.conduct.delay:
        await asyncio.sleep(answer.conduct.delay)
    if answer.conduct.reset and not answer.conduct.cut_after:
        abort()
        return
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
    pieces: list[bytes]
    if isinstance(answer.body, Body):
        encoding = encoding_for(request) if answer.compressible else "gzip"
        pieces = answer.body.encoded(encoding)
        if answer.compressible:
            headers.append((b"vary", b"Accept-Encoding"))
            if encoding:
                headers.append((b"content-encoding", encoding.encode()))
    else:
        pieces = [answer.body]
    if answer.content_type:
        headers.append((b"content-type", answer.content_type.encode()))
    if not answer.chunked:
        headers.append((b"content-length", str(sum(map(len, pieces))).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    left = answer.conduct.cut_after
    if left is not None:
        # A short body is cut in its middle.
        left = min(left, sum(map(len, pieces)) // 2)
    for piece in pieces:
        for start in range(0, len(piece), _PIECE):
            chunk = piece[start : start + _PIECE]
            if left is not None:
                chunk, left = chunk[:left], left - len(chunk)
            if chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            if left is not None and left <= 0:
                # What was sent must leave before the connection ends, or the client sees none of it.
                await asyncio.sleep(0.02)
                abort()
                return
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def encoding_for(request: Request) -> str | None:
    """The service answers in raw deflate whoever accepts deflate, in gzip whoever accepts that."""
    accepted = {part.split(";")[0].strip().lower() for part in request.headers.get("accept-encoding", "").split(",")}
    return "deflate" if "deflate" in accepted else "gzip" if "gzip" in accepted else None
