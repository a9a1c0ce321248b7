"""One day of the lake: its tables as views in the catalog's columns, for the report's queries.

Here: the day's tables as views, their files' metadata, and running queries. Not here: which partitions are the day's
(``refresh/inputs.py``), the queries (``sql/``), what their results mean (``sections/``).

The engine aggregates within its memory limit, so that ten million findings never come into Python's memory.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import Field, fields
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeVar

import pyarrow as pa

from ..catalog import TABLES, Table
from ..catalog.derived.fleet import FLEET_SUMMARY
from ..compliance.engine import Engine, Session, Value
from ..compliance.errors import EngineError, EngineErrorKind
from ..lake import Lake, UnreadableSnapshot


class Dataclass(Protocol):
    """An instance of any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


_Row = TypeVar("_Row", bound=Dataclass)

Partitions = Mapping[str, Sequence[date]]
"""Table -> the days whose partitions are read, ascending; none where the table is absent."""

FORMER = "former_fleet_summary"
_STREAMED_ROWS = 10_000
"""Rows of a batch of what goes into a file beside the page: at thirteen times as many, as tables are published with,
``findings.csv`` takes some 30 MiB more."""


class DaySnapshot:
    """The tables of one day. ``days`` has the day of the partition of each table that is not absent, of an event table
    the newest; ``left_out`` says of absent ones, where it is known, why nobody misses them."""

    def __init__(
        self, lake: Lake, day: date, session: Session, partitions: Partitions, left_out: Mapping[str, str]
    ) -> None:
        self.lake = lake
        self.day = day
        self.days = {table: days[-1] for table, days in partitions.items() if days}
        self.left_out = left_out
        self._session = session
        self._partitions = partitions
        self.metadata = {name: lake.metadata(name, of) for name, of in self.days.items()}

    def has(self, *tables: str) -> bool:
        """Whether none of the tables is absent."""
        return all(table in self.days for table in tables)

    def all_days(self, table: str) -> Sequence[date]:
        """The days of the partitions of a table, ascending; of all tables but event tables it is one or none."""
        return self._partitions.get(table, ())

    def offer_former(self, table: Table, day: date) -> bool:
        """Offers the rows of an earlier day to the queries, as ``former_`` and the table's name; False where the lake
        has none."""
        if not self.lake.dates(table.name, day, day):
            return False
        self._session.register(table, self.lake.source(table.name, [day]), name=f"former_{table.name}")
        return True

    def all(self, kind: type[_Row], query: str) -> list[_Row]:
        """The rows of a query (a name of ``sql/``), each as a ``kind``: a dataclass whose fields are columns."""
        return _rows(kind, self._session.table(sql_of(query)))

    def one(self, kind: type[_Row], query: str) -> _Row:
        """The row of a query that has exactly one."""
        (row,) = self.all(kind, query)
        return row

    def first(self, kind: type[_Row], query: str) -> tuple[list[_Row], int]:
        """The rows of a query that has a LIMIT, and how many it would have without one (its column ``total``)."""
        table = self._session.table(sql_of(query))
        return _rows(kind, table), table.column("total")[0].as_py() if table.num_rows else 0

    def stream(self, query: str) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """(schema, rows) of a query whose result is too large for Python's memory, computed while it is read."""
        sql = sql_of(query)
        schema = self._session.fetch(f"SELECT * FROM (\n{sql}\n) AS result LIMIT 0").schema
        return schema, self._session.stream(sql, schema, _STREAMED_ROWS)

    def offer(self, name: str, rows: pa.Table) -> None:
        """Lets queries read a small table of that name too."""
        self._session.register_rows(name, rows)

    def former_summaries(self, kind: type[_Row], days: Sequence[date]) -> list[_Row]:
        """The fleet summaries of several days, ascending, save for days without a single device."""
        self._session.register(FLEET_SUMMARY, self.lake.source(FLEET_SUMMARY.name, days), name=FORMER)
        return self.all(kind, "former_fleet_summaries")

    @property
    def observed_at(self) -> datetime | None:
        """When the day was observed, as its files say: a tenant without a single device has no row to say it."""
        for table in ("machines", FLEET_SUMMARY.name):
            if moment := self.metadata.get(table, {}).get("observed_at"):
                return datetime.fromisoformat(moment)
        return None


@cache
def sql_of(query: str) -> str:
    """The text of a query of ``sql/``."""
    return files(__package__).joinpath("sql", f"{query}.sql").read_text(encoding="utf-8")


def read_by(query: str, partitions: Partitions) -> Partitions:
    """Those of the tables that a query may read: whose names are words of its text."""
    words = set(re.findall(r"\w+", sql_of(query)))
    return {table: days for table, days in partitions.items() if table in words}


def _rows(kind: type[_Row], table: pa.Table) -> list[_Row]:
    columns = {field.name: _values(table.column(field.name)) for field in fields(kind)}
    rows = zip(*columns.values(), strict=True)
    if any(field.kw_only for field in fields(kind)):
        return [kind(**dict(zip(columns, values, strict=True))) for values in rows]
    return [kind(*values) for values in rows]


def _values(column: pa.ChunkedArray) -> list[Value]:
    """The values in Python, equal texts and equal times as one object: a sentence that is told of a thousand devices
    takes its memory once."""
    values: list[Value] = []
    for chunk in column.chunks:
        if pa.types.is_string(chunk.type) or pa.types.is_timestamp(chunk.type):
            encoded = chunk.dictionary_encode()
            different = [*encoded.dictionary.to_pylist(), None]
            values += map(different.__getitem__, encoded.indices.fill_null(-1).to_pylist())
        else:
            values += chunk.to_pylist()
    return values


@contextmanager
def unreadable_snapshots(day: date) -> Iterator[None]:
    """Turns the engine's errors about files into UnreadableSnapshot; others stay as they are."""
    try:
        yield
    except EngineError as error:
        if error.kind is not EngineErrorKind.INPUT_UNREADABLE:
            raise
        raise UnreadableSnapshot(
            f"compliance_report: a table of {day} cannot be read ({error.detail}). Refresh the tables of that day "
            "again."
        ) from None


@contextmanager
def open_snapshot(
    lake: Lake,
    day: date,
    partitions: Partitions,
    *,
    engine: Engine,
    left_out: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[DaySnapshot]:
    """The day's tables, to be queried within the block. ``partitions`` says which days' partitions of each table are
    read; for the page one of fleet_summary has to be among them. Raises UnreadableSnapshot for damaged files."""
    with engine.session() as session, unreadable_snapshots(day):
        for table, days in partitions.items():
            session.register(TABLES[table], lake.source(table, days))
        yield DaySnapshot(lake, day, session, partitions, left_out)
