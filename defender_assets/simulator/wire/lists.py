"""Lists that are paged by ``$top`` and ``$skip``.

Here: which rows a page of a list has, after the query options and the faults that strike pages. Not here: the envelope
(``pages.py``), stored assessments (``assessments.py``).
"""

from dataclasses import replace

from ..tenant.tenant import Listing, SimulatedTenant
from . import pages
from .bodies import Body, BodyStore
from .endpoints import Endpoint
from .faults import ROW_FAULTS, Fault, FaultKind, Faults, first_of, through
from .messages import Request
from .odata import Filter, ODataError, Options, options_of, projected

_FILTERS_KEPT = 32


class Lists:
    """The lists of one tenant."""

    def __init__(self, tenant: SimulatedTenant, store: BodyStore, faults: Faults) -> None:
        self.tenant = tenant
        self.store = store
        self.faults = faults
        self._filtered: dict[tuple[int, str], Listing] = {}

    def page(self, endpoint: Endpoint, request: Request, struck: tuple[Fault, ...]) -> Body:
        options = options_of(request.query, endpoint.top_max)
        self._drift(options, struck)
        listing = self._listing(endpoint, options)
        size = listing.size
        if fault := first_of(struck, FaultKind.SILENT_CAP):
            size = min(size, fault.rows)
        page = endpoint.default_page if options.top is None else options.top
        start = min(options.skip, size)
        stop = min(start + page, size)
        link = None
        if options.top is None and stop < size:
            kept = {name: request.query[name] for name in ("$filter", "$expand", "$select") if name in request.query}
            link = pages.list_link(f"{request.base_url}{request.path}", kept, stop)
        link = self._faulty_link(link, request, struck, stop)
        context = endpoint.context(request.base_url, start // max(1, page))
        count = stop - start if endpoint.counted else None

        def render() -> Body:
            rows = (projected(row, options.select) for row in listing.slice(start, stop))
            return pages.list_body(through(rows, struck), context, count, link)

        if first_of(struck, *ROW_FAULTS):
            return render()
        return self.store.get((listing.serial, start, stop, options.select, context, count, link), render)

    def _listing(self, endpoint: Endpoint, options: Options) -> Listing:
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
            # Evidence cannot be filtered on, so the short form decides and the long one is made of what is left.
            short = self.tenant.listing(endpoint.dataset, expanded=False) if expandable else listing
            places = [place for place, row in enumerate(short.slice(0, short.size)) if matches(row)]
            found = Listing(
                len(places), lambda a, b: (row for place in places[a:b] for row in listing.slice(place, place + 1))
            )
            self._filtered = dict([*self._filtered.items(), (key, found)][-_FILTERS_KEPT:])
        return found

    def _drift(self, options: Options, struck: tuple[Fault, ...]) -> None:
        """Between two pages a device leaves or arrives; the first page, where nothing has drifted yet, is passed by."""
        for fault in struck:
            if fault.kind not in (FaultKind.DRIFT_REMOVE, FaultKind.DRIFT_ADD):
                continue
            if not options.skip:
                if fault.times == 0:
                    self.faults.add(replace(fault, times=1))
            elif fault.kind is FaultKind.DRIFT_ADD:
                self.tenant.timeline.add_devices(1)
            else:
                self.tenant.timeline.remove_devices(ids=[self.tenant.fleet.id_of(self.tenant.live.present[0])])

    def _faulty_link(self, link: str | None, request: Request, struck: tuple[Fault, ...], stop: int) -> str | None:
        here = f"{request.base_url}{request.path}"
        for fault in struck:
            match fault.kind:
                case FaultKind.LINK_LOOP:
                    return f"{here}?$skip={request.query.get('$skip', 0)}"
                case FaultKind.LINK_ENDLESS:
                    return link or f"{here}?$skip={stop + 1 + int(request.query.get('$skip', 0))}"
                case FaultKind.LINK_FOREIGN:
                    return f"{fault.target}{request.path}?$skip={stop}"
                case FaultKind.SILENT_CAP:
                    return None if stop >= fault.rows else link
                case _:
                    continue
        return link
