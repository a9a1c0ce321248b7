"""The compliance reports of the lake as pages of the web server: ``/compliance_report/TENANT/DAY/report.html``.

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
from ..lake.storage import local_path
from ..report import CSV_FILES, REPORT_PATH
from ..report.publishing import COMPLIANCE_REPORT, FILE
from ..settings import Settings, SettingsError

_SANDBOX = "sandbox allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox allow-modals"
_HEADERS = {
    "Content-Security-Policy": _SANDBOX,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_MEDIA_TYPES: Mapping[str, str] = {FILE: "text/html; charset=utf-8"} | dict.fromkeys(
    CSV_FILES, "text/csv; charset=utf-8"
)


def report_routes() -> list[Route]:
    """The routes, to be put before the web server's own."""
    return [Route(REPORT_PATH, _answer)]


async def _answer(request: Request) -> Response:
    parts = request.path_params
    return await run_in_threadpool(_report, parts["tenant"], parts["day"], parts["file"])


def _report(tenant: str, day: str, file: str) -> Response:
    """The file of that day; a sentence and 404 for what is not there."""
    try:
        if file not in _MEDIA_TYPES:
            raise ValueError
        lake = Lake(Settings.load().lake, tenant)
        address = lake.files.address(COMPLIANCE_REPORT, date.fromisoformat(day), file)
        media_type = _MEDIA_TYPES[file]
        if (path := local_path(address)) is not None:
            if not path.is_file():
                raise FileNotFoundError
            return FileResponse(path, headers=_HEADERS, media_type=media_type)
        if file != FILE:
            return PlainTextResponse(f"{file} lies at {address}.\n", headers=_HEADERS)
        content = lake.files.read(COMPLIANCE_REPORT, date.fromisoformat(day), file)
        if content is None:
            raise FileNotFoundError
        return Response(content, headers=_HEADERS, media_type=media_type)
    except (ValueError, FileNotFoundError):
        return PlainTextResponse("There is no such report in the lake.\n", status_code=404, headers=_HEADERS)
    except (LakeError, SettingsError) as error:
        return PlainTextResponse(f"{error}\n", status_code=404, headers=_HEADERS)
