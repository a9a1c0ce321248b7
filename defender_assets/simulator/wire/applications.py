"""The two ASGI applications: the service (login, API, feeds, control) and the storage behind export files.

Here: which part answers which path, and the record of what was asked. Not here: the answers.
"""

import asyncio
import hashlib
import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from ..tenant.tenant import SimulatedTenant
from .bodies import json_lines, pack
from .control import Control
from .exports import Exports, blob_answer, storage_error
from .faults import FaultKind, Faults, first_of
from .login import Login
from .messages import Answer, Conduct, Receive, Request, Scope, Send, empty, json_answer, read_request, send_answer
from .records import Records
from .service import Service

Abort = Callable[[tuple[str, int] | None], None]
_NDJSON = "application/x-ndjson"


class ServiceApplication:
    """Login, API, feeds and control on one port."""

    def __init__(
        self,
        tenant: SimulatedTenant,
        login: Login,
        service: Service,
        control: Control,
        faults: Faults,
        records: Records,
        abort: Abort,
        *,
        follows_clock: bool = False,
    ) -> None:
        self._tenant = tenant
        self._login = login
        self._service = service
        self._control = control
        self._faults = faults
        self._records = records
        self._abort = abort
        self._follows_clock = follows_clock
        self._feeds: dict[str, bytes | None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await read_request(scope, receive)
        answer = await self._answer(request)
        await send_answer(answer, request, send, lambda: self._abort(request.client))

    async def _answer(self, request: Request) -> Answer:
        path = request.path
        if path.startswith("/_control/"):
            return await self._controlled(request)
        if self._follows_clock:
            self._tenant.timeline.follow_clock()
        if path.lower().startswith("/api/"):
            kind, answer = "api", await self._service.answer(request)
        elif path.startswith("/feeds/"):
            kind, answer = "feeds", await self._feed(request)
        else:
            kind, answer = "login", self._login_answer(request)
        self._records.requests.append((request.method, path, answer.status))
        self._records.answers[f"{kind} {answer.status}"] += 1
        return answer

    def _login_answer(self, request: Request) -> Answer:
        answer = self._login.answer(request)
        if answer is None:
            return empty(404)
        if request.bearer is not None:
            self._records.violate("bearer_at_login", request.path)
        for fault in self._faults.strike("login"):
            match fault.kind:
                case FaultKind.STATUS | FaultKind.HTML:
                    return Answer(fault.status, b"<html><body>Service unavailable</body></html>", "text/html")
                case FaultKind.THROTTLED:
                    return Answer(429, headers=(("Retry-After", str(int(fault.seconds))),))
                case FaultKind.RESET:
                    return Answer(200, conduct=Conduct(reset=True))
                case FaultKind.SLOW:
                    answer = Answer(**{**vars(answer), "conduct": Conduct(delay=fault.seconds)})
                case _:
                    continue
        return answer

    async def _feed(self, request: Request) -> Answer:
        if request.bearer is not None:
            self._records.violate("bearer_at_feed", request.path)
        struck = self._faults.strike("feeds")
        if fault := first_of(struck, FaultKind.STATUS, FaultKind.HTML):
            return Answer(fault.status, b"<html><body>Service unavailable</body></html>", "text/html")
        if first_of(struck, FaultKind.RESET):
            return Answer(200, conduct=Conduct(reset=True))
        content = await asyncio.to_thread(self._feed_content, request.path.removeprefix("/feeds/"))
        if content is None:
            return empty(404)
        tag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
        if request.headers.get("if-none-match") == tag:
            return Answer(304, headers=(("ETag", tag),))
        if first_of(struck, FaultKind.TRUNCATED, FaultKind.MALFORMED):
            content = content[: len(content) * 2 // 3]
        endings = {".json": "application/json", ".gz": "application/gzip", ".zip": "application/zip"}
        kind = next(kind for ending, kind in endings.items() if request.path.endswith(ending))
        return Answer(200, content, kind, (("ETag", tag),))

    def _feed_content(self, name: str) -> bytes | None:
        if name not in self._feeds:
            feeds = self._tenant.feeds
            content: bytes | None = None
            match name:
                case "known_exploited_vulnerabilities.json":
                    content = orjson.dumps(feeds.known_exploited(), option=orjson.OPT_INDENT_2)
                case "epss_scores-current.csv.gz":
                    content = feeds.exploit_prediction()
                case "defender_releases.json":
                    content = orjson.dumps(self._tenant.releases.feed(), option=orjson.OPT_INDENT_2)
                case "vulnrichment/archive/refs/heads/develop.zip":
                    content = feeds.enrichment_archive()
            if content is None:
                return None
            self._feeds[name] = content
        return self._feeds[name]

    async def _controlled(self, request: Request) -> Answer:
        """``POST /_control/VERB`` with ``{"arguments": […], "named": {…}}``, ``GET /_control/VERB`` for what only
        reads, and ``GET /_control/rows?dataset=…&form=…``: the truth, one row to a line."""
        if request.client is None or not ipaddress.ip_address(request.client[0]).is_loopback:
            return empty(404)
        verb = request.path.removeprefix("/_control/")
        try:
            if verb == "rows":
                rows = self._tenant.rows(request.query["dataset"], _form(request.query))
                body = await asyncio.to_thread(lambda: pack(json_lines(rows)))
                return Answer(200, body, _NDJSON, compressible=True)
            content = orjson.loads(request.body) if request.body else {}
            result = self._control.call(verb, content.get("arguments", ()), content.get("named"))
        except KeyError as error:
            return json_answer(404, {"error": f"unknown: {error}"})
        except (TypeError, ValueError) as error:
            return json_answer(400, {"error": str(error)})
        return json_answer(200, {"result": result})


def _form(query: Mapping[str, str]) -> Any:
    form = query.get("form", "pages")
    if form not in ("pages", "files"):
        raise ValueError("form is pages or files")
    return form


class StorageApplication:
    """The blob storage, on its own port, so that a bearer that is sent there is seen."""

    def __init__(
        self, exports: Exports, folders: dict[str, str], faults: Faults, records: Records, abort: Abort
    ) -> None:
        self._exports = exports
        self._folders = folders
        self._faults = faults
        self._records = records
        self._abort = abort

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await read_request(scope, receive)
        answer = await self._answer(request)
        self._records.requests.append((request.method, request.path, answer.status))
        self._records.answers[f"storage {answer.status}"] += 1
        await send_answer(answer, request, send, lambda: self._abort(request.client))

    async def _answer(self, request: Request) -> Answer:
        if "authorization" in request.headers:
            self._records.violate("bearer_at_storage", request.path)
        if request.method != "GET":
            self._records.violate("write", f"{request.method} {request.path}")
            return storage_error(405, "UnsupportedHttpVerb", "")
        if not request.path.startswith("/temp-"):
            # Nobody who stays with the addresses of export lists comes here.
            self._records.violate("foreign_link_followed", request.path)
            return empty(404)
        struck = self._faults.strike("storage")
        refusal = self._exports.signatures.refusal(request)
        if first_of(struck, FaultKind.EXPIRED_SIGNATURE):
            refusal = refusal or "Signature not valid in the specified key time frame: Key start [x] - Key expiry [y]"
        if refusal is not None:
            return storage_error(403, "AuthenticationFailed", refusal)
        found = self._exports.part_of(request.path, self._folders)
        if found is None or first_of(struck, FaultKind.NOT_FOUND):
            return storage_error(404, "BlobNotFound", "")
        if fault := first_of(struck, FaultKind.STATUS, FaultKind.HTML):
            return storage_error(fault.status, "ServerBusy", "")
        if first_of(struck, FaultKind.RESET):
            return Answer(200, conduct=Conduct(reset=True))
        dataset, assessment, part = found
        if part is None:
            return blob_answer(b"", ())
        body = await asyncio.to_thread(self._exports.body, dataset, assessment, part)
        answer = blob_answer(body, struck)
        if fault := first_of(struck, FaultKind.SLOW):
            answer = Answer(**{**vars(answer), "conduct": Conduct(delay=fault.seconds)})
        return answer
