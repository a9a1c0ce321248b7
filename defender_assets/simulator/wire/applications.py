"""The two ASGI applications: the service (login, API, feeds, control) and the storage of export files.

Here: which part responds to which path, and the log of requests. Not here: the content of the responses
(``api_service.py``, ``entra_login.py``, ``feed_files.py``, ``export_blobs.py``).
"""

import asyncio
import ipaddress
from dataclasses import replace
from typing import Any

import orjson

from ..tenant.release_feeds import Variant
from ..tenant.tenant import Form, SimulatedTenant
from .api_service import ApiService
from .bodies import compressed, json_lines
from .control import Control
from .entra_login import EntraLogin
from .export_blobs import ExportBlobs, blob_response, storage_error
from .faults import FaultKind, Faults, first_fault
from .feed_files import FeedFiles, bomb
from .http_messages import (
    AsgiReceive,
    AsgiScope,
    AsgiSend,
    ConnectionFault,
    Request,
    ResetConnection,
    ServerResponse,
    empty_response,
    json_response,
    read_request,
    send_response,
)
from .request_log import RequestLog

_NDJSON = "application/x-ndjson"
_VARIANTS: dict[FaultKind, Variant] = {FaultKind.FEED_STALE: "stale", FaultKind.FEED_JUMP: "jumped"}
_UNAVAILABLE = b"<html><body>Service unavailable</body></html>"


