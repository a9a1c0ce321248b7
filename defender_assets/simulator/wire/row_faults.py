"""What faults do to the rows of a page.

Here: rows that are missing, doubled, wrong, too large, or errors. Not here: which rows a page has (``list_faults.py``),
what stands beside them (``body_faults.py``, ``link_faults.py``).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import orjson

from ..tenant.formats import Row
from .faults import Fault, FaultKind, first_fault

ERROR = {"error": {"code": "InternalServerError", "message": "The request was not completed.", "target": "|7."}}
"""What the service says where it breaks off."""

_WRONG_TYPE_EVERY = 7


def with_row_faults(rows: Iterator[Row], active: tuple[Fault, ...]) -> Iterator[Row]:
    """The rows, changed by the active faults that concern rows."""
    for fault in active:
        rows = _with_fault(rows, fault)
    # The error comes last, whatever else was switched on.
    return chain(rows, [ERROR]) if first_fault(active, FaultKind.ERROR_ROW) else rows


def _with_fault(rows: Iterator[Row], fault: Fault) -> Iterator[Row]:
    match fault.kind:
        case FaultKind.PAGE_EMPTY | FaultKind.LINK_UNCHANGED_PLACE:
            return iter(())
        case FaultKind.ROWS_DROPPED | FaultKind.CUT_CLOSED:
            return without_last(rows, fault.rows)
        case FaultKind.WRONG_TYPES:
            return (with_wrong_types(row, number) for number, row in enumerate(rows))
        case FaultKind.MISSING_MEMBER:
            missing = fault.member.lower()
            return ({k: v for k, v in row.items() if k.lower() != missing} for row in rows)
        case FaultKind.REPEATED_ROW:
            return _with_first(rows, lambda row: (row, row))
        case FaultKind.ROW_DIFFERS:
            return _with_first(rows, lambda row: (row, changed(row)))
        case FaultKind.ROW_WRONG:
            return _with_first(rows, lambda row: (changed(row),))
        case FaultKind.UNKNOWN_MEMBERS:
            unknown = {f"notAnybodysMember{number:05d}": number for number in range(fault.members)}
            return _with_first(rows, lambda row: ({**row, **unknown},))
        case FaultKind.NESTED:
            nested = orjson.Fragment(b"[" * fault.levels + b"]" * fault.levels)
            return _with_first(rows, lambda row: ({**row, "nestedMember": nested},))
        case FaultKind.LARGE_ENTRY:
            return _with_first(rows, lambda row: (_with_large_entry(row, "x" * (fault.mebibytes << 20)),))
        case _:
            return rows


def _with_first(rows: Iterator[Row], change: Callable[[Row], Iterable[Row]]) -> Iterator[Row]:
    """The rows with others in place of the first."""
    for first in rows:
        yield from change(first)
        break
    yield from rows


def without_last(rows: Iterator[Row], count: int) -> Iterator[Row]:
    """All rows but the last ``count``."""
    held: deque[Row] = deque()
    for row in rows:
        held.append(row)
        if len(held) > count:
            yield held.popleft()


def changed(row: Row) -> Row:
    """The row with another value in one text, which is neither an id nor a time."""
    for member, value in row.items():
        if isinstance(value, str) and not value[:2].isdigit() and not member.lower().endswith(("id", "@odata.type")):
            return {**row, member: f"{value} (changed)"}
    return row


def with_other_identity(row: Row) -> Row:
    """The row under ids of its own, as if of something else."""
    return {
        member: f"{value[:-1]}{'0' if value[-1] != '0' else '1'}"
        if isinstance(value, str) and value and member.lower().endswith("id")
        else value
        for member, value in row.items()
    }


def _with_large_entry(row: Row, text: str) -> Row:
    """Alerts get a large entry of evidence, all other rows a large text."""
    evidence = row.get("evidence")
    if evidence is None:
        return {**row, "largeMember": text}
    entry = dict(evidence[0]) if evidence else {"entityType": "Process"}
    return {**row, "evidence": [{**entry, "processCommandLine": text}, *evidence[1:]]}


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
