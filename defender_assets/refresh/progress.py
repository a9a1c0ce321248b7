"""Progress of long-running work.

Here: the value, and the one listener of the process. Not here: progress bars and lines (``cli/progress.py``).
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


def _ignore(_: Progress) -> None:
    return None


_listener: Listener = _ignore


def report_progress(progress: Progress) -> None:
    """Called by long-running work, from any thread."""
    _listener(progress)


@contextmanager
def progress_listener(listener: Listener) -> Iterator[None]:
    """Within this block, ``listener`` receives all progress, from any thread."""
    global _listener  # noqa: PLW0603 - one process has one terminal
    former, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = former