class ServiceApplication:
    """Login, API, feeds and control on one port."""

    def __init__(
        self,
        tenant: SimulatedTenant,
        login: EntraLogin,
        service: ApiService,
        control: Control,
        faults: Faults,
        request_log: RequestLog,
        reset_connection: ResetConnection,
        *,
        follows_clock: bool = False,
    ) -> None:
        self._tenant = tenant
        self._login = login
        self._service = service
        self._control = control
        self._faults = faults
        self._request_log = request_log
        self._reset_connection = reset_connection
        self._follows_clock = follows_clock
        self._feeds = FeedFiles(tenant)

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        request = await read_request(scope, receive)
        response = await self._respond(request)
        await send_response(response, request, send, self._reset_connection)

    async def _respond(self, request: Request) -> ServerResponse:
        path = request.path
        if path.startswith("/_control/"):
            return await self._respond_to_control(request)
        if self._follows_clock:
            self._tenant.timeline.follow_clock()
        if path.lower().startswith("/api/"):
            part, response = "api", await self._service.respond(request)
        elif path.startswith("/feeds/"):
            part, response = "feeds", await self._respond_with_feed(request)
        else:
            part, response = "login", self._respond_to_login(request)
        self._request_log.add(request.method, path, response.status, part)
        return response

    def _respond_to_login(self, request: Request) -> ServerResponse:
        response = self._login.respond(request)
        if response is None:
            return empty_response(404)
        if request.bearer is not None:
            self._request_log.add_violation("bearer_at_login", request.path)
        for fault in self._faults.take("login"):
            match fault.kind:
                case FaultKind.STATUS | FaultKind.HTML:
                    return ServerResponse(fault.status, _UNAVAILABLE, "text/html")
                case FaultKind.THROTTLED:
                    return ServerResponse(429, headers=(("Retry-After", str(int(fault.seconds))),))
                case FaultKind.RESET:
                    return ServerResponse(200, connection_fault=ConnectionFault(reset=True))
                case FaultKind.SLOW:
                    response = replace(response, connection_fault=ConnectionFault(delay=fault.seconds))
                case _:
                    continue
        return response

    async def _respond_with_feed(self, request: Request) -> ServerResponse:
        if request.bearer is not None:
            self._request_log.add_violation("bearer_at_feed", request.path)
        name = request.path.removeprefix("/feeds/")
        active = self._faults.take("feeds", f"feeds/{name}")
        if fault := first_fault(active, FaultKind.STATUS, FaultKind.HTML):
            return ServerResponse(fault.status, _UNAVAILABLE, "text/html")
        if fault := first_fault(active, FaultKind.REDIRECT):
            return ServerResponse(302, headers=(("Location", f"{fault.target}{request.path}"),))
        if fault := first_fault(active, FaultKind.FEED_BOMB):
            return ServerResponse(200, await asyncio.to_thread(bomb, fault.mebibytes), "application/gzip")
        if first_fault(active, FaultKind.RESET):
            return ServerResponse(200, connection_fault=ConnectionFault(reset=True))
        variant = _VARIANTS.get(fault.kind) if (fault := first_fault(active, *_VARIANTS)) else None
        file = await asyncio.to_thread(self._feeds.file, name, variant)
        if file is None:
            return empty_response(404)
        if request.headers.get("if-none-match") == file.etag:
            return ServerResponse(304, headers=(("ETag", file.etag),))
        content = file.content
        if first_fault(active, FaultKind.TRUNCATED, FaultKind.MALFORMED):
            content = content[: len(content) * 2 // 3]
        return ServerResponse(200, content, file.media_type, (("ETag", file.etag),))

    async def _respond_to_control(self, request: Request) -> ServerResponse:
        """``POST /_control/VERB`` with ``{"arguments": […], "named": {…}}``; ``GET /_control/VERB`` for verbs that only
        read; ``GET /_control/rows?dataset=…&form=…`` for the rows of a dataset as the tenant has them, as NDJSON."""
        if request.client is None or not ipaddress.ip_address(request.client[0]).is_loopback:
            return empty_response(404)
        verb = request.path.removeprefix("/_control/")
        try:
            if verb == "rows":
                rows = self._tenant.rows(request.query["dataset"], _form(request.query.get("form", "pages")))
                body = await asyncio.to_thread(lambda: compressed(json_lines(rows)))
                return ServerResponse(200, body, _NDJSON, compressible=True)
            content: dict[str, Any] = orjson.loads(request.body) if request.body else {}
            result = self._control.call(verb, content.get("arguments", ()), content.get("named"))
        except KeyError as error:
            return json_response(404, {"error": f"unknown: {error}"})
        except (TypeError, ValueError) as error:
            return json_response(400, {"error": str(error)})
        return json_response(200, {"result": result})


def _form(text: str) -> Form:
    match text:
        case "pages" | "files":
            return text
    raise ValueError("form is pages or files")


class StorageApplication:
    """The blob storage. It has a port of its own, so that a bearer sent there is noticed."""

    def __init__(
        self,
        blobs: ExportBlobs,
        faults: Faults,
        request_log: RequestLog,
        reset_connection: ResetConnection,
    ) -> None:
        self._blobs = blobs
        self._faults = faults
        self._request_log = request_log
        self._reset_connection = reset_connection

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        request = await read_request(scope, receive)
        response = await self._respond(request)
        self._request_log.add(request.method, request.path, response.status, "storage")
        await send_response(response, request, send, self._reset_connection)

    async def _respond(self, request: Request) -> ServerResponse:
        if "authorization" in request.headers:
            self._request_log.add_violation("bearer_at_storage", request.path)
        if request.method != "GET":
            self._request_log.add_violation("write", f"{request.method} {request.path}")
            return storage_error(405, "UnsupportedHttpVerb", "")
        if not request.path.startswith("/temp-"):
            # No export list names such an address: the client followed a link of another host.
            self._request_log.add_violation("foreign_link_followed", request.path)
            return empty_response(404)
        active = self._faults.take("storage")
        refusal = self._blobs.signatures.refusal(request)
        if first_fault(active, FaultKind.EXPIRED_SIGNATURE):
            refusal = refusal or "Signature not valid in the specified key time frame: Key start [x] - Key expiry [y]"
        if refusal is not None:
            return storage_error(403, "AuthenticationFailed", refusal)
        blob = self._blobs.find(request.path)
        if blob is None or first_fault(active, FaultKind.NOT_FOUND):
            return storage_error(404, "BlobNotFound", "")
        if fault := first_fault(active, FaultKind.STATUS, FaultKind.HTML):
            return storage_error(fault.status, "ServerBusy", "")
        if first_fault(active, FaultKind.RESET):
            return ServerResponse(200, connection_fault=ConnectionFault(reset=True))
        if blob.part is None:
            return blob_response(b"", request, ())
        body = await asyncio.to_thread(self._blobs.body, blob.dataset, blob.assessment, blob.part)
        response = await asyncio.to_thread(blob_response, body, request, active)
        if fault := first_fault(active, FaultKind.SLOW):
            response = replace(response, connection_fault=ConnectionFault(delay=fault.seconds))
        return response
