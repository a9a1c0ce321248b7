"""Which partitions of its inputs a day is made from: one rule for derived tables and for the report.

* A needed input must be of the same day.
* An optional input that is fetched (a dataset or a public feed) may be up to ``LAG`` older: without a partition of the
  day, the newest one is read. A computed input may not be older: it can be computed for the day, and numbers of two
  days in one row would contradict each other.
* Of an event table, all partitions within the window are read.
* Of a table that the day is made without, none is read, whatever the lake still holds of it.

Here: the rule. Not here: which tables a day is made without (``absence.py``), reading the partitions
(``compliance/engine``), what is computed from them.
"""

from collections.abc import Collection, Iterable
from datetime import date, timedelta

from ..catalog import DERIVED, EVENT_TABLES
from ..compliance import Inputs
from ..lake import Lake
from ..report import Partitions

LAG = timedelta(days=14)
"""How much older an optional input may be."""


def input_days(
    lake: Lake,
    day: date,
    *,
    needed: Iterable[str],
    optional: Iterable[str],
    window_days: int = 1,
    left_out: Collection[str] = (),
) -> Partitions:
    """The days of each input that a table of ``day`` is made from; none of those that are ``left_out``."""
    may_lag = dict.fromkeys(needed, False) | {name: name not in DERIVED for name in optional}
    return {
        name: () if name in left_out else _days_of(lake, name, day, window_days, may_lag=lags)
        for name, lags in may_lag.items()
    }


def input_sources(lake: Lake, days: Partitions) -> Inputs:
    """The inputs as an engine reads them."""
    return {name: lake.source(name, days_of_input) for name, days_of_input in days.items()}


def _days_of(lake: Lake, table: str, day: date, window_days: int, *, may_lag: bool) -> tuple[date, ...]:
    is_event = table in EVENT_TABLES
    first = day - timedelta(days=window_days - 1) if is_event else day
    published = lake.dates(table, min(first, day - LAG) if may_lag else first, day)
    of_the_day = tuple(candidate for candidate in published if first <= candidate)
    if of_the_day or not may_lag:
        return of_the_day
    return tuple(candidate for candidate in published if day - LAG <= candidate)[-1:]
