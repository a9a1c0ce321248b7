"""Lists that are paged by ``$top`` and ``$skip``.

Here: which rows a page of a list has, after query options and faults. Not here: the envelope (``pages.py``), stored
assessments (``assessment_pages.py``).
"""

from dataclasses import replace

from ..tenant.tenant import RowList, SimulatedTenant
from . import pages
from .bodies import BodyStore, CompressedBody
from .endpoint import Endpoint
from .faults import Fault, FaultKind, Faults, first_fault
from .http_messages import Request
from .link_faults import LINK_FAULTS
from .list_faults import as_seen, page_asked_for
from .odata import Filter, ODataError, Options, options_of, projected

_FILTERS_KEPT = 32
_KEPT = ("$filter", "$expand", "$select", "$top")
"""The options that a link repeats."""


class ListPages:
    """The lists of one tenant."""

    def __init__(self, tenant: SimulatedTenant, store: BodyStore, faults: Faults) -> None:
        self.tenant = tenant
        self.store = store
        self.faults = faults
        self._filtered: dict[tuple[int, str], RowList] = {}

    def page(self, endpoint: Endpoint, request: Request, active: tuple[Fault, ...]) -> CompressedBody:
        options = options_of(request.query, endpoint.top_max)
        self._drift(options, active)
        true_list = self._listing(endpoint, options)
        asked = endpoint.default_page if options.top is None else options.top
        skip, page = page_asked_for(options.skip, asked, active)
        listing = as_seen(true_list, skip + page, active)
        cap = first_fault(active, FaultKind.SILENT_CAP)
        size = min(listing.size, cap.rows) if cap else listing.size
        start = min(skip, size)
        stop = min(start + page, size)
        context = endpoint.context(request.base_url, start // max(1, page))
        count = stop - start if endpoint.counted else None
        if fault := first_fault(active, FaultKind.COUNT_MORE):
            count = stop - start + fault.rows
        link = self._link(request, options, active, stop, size)

        def render() -> CompressedBody:
            rows = (projected(row, options.select) for row in listing.slice(start, stop))
            return pages.page_body(rows, context, request, active, count=count, link=lambda: link)

        if active:
            return render()
        return self.store.get((listing.serial, start, stop, options.select, context, count, link), render)

    def whole(self, endpoint: Endpoint, request: Request, active: tuple[Fault, ...]) -> CompressedBody:
        """Every row in one answer; such endpoints know no options."""
        rows = as_seen(self.tenant.listing(endpoint.dataset), 0, active)
        return pages.page_body(rows.slice(0, rows.size), endpoint.context(request.base_url), request, active)

    def one_object(self, endpoint: Endpoint, request: Request, active: tuple[Fault, ...]) -> CompressedBody:
        """The one row of a dataset, without a list around it."""
        rows = self.tenant.listing(endpoint.dataset)
        return pages.object_body(rows.slice(0, 1), endpoint.context(request.base_url), active)

    def _listing(self, endpoint: Endpoint, options: Options) -> RowList:
        expandable = endpoint.dataset == "alerts"
        if options.expand and not (expandable and options.expand == ("evidence",)):
            raise ODataError(f"Could not find a property named '{options.expand[0]}' to expand.")
        expanded = bool(options.expand) or not expandable
        listing = self.tenant.listing(endpoint.dataset, expanded=expanded)
        if options.filter is None:
            return listing
        matches = Filter(options.filter, endpoint.filterable).matches
        key = (listing.serial, options.filter)
        found = self._filtered.get(key)
        if found is None:
            # Evidence cannot be filtered on, so the rows without it are filtered and only the matches rendered in full.
            short = self.tenant.listing(endpoint.dataset, expanded=False) if expandable else listing
            positions = [position for position, row in enumerate(short.slice(0, short.size)) if matches(row)]
            found = RowList(
                len(positions),
                lambda start, stop: (
                    row for position in positions[start:stop] for row in listing.slice(position, position + 1)
                ),
            )
            self._filtered = dict([*self._filtered.items(), (key, found)][-_FILTERS_KEPT:])
        return found

    def _drift(self, options: Options, active: tuple[Fault, ...]) -> None:
        """A device leaves or arrives between two pages; the fault waits while the first page is asked for."""
        for fault in active:
            if fault.kind not in (FaultKind.DRIFT_REMOVE, FaultKind.DRIFT_ADD):
                continue
            if not options.skip:
                if fault.times == 0:
                    self.faults.add(replace(fault, times=1))
            elif fault.kind is FaultKind.DRIFT_ADD:
                self.tenant.timeline.add_devices(1)
            else:
                self.tenant.timeline.remove_devices(ids=[self.tenant.fleet.id_of(self.tenant.live.present[0])])

    def _link(self, request: Request, options: Options, active: tuple[Fault, ...], stop: int, size: int) -> str | None:
        """The link to the next page. With ``$top`` the service sends none, but a faulty one may."""
        address = f"{request.base_url}{request.path}"
        kept = {name: request.query[name] for name in _KEPT if name in request.query}
        link = None
        if stop < size and (options.top is None or first_fault(active, *LINK_FAULTS)):
            link = pages.list_link(address, kept, stop)
        for fault in active:
            match fault.kind:
                case FaultKind.LINK_LOOP:
                    return pages.list_link(address, {}, options.skip)
                case FaultKind.LINK_ENDLESS if link is None:
                    return pages.list_link(address, {}, stop + 1 + options.skip)
                case _:
                    continue
        return link
