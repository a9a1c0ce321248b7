"""Faults on demand.

Here: the kinds of faults, and which requests they affect. Not here: what they do to rows (``row_faults.py``), to the
order of a list (``list_faults.py``), to links (``link_faults.py``), to files (``part_faults.py``); switching them on
from outside (``control.py``).
"""

import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    """What a fault does. In brackets the fields of the fault that it uses."""

    # Instead of an answer
    STATUS = "status"  # an error of the API [status, code, message]
    THROTTLED = "throttled"  # 429 [seconds]
    HTML = "html"  # a proxy's error page [status]
    ERROR_IN_200 = "error_in_200"  # {"error": …} with status 200
    ERROR_BOMB = "error_bomb"  # an error that unpacks to a thousand times its size; storage too [status, mebibytes]
    NO_LICENCE = "no_licence"
    INACTIVE_ACCOUNT = "inactive_account"
    FEATURE_OFF = "feature_off"
    NOT_FOUND = "not_found"  # 404 ResourceNotFound, also for a device that exists
    EMPTY_ANSWER = "empty_answer"  # 404 without a body, as for a route that does not exist
    REDIRECT = "redirect"  # to another host

    # Public feeds [their own dataset is feeds/NAME]
    FEED_STALE = "feed_stale"  # a copy of releases that is two months old
    FEED_JUMP = "feed_jump"  # a version of a release that is years ahead
    FEED_BOMB = "feed_bomb"  # a gzip that unpacks to blanks [mebibytes]

    # On the way
    SLOW = "slow"  # [seconds]
    RESET = "reset"  # the connection ends before a response
    CUT = "cut"  # the connection ends in the middle of the body [after_bytes]
    TRUNCATED = "truncated"  # a complete response whose compressed body is not complete
    MALFORMED = "malformed"  # JSON that ends in the middle

    # Lists by $top and $skip; the order is that of one request, the next one has the usual order again
    ORDER_SHUFFLED = "order_shuffled"  # another order with every request [seed]
    ORDER_ROTATED = "order_rotated"  # the list begins further on, its beginning comes at the end [rows]
    ORDER_REVERSED = "order_reversed"
    ROWS_SWAPPED = "rows_swapped"  # the page's last row and the one after it have changed places
    ROW_MISSING = "row_missing"  # a row of the list is not there, those after it move up [row]
    ROW_EXTRA = "row_extra"  # a row that the tenant does not have, those after it move down [row]
    SKIP_IGNORED = "skip_ignored"  # every page is the first
    SKIP_CLAMPED = "skip_clamped"  # no page begins later than this [rows]
    COUNT_MORE = "count_more"  # @odata.count says more than the rows sent [rows]
    DRIFT_REMOVE = "drift_remove"  # a device leaves before the second page
    DRIFT_ADD = "drift_add"  # a device arrives before the second page

    # Any page of rows
    PAGE_EMPTY = "page_empty"  # no row, and no link
    PAGE_SHORT = "page_short"  # fewer rows than asked for; by cursor the link goes on after them [rows]
    PAGE_LARGER = "page_larger"  # so many rows more than asked for [rows]
    ROWS_DROPPED = "rows_dropped"  # the page's last rows are missing, link and count stay; of a file too [rows]
    CUT_CLOSED = "cut_closed"  # the same without a link: cut, and closed so that it parses [rows]
    REPEATED_ROW = "repeated_row"  # the page's first row comes twice
    ROW_DIFFERS = "row_differs"  # the page's first row comes twice, the second time with another value
    ROW_WRONG = "row_wrong"  # the page's first row has another value, but the time of its last update
    WRONG_TYPES = "wrong_types"  # every seventh row has a member of another type
    MISSING_MEMBER = "missing_member"  # a member no row has any more [member]
    UNKNOWN_MEMBERS = "unknown_members"  # the page's first row has members that nobody knows [members]
    NESTED = "nested"  # the page's first row has a member that is nested as deep [levels]
    LARGE_ENTRY = "large_entry"  # the page's first row has a text, where it has evidence an entry, as large [mebibytes]
    BLANKS = "blanks"  # so many blanks before the rows, of a file after them [mebibytes]
    ERROR_ROW = "error_row"  # the last row is an error; in a file too
    ERROR_BESIDE = "error_beside"  # an error beside the rows, or beside the list of files
    ERROR_AFTER = "error_after"  # a second document after the first: an error

    # Links to the next page
    SILENT_CAP = "silent_cap"  # nothing after a number of rows, and no link [rows]
    LINK_MISSING = "link_missing"
    LINK_NULL = "link_null"
    LINK_BLANK = "link_blank"  # an empty text
    LINK_RENAMED = "link_renamed"  # under another name [name]
    LINK_NUMBER = "link_number"  # no text
    LINK_TWICE = "link_twice"  # the member occurs twice
    LINK_LOOP = "link_loop"  # the next link leads to the same page
    LINK_BACK = "link_back"  # to the first page
    LINK_ENDLESS = "link_endless"  # a next link past the end, on and on
    LINK_UNCHANGED_PLACE = "link_unchanged_place"  # an empty page whose link goes on where the page began
    LINK_OTHER_LIST = "link_other_list"
    LINK_BARE = "link_bare"  # without the options that were asked for ($filter, $expand, sinceTime …)
    LINK_RELATIVE = "link_relative"
    LINK_USER = "link_user"  # with a user name before the host
    LINK_PORT = "link_port"  # to another port of the host [port]
    LINK_FOREIGN = "link_foreign"  # to another host [target]

    # Lists behind one device
    USERS_PAGED = "users_paged"  # they come in pages, with links [rows]

    # Export files
    NO_FILES = "no_files"  # an empty list
    PART_MISSING = "part_missing"  # the list lacks a file [row]
    PENDING = "pending"  # storage: the part is still being copied
    EXPIRED_SIGNATURE = "expired_signature"  # storage: 403
    PART_EMPTY = "part_empty"  # storage: no byte
    PART_MEMBERS = "part_members"  # storage: the part consists of several gzip members, which is no fault [members]
    PART_MEMBER_LOST = "part_member_lost"  # storage: the same, without its second member [members]


