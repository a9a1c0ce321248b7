"""When a secret ends, or the token that opens its store, as far as the store says so.

Here: passing it on to whoever wants to know, while references are followed. Not here: the stores (a module for each),
what is said of it (``monitoring/expiry.py``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class NotedEnd:
    """What a store said. ``ends_at`` (UTC) is None where it does not end; ``is_renewable``: whoever keeps it may make
    it last longer."""

    kind: Literal["secret in the vault", "vault token"]
    ends_at: datetime | None
    is_renewable: bool = False


_noted: ContextVar[list[NotedEnd] | None] = ContextVar("expiries", default=None)


@contextmanager
def noted_expiries() -> Iterator[list[NotedEnd]]:
    """What stores say of the ends of what is read within this block, in this thread."""
    expiries: list[NotedEnd] = []
    token = _noted.set(expiries)
    try:
        yield expiries
    finally:
        _noted.reset(token)


def are_ends_wanted() -> bool:
    """Whether somebody listens, so that a store may be asked once more for it."""
    return _noted.get() is not None


def note_expiry(end: NotedEnd) -> None:
    """Called by a store that knows when something ends."""
    expiries = _noted.get()
    if expiries is not None:
        expiries.append(end)
