"""The API: who may ask, how often, and what is answered.

Here: the way of a request from its token to its answer, and the refusals on it. Not here: login (``login.py``), storage
(``exports.py``), what pages hold (``lists.py``, ``assessments.py``).
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import orjson

from ..tenant.draws import guid
from ..tenant.spelling import second
from ..tenant.tenant import SimulatedTenant
from . import pages
from .assessments import Assessments, whole_number
from .bodies import Body, BodyStore, pack
from .endpoints import Endpoint, Routes, Style
from .exports import EXPORT_HOURS_MAX, Exports
from .faults import Fault, FaultKind, Faults, first_of, through
from .lists import Lists
from .login import AUDIENCES, Login
from .messages import API_JSON, Answer, Conduct, Request, empty, json_answer
from .odata import ODataError
from .quotas import Quotas, retry_after
from .records import Records, Refused, Throttled


class Service:
    """The API of one tenant."""

    def __init__(
        self,
        tenant: SimulatedTenant,
        routes: Routes,
        login: Login,
        quotas: Quotas,
        faults: Faults,
        store: BodyStore,
        exports: Exports,
        records: Records,
    ) -> None:
        self.tenant = tenant
        self.routes = routes
        self.login = login
        self.quotas = quotas
        self.faults = faults
        self.store = store
        self.exports = exports
        self.records = records
        self.lists = Lists(tenant, store, faults)
        self.assessments = Assessments(tenant, store)
        self.latency = 0.0
        self._errors = 0

    async def answer(self, request: Request) -> Answer:
        """The answer to a request below /api."""
        found = self.routes.find(request.path)
        if found is None:
            return empty(404)
        endpoint, key = found
        if request.method != "GET":
            self.records.violate("write", f"{request.method} {request.path}")
            return empty(405)
        try:
            self._admit(endpoint, request)
            struck = self.faults.strike(endpoint.dataset)
            refusal = self._fault_answer(struck, request)
            if refusal is not None:
                return refusal
            # Rendering takes a moment the first time; others are served meanwhile.
            answer = await asyncio.to_thread(self._answer, endpoint, key, request, struck)
        except Throttled as throttled:
            return self._throttled(throttled.wait, request)
        except ODataError as error:
            return self._error(400, "ODataError", str(error))
        except Refused as refused:
            return self._error(refused.status, refused.code, refused.message)
        return self._conducted(answer, struck)

    def _admit(self, endpoint: Endpoint, request: Request) -> None:
        """Token, quota and role, in this order; raises where one of them is missing."""
        if request.bearer is None:
            raise Refused(401, "Unauthorized", "Unauthorized request - reason of failure: no bearer token was sent")
        claims = self.login.claims(request.bearer)
        if claims is None or claims["tid"] != self.tenant.shape.tenant_id:
            raise Refused(
                401, "Unauthorized", "Unauthorized request - reason of failure: the token is invalid or expired"
            )
        if claims["aud"] not in AUDIENCES:
            raise Refused(403, "Forbidden", "")
        wait = self.quotas.take(endpoint.quota)
        if wait is not None:
            raise Throttled(wait)
        # A role that was taken away is gone at once, one that was granted comes with the next token.
        roles = [role for role in claims.get("roles", ()) if role in self.login.application.roles]
        if not set(roles) & set(endpoint.roles):
            raise Refused(
                403,
                "Forbidden",
                f"Missing application roles. API required roles: {','.join(endpoint.roles)}, "
                f"application roles: {','.join(roles)}.",
            )

    def _fault_answer(self, struck: tuple[Fault, ...], request: Request) -> Answer | None:
        """The answer of a fault that takes the place of the real one."""
        for fault in struck:
            match fault.kind:
                case FaultKind.STATUS:
                    return self._error(fault.status, fault.code, fault.message)
                case FaultKind.THROTTLED:
                    return self._throttled(fault.seconds, request)
                case FaultKind.HTML:
                    page = "<html><head><title>Bad Gateway</title></head><body><h1>Proxy error</h1></body></html>"
                    return Answer(fault.status, page.encode(), "text/html")
                case FaultKind.RESET:
                    return Answer(200, conduct=Conduct(reset=True))
                case FaultKind.ERROR_IN_200:
                    error = {"error": {"code": "InternalServerError", "message": "", "target": self._target()}}
                    return Answer(200, orjson.dumps(error), API_JSON)
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
                    return empty(404)
                case FaultKind.REDIRECT:
                    return Answer(302, headers=(("Location", f"{fault.target}{request.path}"),))
                case _:
                    continue
        return None

    def _conducted(self, answer: Answer, struck: tuple[Fault, ...]) -> Answer:
        delay, cut = self.latency, None
        if fault := first_of(struck, FaultKind.SLOW):
            delay += fault.seconds
        if fault := first_of(struck, FaultKind.CUT):
            cut = fault.after_bytes
        if first_of(struck, FaultKind.TRUNCATED) and isinstance(answer.body, Body):
            # The compressed body ends early, though the answer is whole.
            part = answer.body.deflated[: max(1, len(answer.body.deflated) * 2 // 3)]
            answer = replace(answer, body=replace(answer.body, deflated=part), chunked=False)
        return replace(answer, conduct=Conduct(delay=delay, cut_after=cut)) if delay or cut else answer

    def _answer(self, endpoint: Endpoint, key: str, request: Request, struck: tuple[Fault, ...]) -> Answer:
        match endpoint.style:
            case Style.LIST:
                body = self.lists.page(endpoint, request, struck)
            case Style.CURSOR:
                body = self.assessments.cursor(endpoint, request, struck)
            case Style.DELTA:
                body = self.assessments.delta(endpoint, request, struck)
            case Style.EXPORT:
                body = self._export(endpoint, request, struck)
            case Style.USERS | Style.PER_DEVICE:
                body = self._of_device(endpoint, key, request, struck)
        if first_of(struck, FaultKind.MALFORMED):
            body = pack([body.plain()[: max(20, body.size * 2 // 3)]])
        headers = (("OData-Version", "4.0"), ("Strict-Transport-Security", "max-age=15724800; includeSubDomains"))
        return Answer(200, body, API_JSON, headers, chunked=True, compressible=True)

    def _export(self, endpoint: Endpoint, request: Request, struck: tuple[Fault, ...]) -> Body:
        hours = whole_number(request.query, "sasvalidhours", 1)
        if not 1 <= hours <= EXPORT_HOURS_MAX:
            raise Refused(400, "BadRequest", f"sasValidHours must be between 1 and {EXPORT_HOURS_MAX}.")
        addresses, generated = self.exports.addresses(endpoint.dataset, endpoint.folder, hours)
        content = {
            "@odata.context": f"{request.base_url}/api/$metadata#microsoft.windowsDefenderATP.api.ExportFilesResponse",
            "exportFiles": [] if first_of(struck, FaultKind.NO_FILES) else addresses,
            "generatedTime": f"{second(generated)}Z",
        }
        return pack([orjson.dumps(content)])

    def _of_device(self, endpoint: Endpoint, key: str, request: Request, struck: tuple[Fault, ...]) -> Body:
        device = self.tenant.device(key)
        if device is None:
            raise Refused(404, "ResourceNotFound", f"Machine {key[:80]} was not found")
        rows: Iterator[dict]
        if endpoint.style is Style.USERS:
            rows = iter(self.tenant.users_of(device))
        else:
            rows = (
                {member: value for member, value in row.items() if member != "machineId"}
                for row in self.tenant.declared[endpoint.dataset].of_device(device)
            )
        return pages.list_body(through(rows, struck), endpoint.context(request.base_url), None, None)

    def _throttled(self, wait: float, request: Request) -> Answer:
        self._errors += 1
        answer = self._error(429, "TooManyRequests", "API calls quota exceeded! Please wait before calling again.")
        return replace(answer, headers=(("Retry-After", retry_after(wait)),))

    def _error(self, status: int, code: str, message: str) -> Answer:
        return json_answer(status, {"error": {"code": code, "message": message, "target": self._target()}})

    def _target(self) -> str:
        """A correlation id: a GUID, or in the other form that was seen."""
        self._errors += 1
        target = guid(self.tenant.shape.seed, "error", self._errors)
        return target if self._errors % 2 else f"|{target[:8]}-{target[9:13]}{target[14:18]}."
