"""One day of the lake, as SQL: the tables of that day as views in the catalog's columns.

Here: which tables the day has, what their files say about themselves, and asking. Not here: what is asked
(``sections/``).

The engine aggregates within its memory limit, so that ten million findings never come into Python's memory.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import TypeVar

import pyarrow.dataset as ds

from ..catalog import DATASETS, DERIVED, REFERENCE, PerDevice
from ..compliance.engine import Engine, Session, Value
from ..compliance.errors import EngineError, EngineErrorKind
from ..compliance.inputs import KNOWN, Input
from ..lake import Lake, NoSnapshot, UnreadableSnapshot

Row = TypeVar("Row")

LAG = timedelta(days=14)
"""Reference tables, and datasets that not every result needs, may be of an earlier day, as they may for the results."""

NEEDED = "fleet_summary"
FORMER = "former_fleet_summary"


class DaySnapshot:
    """The tables of one day. ``days`` says of each table that is there which day's partition it is."""

    def __init__(self, lake: Lake, day: date, session: Session, days: dict[str, date]) -> None:
        self.lake = lake
        self.day = day
        self.days = days
        self._session = session
        self.metadata = {name: lake.metadata(name, of) for name, of in days.items()}

    def has(self, *tables: str) -> bool:
        """Whether all of them are there."""
        return all(table in self.days for table in tables)

    def all(self, kind: type[Row], sql: str) -> list[Row]:
        """The answer, each row as a ``kind`` (a dataclass whose fields are the columns)."""
        names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
        return [
            kind(**{name: value for name, value in row.items() if name in names}) for row in self._session.rows(sql)
        ]

    def one(self, kind: type[Row], sql: str) -> Row:
        """The one row of the answer."""
        (row,) = self.all(kind, sql)
        return row

    def value(self, sql: str) -> Value:
        """The one value of the answer."""
        return self._session.value(sql)

    def summaries(self, kind: type[Row], days: Sequence[date]) -> list[Row]:
        """The summaries of several days, ascending. A day without a single device has none: its row says no time."""
        self._session.register(KNOWN[NEEDED], source_of(self.lake, NEEDED, *days), name=FORMER)
        return self.all(kind, f"SELECT * FROM {FORMER} WHERE as_of IS NOT NULL ORDER BY as_of")

    @property
    def as_of(self) -> datetime | None:
        """The moment everything is judged at; None where no table says one."""
        said = self.value(f"SELECT max(as_of) FROM {NEEDED}")
        if isinstance(said, datetime):
            return said
        # A tenant without a single device has no as_of in any row, but its files know when it was asked.
        for table in ("machines", NEEDED):
            told = self.metadata.get(table, {}).get("observed_at")
            if told:
                return datetime.fromisoformat(told)
        return None


@contextmanager
def unreadable_snapshots(day: date) -> Iterator[None]:
    """The engine's errors about files as the lake's own; those about a question stay what they are."""
    try:
        yield
    except EngineError as error:
        if error.kind is not EngineErrorKind.INPUT_UNREADABLE:
            raise
        detail = error.detail.strip().partition("\n")[0][:200]
        raise UnreadableSnapshot(
            f"compliance_report: a table of {day} cannot be read ({detail}). Refresh the tables of that day again."
        ) from None


def partition_day(lake: Lake, table: str, day: date) -> date | None:
    """The partition that the day's results rest on: its own; of what is fetched, else the newest up to ``LAG`` back."""
    if lake.input(table, day):
        return day
    if table in DERIVED:
        return None
    former = [known for known in lake.dates(table) if day - LAG <= known < day]
    return former[-1] if former else None


def source_of(lake: Lake, table: str, *days: date) -> Input:
    """Partitions as an input: files where they are local. Elsewhere pyarrow reads them, with the lake's credentials,
    and hands over columns and batches as they are asked for."""
    files = [path for day in days if (path := lake.input(table, day))]
    if not any("://" in path for path in files):
        return files
    return ds.dataset([lake.scan(table, day) for day in days])


def is_crawled(table: str) -> bool:
    """Asked device by device, so that its rows are of different ages."""
    return table in DATASETS and isinstance(DATASETS[table].fetch, PerDevice)


@contextmanager
def open_snapshot(lake: Lake, day: date, *, engine: Engine) -> Iterator[DaySnapshot]:
    """The day's tables, to be asked within the block. Raises NoSnapshot where the day has no fleet_summary, and
    UnreadableSnapshot for damaged files."""
    if lake.input(NEEDED, day) is None:
        there = lake.dates(NEEDED)
        known = f"; there are {len(there)}, from {there[0]} to {there[-1]}" if there else ""
        raise NoSnapshot(
            f"compliance_report: {NEEDED} has no snapshot of {day} in the lake at {lake.root}{known}. "
            "Refresh the compliance tables of that day (defender-assets refresh)."
        )
    tables = (*DATASETS, *REFERENCE, *DERIVED)
    days = {table: of for table in tables if (of := partition_day(lake, table, day))}
    with engine.session() as session, unreadable_snapshots(day):
        for table in tables:
            session.register(KNOWN[table], source_of(lake, table, days[table]) if table in days else None)
        yield DaySnapshot(lake, day, session, days)
