"""Pages of stored assessments: cursor pages and the change feed.

Here: page size, skip token and ``sinceTime``, with the service's refusals. Not here: the order of rows
(``assessment_walk.py``), export files (``export_blobs.py``).
"""

import re
from collections.abc import Hashable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice

from ..tenant.changes import CHANGES_KEPT_FOR, window_of
from ..tenant.formats import Row
from ..tenant.state import Assessment
from ..tenant.tenant import SimulatedTenant
from . import pages
from .assessment_walk import AssessmentPosition, AssessmentWalk, parse_skip_token
from .bodies import BodyStore, CompressedBody
from .endpoint import Endpoint
from .faults import Fault, FaultKind, first_fault
from .http_messages import Request
from .list_faults import page_asked_for
from .refusals import ApiRefusal

_DEFAULT_PAGE_SIZE = 50_000
_LARGEST_PAGE_SIZE = 200_000


class AssessmentPages:
    """The stored assessments of one tenant, page by page."""

    def __init__(self, tenant: SimulatedTenant, store: BodyStore) -> None:
        self.tenant = tenant
        self.store = store

    def cursor(self, endpoint: Endpoint, request: Request, active: tuple[Fault, ...]) -> CompressedBody:
        size, top, position, repeated = self._cursor_options(request)
        assessment = self._assessment(position)
        source = self.tenant.assessment_sources[endpoint.dataset]
        walk = AssessmentWalk(position, page_asked_for(0, top if top is not None else size, active)[1])
        rows = walk.device_rows(self.tenant, source, assessment)
        key = (endpoint.dataset, position, size, top)
        return self._page(endpoint, request, active, walk, rows, key, repeated, top)

    def delta(self, endpoint: Endpoint, request: Request, active: tuple[Fault, ...]) -> CompressedBody:
        since = self._since(request)
        size, top, position, repeated = self._cursor_options(request)
        assessment = self._assessment(position)
        walk = AssessmentWalk(position, page_asked_for(0, top if top is not None else size, active)[1])
        rows = walk.change_rows(self.tenant, assessment, window_of(since))
        key = (endpoint.dataset, position, size, top, window_of(since), request.query["sincetime"])
        return self._page(endpoint, request, active, walk, rows, key, repeated, top)

    def _assessment(self, position: AssessmentPosition) -> Assessment:
        """The stored assessment that a walk is on. It stays on it when a newer one is made, as long as it is kept."""
        found = self.tenant.timeline.assessment_at(position.time_path)
        if found is None:
            raise ApiRefusal(400, "BadRequest", "The skip token is no longer valid.")
        return found

    def _page(
        self,
        endpoint: Endpoint,
        request: Request,
        active: tuple[Fault, ...],
        walk: AssessmentWalk,
        rows: Iterator[Row],
        key: tuple[Hashable, ...],
        repeated: dict[str, str],
        top: int | None,
    ) -> CompressedBody:
        address = f"{request.base_url}{request.path}"
        context = endpoint.context(request.base_url)

        served = rows
        if fault := first_fault(active, FaultKind.SILENT_CAP):
            served = islice(rows, fault.rows)

        def link() -> str | None:
            token = self._next_token(walk, active) if top is None else None
            return None if token is None else pages.cursor_link(address, repeated, token)

        def render() -> CompressedBody:
            return pages.page_body(served, context, request, active, link=link)

        return render() if active else self.store.get((*key, address, tuple(repeated.items())), render)

    def _next_token(self, walk: AssessmentWalk, active: tuple[Fault, ...]) -> str | None:
        """The skip token of the link; None at the end. Some faults make one of their own, even at the end."""
        for fault in active:
            match fault.kind:
                case FaultKind.LINK_LOOP:
                    return walk.start.token()
                case FaultKind.LINK_UNCHANGED_PLACE:
                    return walk.start.token(attempt=fault.number)
                case FaultKind.LINK_ENDLESS if walk.next is None:
                    return AssessmentPosition(walk.start.time_path, 1_000_000, walk.start.line + 1).token()
                case FaultKind.SILENT_CAP:
                    return None
                case _:
                    continue
        return None if walk.next is None else walk.next.token()

    def _cursor_options(self, request: Request) -> tuple[int, int | None, AssessmentPosition, dict[str, str]]:
        """Page size, total cap, position to start from, and the options to repeat in the link."""
        query = request.query
        size = whole_number(query, "pagesize", _DEFAULT_PAGE_SIZE)
        if not 1 <= size <= _LARGEST_PAGE_SIZE:
            raise ApiRefusal(400, "BadRequest", f"pageSize must be between 1 and {_LARGEST_PAGE_SIZE}.")
        top = whole_number(query, "$top", 0) if "$top" in query else None
        position = AssessmentPosition(self.tenant.assessment.time_path)
        if "$skiptoken" in query:
            found = parse_skip_token(query["$skiptoken"])
            if found is None:
                raise ApiRefusal(400, "BadRequest", "The skip token is malformed.")
            position = found
        repeated = {name: query[name.lower()] for name in ("pageSize", "sinceTime") if name.lower() in query}
        return size, top, position, repeated

    def _since(self, request: Request) -> datetime:
        text = request.query.get("sincetime")
        if not text:
            raise ApiRefusal(400, "MissingRequiredParameter", "The parameter sinceTime is required.")
        if not re.fullmatch(r"\d{4}-\d\d-\d\d([T ][\d:]+(\.\d+)?)?(Z|[+-]\d\d:\d\d)?", text):
            raise ApiRefusal(400, "InvalidInput", "The parameter sinceTime is not a time.")
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        # A few minutes more than 14 days are accepted: the request took time to get here.
        if moment < self.tenant.as_of - CHANGES_KEPT_FOR - timedelta(minutes=5):
            raise ApiRefusal(400, "BadRequest", "sinceTime must not be more than 14 days in the past.")
        return moment


def whole_number(query: Mapping[str, str], name: str, default: int) -> int:
    """A query option that must be a whole number. Raises ApiRefusal."""
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"\d{1,9}", text):
        raise ApiRefusal(400, "BadRequest", f"{name} must be a whole number.")
    return int(text)
