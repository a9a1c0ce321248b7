"""Pages of stored assessments: cursor pages and the change feed.

Here: page size, skip token and ``sinceTime``, with the service's refusals. Not here: the rows' order (``pages.py``),
export files (``exports.py``).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice

from ..tenant.changes import REMEMBERED, window_of
from ..tenant.state import Assessment
from ..tenant.tenant import SimulatedTenant
from . import pages
from .bodies import Body, BodyStore, pack
from .endpoints import Endpoint
from .faults import LINK_FAULTS, ROW_FAULTS, Fault, FaultKind, first_of, through
from .messages import Request
from .records import Refused


class Assessments:
    """The stored assessments of one tenant, page by page."""

    def __init__(self, tenant: SimulatedTenant, store: BodyStore) -> None:
        self.tenant = tenant
        self.store = store

    def cursor(self, endpoint: Endpoint, request: Request, struck: tuple[Fault, ...]) -> Body:
        size, top, place, asked = self._cursor_options(request)
        assessment = self._assessment(place)
        source = self.tenant.assessed[endpoint.dataset]
        walk = pages.Walk(place, top if top is not None else size)
        rows = walk.of_devices(self.tenant, source, assessment)
        key = (endpoint.dataset, place, size, top)
        return self._page(endpoint, request, struck, walk, rows, key, asked, top)

    def delta(self, endpoint: Endpoint, request: Request, struck: tuple[Fault, ...]) -> Body:
        since = self._since(request)
        size, top, place, asked = self._cursor_options(request)
        assessment = self._assessment(place)
        walk = pages.Walk(place, top if top is not None else size)
        rows = walk.of_changes(self.tenant, assessment, window_of(since))
        key = (endpoint.dataset, place, size, top, window_of(since), request.query["sincetime"])
        return self._page(endpoint, request, struck, walk, rows, key, asked, top)

    def _assessment(self, place: pages.Position) -> Assessment:
        """The stored snapshot that a walk is on; a newer one does not disturb it, until it is forgotten."""
        found = self.tenant.timeline.assessment_at(place.time_path)
        if found is None:
            raise Refused(400, "BadRequest", "The skip token is no longer valid.")
        return found

    def _page(
        self,
        endpoint: Endpoint,
        request: Request,
        struck: tuple[Fault, ...],
        walk: pages.Walk,
        rows: Iterator[dict],
        key: tuple,
        asked: dict[str, str],
        top: int | None,
    ) -> Body:
        here = f"{request.base_url}{request.path}"
        context = endpoint.context(request.base_url)

        def link() -> str | None:
            found = None if walk.next is None or top is not None else pages.cursor_link(here, asked, walk.next)
            token = request.query.get("$skiptoken")
            for fault in struck:
                match fault.kind:
                    case FaultKind.LINK_LOOP:
                        return pages.cursor_link(here, asked, walk.start)
                    case FaultKind.LINK_ENDLESS:
                        end = pages.Position(walk.start.time_path, 1_000_000, walk.start.line + 1)
                        return found or pages.cursor_link(here, asked, end)
                    case FaultKind.LINK_FOREIGN:
                        return f"{fault.target}{request.path}?$skiptoken={token or 'e30='}"
                    case FaultKind.SILENT_CAP:
                        return None
                    case _:
                        continue
            return found

        def render() -> Body:
            links: list[str] = []
            shown = rows
            if fault := first_of(struck, FaultKind.SILENT_CAP):
                shown = islice(rows, fault.rows)
            return pack(pages.envelope(pages.then(through(shown, struck), links, link), context, links=links))

        if first_of(struck, *ROW_FAULTS, *LINK_FAULTS):
            return render()
        return self.store.get((*key, here, tuple(asked.items())), render)

    def _cursor_options(self, request: Request) -> tuple[int, int | None, pages.Position, dict[str, str]]:
        """Page size, total cap, place to go on from, and the options to repeat in the link."""
        query = request.query
        size = whole_number(query, "pagesize", pages.CURSOR_DEFAULT)
        if not 1 <= size <= pages.CURSOR_MAX:
            raise Refused(400, "BadRequest", f"pageSize must be between 1 and {pages.CURSOR_MAX}.")
        top = whole_number(query, "$top", 0) if "$top" in query else None
        place = pages.Position(self.tenant.assessment.time_path)
        if "$skiptoken" in query:
            found = pages.position_of(query["$skiptoken"])
            if found is None:
                raise Refused(400, "BadRequest", "The skip token is malformed.")
            place = found
        asked = {name: query[name.lower()] for name in ("pageSize", "sinceTime") if name.lower() in query}
        return size, top, place, asked

    def _since(self, request: Request) -> datetime:
        text = request.query.get("sincetime")
        if not text:
            raise Refused(400, "MissingRequiredParameter", "The parameter sinceTime is required.")
        if not re.fullmatch(r"\d{4}-\d\d-\d\d([T ][\d:]+(\.\d+)?)?(Z|[+-]\d\d:\d\d)?", text):
            raise Refused(400, "InvalidInput", "The parameter sinceTime is not a time.")
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        # A little more than 14 days are forgiven: the request was under way.
        if moment < self.tenant.as_of - REMEMBERED - timedelta(minutes=5):
            raise Refused(400, "BadRequest", "sinceTime must not be more than 14 days in the past.")
        return moment


def whole_number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"\d{1,9}", text):
        raise Refused(400, "BadRequest", f"{name} must be a whole number.")
    return int(text)
