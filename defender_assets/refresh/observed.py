"""Each refresh of a table, told to those who measure: of which tenant, how long it took, what came of it.

Here: the two events. Not here: how far a table is, for people who wait for it (``progress.py``), what is measured
(``monitoring/``).
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from ..listeners import Listeners
from .outcome import PartitionOutcome


@dataclass(frozen=True)
class TableBegan:
    """The refresh of these days of a table began; ``at`` in seconds since 1970."""

    tenant: str
    table: str
    days: tuple[date, ...]
    at: float


@dataclass(frozen=True)
class TableEnded:
    """It ended, ``seconds`` after it ``began``. ``outcomes``: of each day; none where something unexpected was
    raised."""

    began: TableBegan
    seconds: float
    outcomes: tuple[PartitionOutcome, ...] = ()


TABLE_EVENTS: Listeners[TableBegan | TableEnded] = Listeners()
"""Who is told of every refresh of a table in this process."""


@contextmanager
def observed(tenant: str, table: str, days: Sequence[date]) -> Iterator[list[PartitionOutcome]]:
    """The refresh of a table within this block, which puts its outcomes into the list."""
    began = TableBegan(tenant, table, tuple(days), time.time())
    started = time.monotonic()
    outcomes: list[PartitionOutcome] = []
    TABLE_EVENTS.tell(began)
    try:
        yield outcomes
    finally:
        TABLE_EVENTS.tell(TableEnded(began, time.monotonic() - started, tuple(outcomes)))
