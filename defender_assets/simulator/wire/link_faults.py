"""What faults do to the link to the next page.

Here: links that are missing, malformed, or lead elsewhere, as members of the body. Not here: where the true link leads
(``pages.py``, ``assessment_pages.py``, ``list_pages.py``).
"""

from urllib.parse import urlsplit

import orjson

from .faults import Fault, FaultKind, first_fault
from .http_messages import Request

_NAME = "@odata.nextLink"
_POSITIONS = ("$skip", "$skiptoken")
_OTHER_LISTS = ("/api/machines/SoftwareInventoryByMachine", "/api/machines/SecureConfigurationsAssessmentByMachine")

LINK_FAULTS = frozenset(
    {
        FaultKind.PAGE_EMPTY,
        FaultKind.CUT_CLOSED,
        FaultKind.LINK_MISSING,
        FaultKind.LINK_NULL,
        FaultKind.LINK_BLANK,
        FaultKind.LINK_RENAMED,
        FaultKind.LINK_NUMBER,
        FaultKind.LINK_TWICE,
        FaultKind.LINK_BACK,
        FaultKind.LINK_OTHER_LIST,
        FaultKind.LINK_BARE,
        FaultKind.LINK_RELATIVE,
        FaultKind.LINK_USER,
        FaultKind.LINK_PORT,
        FaultKind.LINK_FOREIGN,
    }
)
"""Faults that change a link which is there. LINK_LOOP, LINK_ENDLESS and LINK_UNCHANGED_PLACE make one of their own."""


def link_members(link: str | None, request: Request, active: tuple[Fault, ...]) -> bytes:
    """The members of the body that hold the link, with a comma before each; nothing where there is no link."""
    fault = first_fault(active, *LINK_FAULTS)
    if fault is None:
        return b"" if link is None else _member(_NAME, link)
    match fault.kind:
        case FaultKind.PAGE_EMPTY | FaultKind.CUT_CLOSED | FaultKind.LINK_MISSING:
            return b""
        case FaultKind.LINK_NULL:
            return _member(_NAME, None)
        case FaultKind.LINK_BLANK:
            return _member(_NAME, "")
        case FaultKind.LINK_FOREIGN if link is None:
            return _member(_NAME, f"{fault.target}{request.path}?$skiptoken=e30=")
        case _ if link is None:
            return b""
        case FaultKind.LINK_RENAMED:
            return _member(fault.name, link)
        case FaultKind.LINK_NUMBER:
            return _member(_NAME, 7)
        case FaultKind.LINK_TWICE:
            return _member(_NAME, link) + _member(_NAME, link)
        case _:
            return _member(_NAME, _led_astray(link, fault, request))


def _member(name: str, value: str | int | None) -> bytes:
    return b"," + orjson.dumps({name: value})[1:-1]


def _led_astray(link: str, fault: Fault, request: Request) -> str:
    """The link to another place than the next page."""
    parts = urlsplit(link)
    path_and_query = f"{parts.path}?{parts.query}"
    match fault.kind:
        case FaultKind.LINK_BACK:
            return f"{_origin(link)}{parts.path}?{_query(parts.query, positions=False)}"
        case FaultKind.LINK_OTHER_LIST:
            other = next(path for path in _OTHER_LISTS if path.lower() != request.path.lower())
            return f"{_origin(link)}{other}?{parts.query}"
        case FaultKind.LINK_BARE:
            return f"{_origin(link)}{parts.path}?{_query(parts.query, positions=True)}"
        case FaultKind.LINK_RELATIVE:
            return path_and_query
        case FaultKind.LINK_USER:
            return f"https://user@{parts.netloc}{path_and_query}"
        case FaultKind.LINK_PORT:
            return f"https://{parts.hostname}:{fault.port}{path_and_query}"
        case FaultKind.LINK_FOREIGN:
            return f"{fault.target}{path_and_query}"
        case _:
            return link


def _origin(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.netloc}"


def _query(query: str, *, positions: bool) -> str:
    """The options of a query that name a position, or the others."""
    pairs = [pair for pair in query.split("&") if pair]
    return "&".join(pair for pair in pairs if (pair.partition("=")[0].lower() in _POSITIONS) is positions)
