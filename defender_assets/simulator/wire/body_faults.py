"""What faults do to a body around its rows.

Here: blanks before the rows, errors after them, bodies that unpack to far more than their size. Not here: the rows
(``row_faults.py``), links (``link_faults.py``).
"""

from collections.abc import Iterator

import orjson

from .bodies import CompressedBody, compressed
from .faults import Fault, FaultKind, first_fault
from .row_faults import ERROR

_MEBIBYTE = b" " * (1 << 20)


def blanks(active: tuple[Fault, ...]) -> Iterator[bytes]:
    """Blanks, a mebibyte at a time: they are never held together."""
    if fault := first_fault(active, FaultKind.BLANKS):
        for _ in range(fault.mebibytes):
            yield _MEBIBYTE


def after_rows(active: tuple[Fault, ...]) -> bytes:
    """Members after the last one of the body."""
    return b"," + orjson.dumps(ERROR)[1:-1] if first_fault(active, FaultKind.ERROR_BESIDE) else b""


def after_body(active: tuple[Fault, ...]) -> bytes:
    """What comes after the end of the document."""
    return orjson.dumps(ERROR) if first_fault(active, FaultKind.ERROR_AFTER) else b""


def error_bomb(mebibytes: int) -> CompressedBody:
    """An error whose message is nothing but blanks, about a thousandth of its size when packed."""

    def pieces() -> Iterator[bytes]:
        yield b'{"error":{"code":"InternalServerError","message":"'
        for _ in range(mebibytes):
            yield _MEBIBYTE
        yield b'","target":"|7."}}'

    return compressed(pieces())
