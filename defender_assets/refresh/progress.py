"""What a refresh is doing: which tables are in work, how far each is, and what became of it.

Here: the events, and telling them to those who listen. Not here: lines and bars (``cli/progress.py``), what is printed
of an outcome (``cli/outcomes.py``).
"""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from .outcome import PartitionOutcome


@dataclass(frozen=True)
class Planned:
    """These tables are to be refreshed."""

    tables: frozenset[str]


@dataclass(frozen=True)
class Began:
    """The table is in work from now on."""

    table: str


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` (None where the end is not known) of ``unit`` for a table."""

    table: str
    done: int
    total: int | None = None
    unit: str = "rows"


@dataclass(frozen=True)
class Ended:
    """The table is not in work any more. ``outcomes``: of each of its days, in the order in which they were made; none
    where something unexpected was raised."""

    table: str
    outcomes: tuple[PartitionOutcome, ...] = field(default=())


Event = Planned | Began | Progress | Ended
Listener = Callable[[Event], None]

_listeners: list[Listener] = []
_outcomes: dict[tuple[str, int], list[PartitionOutcome]] = {}
"""Of each table in work, and the thread that works at it (several may, for several tenants), what was made of it."""
_lock = threading.Lock()


@contextmanager
def progress_listener(listener: Listener) -> Iterator[None]:
    """Within this block, ``listener`` is told all that happens, from any thread."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def report_plan(tables: Collection[str]) -> None:
    """Called when it is known which tables are to be refreshed."""
    _tell(Planned(frozenset(tables)))


def report_progress(progress: Progress) -> None:
    """Called by long-running work, from any thread."""
    _tell(progress)


@contextmanager
def in_work(table: str) -> Iterator[None]:
    """Within this block the table is in work. A block within it for the same table is a part of it."""
    key = table, threading.get_ident()
    with _lock:
        is_part = key in _outcomes
        if not is_part:
            _outcomes[key] = []
    if is_part:
        yield
        return
    _tell(Began(table))
    has_ended = False
    try:
        yield
        has_ended = True
    finally:
        with _lock:
            made = tuple(_outcomes.pop(key))
        _tell(Ended(table, made if has_ended else ()))


def report_outcomes(table: str, outcomes: Sequence[PartitionOutcome]) -> None:
    """Called with what was made of a table that is in work."""
    with _lock:
        if (of_thread := _outcomes.get((table, threading.get_ident()))) is not None:
            of_thread.extend(outcomes)


def _tell(event: Event) -> None:
    for listener in tuple(_listeners):
        listener(event)
