"""The API: authorization, quotas and responses.

Here: how a request goes from its token to its response, and where it is refused. Not here: login (``entra_login.py``),
storage (``export_blobs.py``), the rows of a page (``list_pages.py``, ``assessment_pages.py``).
"""

import asyncio
from dataclasses import replace

import orjson

from ..tenant.formats import iso_seconds
from ..tenant.randomness import guid
from ..tenant.tenant import SimulatedTenant
from . import pages
from .assessment_pages import AssessmentPages, whole_number
from .bodies import BodyStore, CompressedBody, compressed
from .body_faults import after_body, after_rows, error_bomb
from .endpoint import Endpoint, EndpointKind
from .endpoints import Routes
from .entitlements import Entitlements
from .entra_login import AUDIENCES, EntraLogin
from .export_blobs import ExportBlobs
from .faults import Fault, FaultKind, Faults, first_fault
from .http_messages import API_JSON, ConnectionFault, Request, ServerResponse, empty_response, json_response
from .list_pages import ListPages
from .odata import ODataError
from .part_faults import with_list_faults
from .quotas import Quotas, retry_after
from .refusals import ApiRefusal, QuotaExceeded
from .request_log import RequestLog

_MOST_HOURS = 6
"""How long an export's addresses may be valid."""


class ApiService:
    """The API of one tenant."""

    def __init__(
        self,
        tenant: SimulatedTenant,
        routes: Routes,
        login: EntraLogin,
        quotas: Quotas,
        faults: Faults,
        store: BodyStore,
        blobs: ExportBlobs,
        request_log: RequestLog,
        *,
        latency: float,
    ) -> None:
        self._tenant = tenant
        self._routes = routes
        self._login = login
        self._quotas = quotas
        self._faults = faults
        self._blobs = blobs
        self._request_log = request_log
        self._lists = ListPages(tenant, store, faults)
        self._assessments = AssessmentPages(tenant, store)
        self.entitlements = Entitlements()
        self.latency = latency
        self._errors = 0

    async def respond(self, request: Request) -> ServerResponse:
        """The response to a request below /api."""
        found = self._routes.find(request.path)
        if found is None:
            return empty_response(404)
        endpoint, key = found
        if request.method != "GET":
            self._request_log.add_violation("write", f"{request.method} {request.path}")
            return empty_response(405)
        try:
            self._authorize(endpoint, request)
            active = self._faults.take(endpoint.dataset)
            refusal = self._fault_response(active, request)
            if refusal is not None:
                return refusal
            # Rendering takes a moment the first time; other requests are served meanwhile.
            response = await asyncio.to_thread(self._render, endpoint, key, request, active)
        except QuotaExceeded as exceeded:
            return self._throttled(exceeded.wait)
        except ODataError as error:
            return self._error(400, "ODataError", str(error))
        except ApiRefusal as refused:
            return self._error(refused.status, refused.code, refused.message)
        return self._with_connection_fault(response, active)

    def _authorize(self, endpoint: Endpoint, request: Request) -> None:
        """Checks token, quota, role, licence and feature, in this order. Raises ApiRefusal or QuotaExceeded."""
        if request.bearer is None:
            raise ApiRefusal(401, "Unauthorized", "Unauthorized request - reason of failure: no bearer token was sent")
        claims = self._login.claims(request.bearer)
        if claims is None or claims["tid"] != self._tenant.shape.tenant_id:
            raise ApiRefusal(
                401, "Unauthorized", "Unauthorized request - reason of failure: the token is invalid or expired"
            )
        if claims["aud"] not in AUDIENCES:
            raise ApiRefusal(403, "Forbidden", "")
        wait = self._quotas.take(endpoint.quota)
        if wait is not None:
            raise QuotaExceeded(wait)
        # A revoked role is gone at once, a granted one comes with the next token.
        roles = [role for role in claims.get("roles", ()) if role in self._login.registration.roles]
        if not set(roles) & set(endpoint.roles):
            raise ApiRefusal(
                403,
                "Forbidden",
                f"Missing application roles. API required roles: {','.join(endpoint.roles)}, "
                f"application roles: {','.join(roles)}.",
            )
        self.entitlements.check(endpoint.dataset)

    def _fault_response(self, active: tuple[Fault, ...], request: Request) -> ServerResponse | None:
        """The response of a fault that replaces the real one."""
        for fault in active:
            match fault.kind:
                case FaultKind.STATUS:
                    return self._error(fault.status, fault.code, fault.message)
                case FaultKind.THROTTLED:
                    return self._throttled(fault.seconds)
                case FaultKind.HTML:
                    page = "<html><head><title>Bad Gateway</title></head><body><h1>Proxy error</h1></body></html>"
                    return ServerResponse(fault.status, page.encode(), "text/html")
                case FaultKind.RESET:
                    return ServerResponse(200, connection_fault=ConnectionFault(reset=True))
                case FaultKind.ERROR_IN_200:
                    error = {"error": {"code": "InternalServerError", "message": "", "target": self._target()}}
                    return ServerResponse(200, orjson.dumps(error), API_JSON)
                case FaultKind.ERROR_BOMB:
                    return ServerResponse(fault.status, error_bomb(fault.mebibytes), API_JSON, compressible=True)
                case FaultKind.NO_LICENCE:
                    return self._error(401, "Unauthorized", "Unauthorized request - reason of failure: No Tvm license")
                case FaultKind.INACTIVE_ACCOUNT:
                    text = "Unauthorized request - reason of failure: Account mode is inactive"
                    return self._error(401, "Unauthorized", text)
                case FaultKind.FEATURE_OFF:
                    return self._error(403, "DisabledFeature", "Tenant feature is not enabled")
                case FaultKind.NOT_FOUND:
                    return self._error(404, "ResourceNotFound", fault.message or "Resource was not found")
                case FaultKind.EMPTY_ANSWER:
                    return empty_response(404)
                case FaultKind.REDIRECT:
                    return ServerResponse(302, headers=(("Location", f"{fault.target}{request.path}"),))
                case _:
                    continue
        return None

    def _with_connection_fault(self, response: ServerResponse, active: tuple[Fault, ...]) -> ServerResponse:
        delay, cut = self.latency, None
        if fault := first_fault(active, FaultKind.SLOW):
            delay += fault.seconds
        if fault := first_fault(active, FaultKind.CUT):
            cut = fault.after_bytes
        if first_fault(active, FaultKind.TRUNCATED) and isinstance(response.body, CompressedBody):
            # The compressed body ends early, though the HTTP message is complete.
            part = response.body.deflated[: max(1, len(response.body.deflated) * 2 // 3)]
            response = replace(response, body=replace(response.body, deflated=part), chunked=False)
        if not delay and not cut:
            return response
        return replace(response, connection_fault=ConnectionFault(delay=delay, cut_after=cut))

    def _render(self, endpoint: Endpoint, key: str, request: Request, active: tuple[Fault, ...]) -> ServerResponse:
        match endpoint.kind:
            case EndpointKind.LIST:
                body = self._lists.page(endpoint, request, active)
            case EndpointKind.WHOLE:
                body = self._lists.whole(endpoint, request, active)
            case EndpointKind.OBJECT:
                body = self._lists.one_object(endpoint, request, active)
            case EndpointKind.CURSOR:
                body = self._assessments.cursor(endpoint, request, active)
            case EndpointKind.DELTA:
                body = self._assessments.delta(endpoint, request, active)
            case EndpointKind.EXPORT:
                body = self._export(endpoint, request, active)
            case EndpointKind.USERS | EndpointKind.PER_DEVICE:
                body = self._of_device(endpoint, key, request, active)
        if first_fault(active, FaultKind.MALFORMED):
            body = compressed([body.plain()[: max(20, body.size * 2 // 3)]])
        headers = (("OData-Version", "4.0"), ("Strict-Transport-Security", "max-age=15724800; includeSubDomains"))
        return ServerResponse(200, body, API_JSON, headers, chunked=True, compressible=True)

    def _export(self, endpoint: Endpoint, request: Request, active: tuple[Fault, ...]) -> CompressedBody:
        hours = whole_number(request.query, "sasvalidhours", 1)
        if not 1 <= hours <= _MOST_HOURS:
            raise ApiRefusal(400, "BadRequest", f"sasValidHours must be between 1 and {_MOST_HOURS}.")
        addresses, generated = self._blobs.addresses(endpoint.dataset, endpoint.folder, hours)
        content = {
            "@odata.context": f"{request.base_url}/api/$metadata#microsoft.windowsDefenderATP.api.ExportFilesResponse",
            "exportFiles": with_list_faults(addresses, active),
            "generatedTime": f"{iso_seconds(generated)}Z",
        }
        return compressed([orjson.dumps(content)[:-1], after_rows(active), b"}", after_body(active)])

    def _of_device(self, endpoint: Endpoint, key: str, request: Request, active: tuple[Fault, ...]) -> CompressedBody:
        device = self._tenant.device(key)
        if device is None:
            raise ApiRefusal(404, "ResourceNotFound", f"Machine {key[:80]} was not found")
        if endpoint.kind is EndpointKind.USERS:
            rows = self._tenant.users_of(device)
        else:
            rows = [
                {member: value for member, value in row.items() if member != "machineId"}
                for row in self._tenant.declared[endpoint.dataset].device_rows(device)
            ]
        start, link = whole_number(request.query, "$skip", 0), None
        rows = rows[start:]
        if (fault := first_fault(active, FaultKind.USERS_PAGED)) and len(rows) > fault.rows:
            rows = rows[: fault.rows]
            link = pages.list_link(f"{request.base_url}{request.path}", {}, start + fault.rows)
        return pages.page_body(iter(rows), endpoint.context(request.base_url), request, active, link=lambda: link)

    def _throttled(self, wait: float) -> ServerResponse:
        self._errors += 1
        response = self._error(429, "TooManyRequests", "API calls quota exceeded! Please wait before calling again.")
        return replace(response, headers=(("Retry-After", retry_after(wait)),))

    def _error(self, status: int, code: str, message: str) -> ServerResponse:
        return json_response(status, {"error": {"code": code, "message": message, "target": self._target()}})

    def _target(self) -> str:
        """A correlation id: a GUID, or the other form that was observed."""
        self._errors += 1
        target = guid(self._tenant.shape.seed, "error", self._errors)
        return target if self._errors % 2 else f"|{target[:8]}-{target[9:13]}{target[14:18]}."
