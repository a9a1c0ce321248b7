"""How long work tells where it is.

Here: the events and the one place where somebody listens. Not here: bars and lines (``cli``), Dagster's log.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` (None where the end is not known) of ``unit`` for a table."""

    table: str
    done: int
    total: int | None = None
    unit: str = "rows"


Listener = Callable[[Progress], None]


def _nobody(_: Progress) -> None:
    return None


_listener: Listener = _nobody


def tell(progress: Progress) -> None:
    """Called by long work as it goes on."""
    _listener(progress)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Everything told within this block, in whatever thread, reaches ``listener``."""
    global _listener  # noqa: PLW0603 - one process has one terminal
    former, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = former