EVERY = -1


@dataclass
class Fault:
    """One fault.

    ``dataset`` None means any; ``login``, ``feeds`` (one of them: ``feeds/NAME``) and
    ``storage`` count as datasets. It affects ``times`` requests
    (``EVERY``: all), after letting ``after`` requests pass. ``number`` counts those that it has affected.
    """

    kind: FaultKind
    dataset: str | None = None
    times: int = 1
    after: int = 0
    status: int = 503
    code: str = "InternalServerError"
    message: str = ""
    seconds: float = 1.0
    after_bytes: int = 400
    rows: int = 10_000
    row: int = 0
    seed: int = 0
    member: str = "osPlatform"
    members: int = 1_000
    levels: int = 20_000
    mebibytes: int = 1_024
    name: str = "nextLink"
    port: int = 444
    target: str = "https://api.security.attacker.example"
    number: int = 0

    def __post_init__(self) -> None:
        self.kind = FaultKind(self.kind)


class Faults:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self, kind: FaultKind | None = None, dataset: str | None = None) -> None:
        """Switches off all faults, or those of a kind and dataset."""
        with self._lock:
            self._faults = [
                fault
                for fault in self._faults
                if (kind is not None and fault.kind is not kind) or (dataset is not None and fault.dataset != dataset)
            ]

    def take(self, *datasets: str) -> tuple[Fault, ...]:
        """The faults that affect a request of the dataset, or of one of these names of it; each loses one of its
        ``times``."""
        with self._lock:
            taken = []
            for fault in self._faults:
                if fault.dataset not in (None, *datasets):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.number += 1
                if fault.times != EVERY:
                    fault.times -= 1
                taken.append(replace(fault))
            self._faults = [fault for fault in self._faults if fault.times != 0]
            return tuple(taken)

    def as_dicts(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]


def first_fault(active: Iterable[Fault], *kinds: FaultKind) -> Fault | None:
    """The first of the faults that is of one of the kinds."""
    return next((fault for fault in active if fault.kind in kinds), None)
