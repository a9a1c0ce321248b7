"""When a secret ends, as far as its store says so.

Here: passing it on to whoever wants to know, while references are followed. Not here: the stores (a module for each),
what is said of it (``monitoring/expiry.py``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

_noted: ContextVar[list[datetime] | None] = ContextVar("expiries", default=None)


@contextmanager
def noted_expiries() -> Iterator[list[datetime]]:
    """When the secrets end (UTC) that are read within this block, in this thread."""
    expiries: list[datetime] = []
    token = _noted.set(expiries)
    try:
        yield expiries
    finally:
        _noted.reset(token)


def note_expiry(ends_at: datetime | None) -> None:
    """Called by a store that knows when a secret ends."""
    expiries = _noted.get()
    if expiries is not None and ends_at is not None:
        expiries.append(ends_at)
