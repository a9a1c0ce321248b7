"""The compliance reports of the lake as pages of the web server: ``/compliance_report/TENANT/DAY/report.html``.

The page over all tenants is that of the tenant ``all``. Its links are those of the lake's folders, ``tenant=NAME`` and
``snapshot_date=DAY``, so that they lead to the tenants' pages on a disk too.

Here: which addresses there are, and the headers they are sent with. Not here: the web server itself (``webserver.py``),
what is in a report (``report/``).

A report holds names from devices, and lies on the same host as Dagster's API. Should anything in it ever run in spite
of its own content security policy, the sandbox keeps it from that API: a sandboxed page is of no origin.
"""

from collections.abc import Mapping
from datetime import date

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from ..lake import Lake, LakeError
from ..lake.layout import DAY, file_path, tenant_of
from ..lake.storage import local_path
from ..report import CSV_FILES, REPORT_PATH
from ..report.publishing import COMPLIANCE_REPORT, REPORT_FILE
from ..report.tenants import TENANTS_FILE
from ..sanitize import without_secrets
from ..settings import Settings, SettingsError

_SANDBOX = "sandbox allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox allow-modals"
_HEADERS = {
    "Content-Security-Policy": _SANDBOX,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_MEDIA_TYPES: Mapping[str, str] = {REPORT_FILE: "text/html; charset=utf-8"} | dict.fromkeys(
    (*CSV_FILES, TENANTS_FILE), "text/csv; charset=utf-8"
)


def report_routes() -> list[Route]:
    """The routes, to be put before the web server's own."""
    return [Route(REPORT_PATH, _answer)]


async def _answer(request: Request) -> Response:
    parts = request.path_params
    return await run_in_threadpool(_report, parts["tenant"], parts["day"], parts["file"])


def _report(tenant: str, day: str, file: str) -> Response:
    """The file of that day; 404 for what is not there, 503 where that cannot be found out."""
    try:
        storage = Lake(Settings.load().lake).storage
        path = _path(tenant, day, file)
        if path is None or not storage.is_file(path):
            return _sentence("There is no such report in the lake.", 404)
        address, media_type = storage.address(path), _MEDIA_TYPES[file]
        if local := local_path(address):
            return FileResponse(local, headers=_HEADERS, media_type=media_type)
        if file != REPORT_FILE:
            # It may be of any size, and who works with it reaches the store.
            return _sentence(f"{file} is at {without_secrets(address)}.", 200)
        return Response(storage.read_bytes(path), headers=_HEADERS, media_type=media_type)
    except (LakeError, SettingsError) as error:
        return _sentence(str(error), 503)


def _path(tenant: str, day: str, file: str) -> str | None:
    """The file's path in the lake; None where no tenant, day or file is called so."""
    tenant, day = tenant_of(tenant) or tenant, day.removeprefix(f"{DAY}=")
    try:
        return file_path(COMPLIANCE_REPORT, tenant, date.fromisoformat(day), file) if file in _MEDIA_TYPES else None
    except (LakeError, ValueError):
        return None


def _sentence(text: str, status: int) -> Response:
    return PlainTextResponse(f"{text}\n", status_code=status, headers=_HEADERS)
