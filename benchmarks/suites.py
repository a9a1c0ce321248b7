"""The suites of ``make bench``: what each measures, and how a suite is called."""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .tables import Table


@dataclass(frozen=True)
class Options:
    """``full``: larger and more often; ``quick``: so little that the suite is tried in minutes, and says nothing.
    ``folder`` is kept between runs: generated inputs, environments of peers."""

    full: bool
    folder: Path
    quick: bool = False

    @property
    def times(self) -> int:
        """Rounds of commands in turn."""
        return 5 if self.full else 3


Suite = Callable[[Options], Iterator[Table]]

SUITES = {
    "ingest": "pages and files beside peers and floors; memory, calls, latency",
    "refresh": "a whole refresh beside its largest dataset",
    "compliance": "the derived tables beside pandas, Polars and DuckDB by hand",
    "orchestration": "runs, ticks, processes, start times",
    "reading": "queries on a year of days, the report of a large fleet",
    "growth": "bytes a day of the lake and of Dagster's database",
    "engine": "the derived tables on DuckDB and on Spark (needs Java; only where it is named)",
}
"""Name of the suite (a module here with a function ``tables``) -> what it measures."""
ONLY_BY_NAME = frozenset({"engine"})
"""Suites that run only where they are named: on two cores this one takes longer than all others."""


def suite(name: str) -> Suite:
    found: Suite = importlib.import_module(f"{__package__}.{name}").tables
    return found
