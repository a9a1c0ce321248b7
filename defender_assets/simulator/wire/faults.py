"""Faults on demand.

Here: the kinds of faults, which requests they affect, and what they do to rows. Not here: switching them on from
outside (``control.py``).
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from ..tenant.formats import Row


class FaultKind(StrEnum):
    """What a fault does. In brackets the fields of the fault that it uses."""

    STATUS = "status"  # an error of the API [status, code, message]
    THROTTLED = "throttled"  # 429 [seconds]
    HTML = "html"  # a proxy's error page [status]
    SLOW = "slow"  # [seconds]
    RESET = "reset"  # the connection ends before a response
    CUT = "cut"  # the connection ends in the middle of the body [after_bytes]
    TRUNCATED = "truncated"  # a complete response whose compressed body is not complete
    MALFORMED = "malformed"  # JSON that ends in the middle
    ERROR_IN_200 = "error_in_200"  # {"error": …} with status 200
    NO_LICENCE = "no_licence"
    INACTIVE_ACCOUNT = "inactive_account"
    FEATURE_OFF = "feature_off"
    NOT_FOUND = "not_found"  # 404 ResourceNotFound
    EMPTY_ANSWER = "empty_answer"  # 404 without a body, as for a route that does not exist
    REDIRECT = "redirect"  # to another host
    LINK_LOOP = "link_loop"  # the next link leads to the same page
    LINK_ENDLESS = "link_endless"  # a next link past the end, on and on
    LINK_FOREIGN = "link_foreign"  # the next link leads to another host [target]
    SILENT_CAP = "silent_cap"  # nothing after a number of rows, and no link [rows]
    REPEATED_ROW = "repeated_row"  # the page's first row comes twice
    DRIFT_REMOVE = "drift_remove"  # a device leaves before the second page
    DRIFT_ADD = "drift_add"  # a device arrives before the second page
    WRONG_TYPES = "wrong_types"  # every seventh row has a member of another type
    MISSING_MEMBER = "missing_member"  # a member no row has any more [member]
    PENDING = "pending"  # storage: the part is still being copied
    EXPIRED_SIGNATURE = "expired_signature"  # storage: 403
    NO_FILES = "no_files"  # export: an empty list


ROW_FAULTS = (FaultKind.WRONG_TYPES, FaultKind.MISSING_MEMBER, FaultKind.REPEATED_ROW)
LINK_FAULTS = (FaultKind.LINK_LOOP, FaultKind.LINK_ENDLESS, FaultKind.LINK_FOREIGN, FaultKind.SILENT_CAP)
EVERY = -1


@dataclass
class Fault:
    """One fault.

    ``dataset`` None means any; ``login``, ``feeds`` and ``storage`` count as datasets. It affects ``times`` requests
    (``EVERY``: all), after letting ``after`` requests pass.
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
    member: str = "osPlatform"
    target: str = "https://api.security.attacker.example"

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

    def take(self, dataset: str) -> tuple[Fault, ...]:
        """The faults that affect a request of the dataset; each loses one of its ``times``."""
        with self._lock:
            taken = []
            for fault in self._faults:
                if fault.dataset not in (None, dataset):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                taken.append(fault)
                if fault.times != EVERY:
                    fault.times -= 1
            self._faults = [fault for fault in self._faults if fault.times != 0]
            return tuple(taken)

    def as_dicts(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]


def first_fault(active: Iterable[Fault], *kinds: FaultKind) -> Fault | None:
    """The first of the faults that is of one of the kinds."""
    return next((fault for fault in active if fault.kind in kinds), None)


_WRONG_TYPE_EVERY = 7


def with_wrong_types(row: Row, number: int) -> Row:
    """The row as the fault WRONG_TYPES serves it: in every seventh, one member that is no key has another type. Numbers
    and flags become texts (some of them no number), texts become numbers or objects, lists their first element."""
    if number % _WRONG_TYPE_EVERY:
        return row
    changeable = [member for member in row if not member.lower().endswith("id") and not member.startswith("@")]
    if not changeable:
        return row
    member = changeable[number // _WRONG_TYPE_EVERY % len(changeable)]
    return {**row, member: _other_type(row[member], number)}


def _other_type(value: Any, number: int) -> Any:
    match value:
        case bool():
            return "True" if value else "False"
        case int() | float():
            return str(value) if number % 2 else "N/A"
        case str():
            return {"value": value} if number % 3 == 0 else 12345
        case list():
            return value[0] if value and not isinstance(value[0], dict) else "none"
        case None:
            return None
    return [value]


def with_row_faults(rows: Iterator[Row], active: tuple[Fault, ...]) -> Iterator[Row]:
    """The rows, changed by the active faults that concern rows."""
    if first_fault(active, FaultKind.WRONG_TYPES):
        rows = (with_wrong_types(row, number) for number, row in enumerate(rows))
    if fault := first_fault(active, FaultKind.MISSING_MEMBER):
        missing = fault.member.lower()
        rows = ({k: v for k, v in row.items() if k.lower() != missing} for row in rows)
    if first_fault(active, FaultKind.REPEATED_ROW):
        rows = _first_twice(rows)
    return rows


def _first_twice(rows: Iterator[Row]) -> Iterator[Row]:
    for number, row in enumerate(rows):
        yield row
        if number == 0:
            yield row
