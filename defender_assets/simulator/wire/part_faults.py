"""What faults do to export files and to the list of them.

Here: files that the list lacks, files that lack something. Not here: which files there are (``export_blobs.py``),
faults of the transfer (``applications.py``).
"""

import gzip
from collections.abc import Iterator

import orjson

from .bodies import CompressedBody, compressed
from .body_faults import blanks
from .faults import Fault, FaultKind, first_fault
from .row_faults import ERROR


def with_list_faults(addresses: list[str], active: tuple[Fault, ...]) -> list[str]:
    """The list of files, after the faults that concern it."""
    if first_fault(active, FaultKind.NO_FILES):
        return []
    if fault := first_fault(active, FaultKind.PART_MISSING):
        return [address for number, address in enumerate(addresses) if number != fault.row]
    return addresses


def stored(body: CompressedBody, active: tuple[Fault, ...]) -> bytes | CompressedBody:
    """A file as the storage has it, after the faults of the service that wrote it: their digest is right."""
    for fault in active:
        match fault.kind:
            case FaultKind.PART_EMPTY:
                return b""
            case FaultKind.PART_MEMBERS:
                return b"".join(_members(body.plain(), fault.members))
            case FaultKind.ERROR_ROW | FaultKind.BLANKS:
                return compressed(_with_more_lines(body.plain(), active))
            case _:
                continue
    return body


def sent(body: bytes | CompressedBody, active: tuple[Fault, ...]) -> bytes | CompressedBody:
    """A file as it arrives, after the faults on its way: its length is right, its digest is not."""
    if isinstance(body, bytes):
        return body
    for fault in active:
        match fault.kind:
            case FaultKind.PART_MEMBER_LOST:
                members = _members(body.plain(), fault.members)
                return b"".join(member for number, member in enumerate(members) if number != 1)
            case FaultKind.ROWS_DROPPED:
                return compressed(body.plain().splitlines(keepends=True)[: -fault.rows])
            case FaultKind.TRUNCATED:
                whole = b"".join(body.encoded("gzip"))
                return whole[: max(20, len(whole) * 2 // 3)]
            case _:
                continue
    return body


def _with_more_lines(content: bytes, active: tuple[Fault, ...]) -> Iterator[bytes]:
    yield content
    if first_fault(active, FaultKind.ERROR_ROW):
        yield orjson.dumps(ERROR) + b"\n"
    yield from blanks(active)


def _members(content: bytes, count: int) -> list[bytes]:
    """The content as so many gzip members, each of whole lines; fewer where there are fewer lines."""
    lines = content.splitlines(keepends=True)
    each = max(1, -(-len(lines) // max(1, count)))
    return [gzip.compress(b"".join(lines[start : start + each])) for start in range(0, len(lines), each)]
