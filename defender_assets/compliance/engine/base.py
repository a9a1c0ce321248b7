"""What compliance needs of a SQL engine.

Here: ``Engine``, ``Session``, and the limits that an engine keeps to. Not here: any engine (``duckdb_engine.py``), and
the error that every engine raises (``compliance/errors.py``). The SQL files are written so that they mean the same in
DuckDB and in Spark; anything in an engine's own dialect stays behind this interface.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import pyarrow as pa

from ...catalog.table import Table
from ..inputs import Input

BATCH_ROWS = 131_072

Value: TypeAlias = Any
"""A value of a result in Python: None, bool, int, float, str, date, datetime (UTC), list or dict."""


@dataclass(frozen=True)
class Limits:
    """What a session may take: memory (``1GB``), threads, and the folder that it spills to (None: the system's).

    512 MB are enough for ten million findings, a gigabyte is faster.
    """

    memory: str
    threads: int
    temporary_folder: Path | None = None


class Session(ABC):
    """A connection to an engine, within its limits. Every method raises EngineError.

    A name can be registered again: the later registration replaces the earlier one.
    """

    @abstractmethod
    def register(self, table: Table, source: Input, *, name: str | None = None) -> None:
        """Offers an input to the SQL as a view with exactly the catalog's columns and types, under the table's name or
        another. Columns that the source lacks are null; a source that is absent has no rows."""

    @abstractmethod
    def register_rows(self, name: str, rows: pa.Table) -> None:
        """Offers a small table as it is."""

    def register_those_read(self, tables: Mapping[str, pa.Table], *, by: str) -> None:
        """Offers those of the small tables that the SQL may read: whose names are words of it. A policy is twenty
        tables, of which most SQL reads few; offering one takes DuckDB a millisecond, and Spark far longer."""
        words = set(re.findall(r"\w+", by))
        for name, rows in tables.items():
            if name in words:
                self.register_rows(name, rows)

    @abstractmethod
    def stream(self, sql: str, schema: pa.Schema, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """The result of one SELECT, cast to ``schema``, computed while it is read. Reading raises EngineError too: what
        was read until then is not the whole result. Closing the session ends the stream."""

    @abstractmethod
    def fetch(self, sql: str) -> pa.Table:
        """The whole result of one SELECT, for small results."""

    def table(self, sql: str) -> pa.Table:
        """A small result, its whole numbers as integers."""
        return _whole_numbers(self.fetch(sql))

    def rows(self, sql: str) -> list[dict[str, Value]]:
        """The rows of a small result."""
        rows: list[dict[str, Value]] = self.table(sql).to_pylist()
        return rows

    def row(self, sql: str) -> dict[str, Value]:
        """The row of a result that has exactly one."""
        (row,) = self.rows(sql)
        return row

    def value(self, sql: str) -> Value:
        """The value of a result that has exactly one row and one column."""
        (value,) = self.row(sql).values()
        return value


class Engine(Protocol):
    """Something that runs SQL over tables of the catalog."""

    @property
    def name(self) -> str:
        """What computes and, where that is not this process, where; without secrets."""

    @property
    def limits(self) -> Limits:
        """What each session keeps to."""

    def session(self) -> AbstractContextManager[Session]:
        """A new session, which shares nothing with others and leaves nothing behind."""


def _whole_numbers(rows: pa.Table) -> pa.Table:
    """Sums of integers as integers: engines widen them to decimals."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_decimal(field.type) and field.type.scale == 0:
            rows = rows.set_column(place, field.name, rows.column(place).cast(pa.int64()))
    return rows
