"""What faults do to a list by ``$top`` and ``$skip``: its order, its length, and where its pages begin.

Here: which rows of the list a request sees. Not here: the rows themselves (``row_faults.py``).
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from ..tenant.formats import Row
from ..tenant.tenant import RowList
from .faults import Fault, FaultKind
from .row_faults import with_other_identity

_ORDER_FAULTS = frozenset(
    {
        FaultKind.ORDER_SHUFFLED,
        FaultKind.ORDER_ROTATED,
        FaultKind.ORDER_REVERSED,
        FaultKind.ROWS_SWAPPED,
        FaultKind.ROW_MISSING,
        FaultKind.ROW_EXTRA,
    }
)


@dataclass(frozen=True)
class Place:
    """A place in the list as a request sees it: the position of the row in the true list. ``extra``: another row, made
    after that one."""

    position: int
    extra: bool = False


def page_asked_for(skip: int, top: int, active: tuple[Fault, ...]) -> tuple[int, int]:
    """First position and number of rows of a page, after the faults that concern these."""
    for fault in active:
        match fault.kind:
            case FaultKind.SKIP_IGNORED:
                skip = 0
            case FaultKind.SKIP_CLAMPED:
                skip = min(skip, fault.rows)
            case FaultKind.PAGE_SHORT:
                top = min(top, fault.rows)
            case FaultKind.PAGE_LARGER:
                top += fault.rows
            case _:
                continue
    return skip, top


def as_seen(listing: RowList, stop: int, active: tuple[Fault, ...]) -> RowList:
    """The list as a request sees it whose page ends before ``stop``."""
    faults = [fault for fault in active if fault.kind in _ORDER_FAULTS]
    if not faults:
        return listing
    places = [Place(position) for position in range(listing.size)]
    for fault in faults:
        _rearrange(places, fault, stop)

    def rows(start: int, end: int) -> Iterator[Row]:
        for place in places[start:end]:
            for row in listing.slice(place.position, place.position + 1):
                yield with_other_identity(row) if place.extra else row

    return RowList(len(places), rows)


def _rearrange(places: list[Place], fault: Fault, stop: int) -> None:
    match fault.kind:
        case FaultKind.ORDER_SHUFFLED:
            random.Random(f"{fault.seed} {fault.number}").shuffle(places)
        case FaultKind.ORDER_ROTATED if places:
            by = fault.rows % len(places)
            places[:] = places[by:] + places[:by]
        case FaultKind.ORDER_REVERSED:
            places.reverse()
        case FaultKind.ROWS_SWAPPED if 0 < stop < len(places):
            places[stop - 1], places[stop] = places[stop], places[stop - 1]
        case FaultKind.ROW_MISSING if fault.row < len(places):
            del places[fault.row]
        case FaultKind.ROW_EXTRA if fault.row < len(places):
            places.insert(fault.row, Place(places[fault.row].position, extra=True))
        case _:
            return
