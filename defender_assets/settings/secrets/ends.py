"""When a secret ends, as far as its store says so.

Here: passing it on to whoever wants to know, while references are followed. Not here: the stores (a module for each),
what is said of it (``monitoring/expiry.py``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

_ends: ContextVar[list[datetime] | None] = ContextVar("ends", default=None)


@contextmanager
def noting_ends() -> Iterator[list[datetime]]:
    """The ends (UTC) of the secrets that are read within this block, in this thread."""
    ends: list[datetime] = []
    token = _ends.set(ends)
    try:
        yield ends
    finally:
        _ends.reset(token)


def note_end(ends_at: datetime | None) -> None:
    """Called by a store that knows when a secret ends."""
    ends = _ends.get()
    if ends is not None and ends_at is not None:
        ends.append(ends_at)
