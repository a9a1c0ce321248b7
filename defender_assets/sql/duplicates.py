"""Keys that occur more than once in a Parquet file: exact repeats, and rows that contradict each other.

Here: finding them with DuckDB in bounded memory. Not here: what follows from it (``lake/writer.py`` drops exact
repeats, ``refresh/dataset/checks.py`` refuses the rest).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ..sanitize import brief
from .errors import SqlError
from .session import DuckDBConnection, open_session
from .text import identifiers, literal

RowNumbers: TypeAlias = npt.NDArray[np.int64]
_Hashes: TypeAlias = npt.NDArray[np.uint64]
IGNORED = "observed_at"
"""The column that is not compared: rows that differ only in the time of the request are the same."""
_MEMORY = "512MB"
_THREADS = 2
_ROW = "file_row_number"
_SMALL = 20_000
"""Files of up to so many rows are first checked without DuckDB."""
_SORTED_AT_ONCE = 16_000_000
"""Hashes in memory at a time: 128 MB."""
_BATCH_ROWS = 128 * 1024
_NO_ROWS: RowNumbers = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Duplicates:
    """``keys`` occur more than once, in ``rows`` rows altogether. Of them, ``conflicting_keys`` (in
    ``conflicting_rows`` rows) have rows that differ in a column other than ``observed_at``."""

    keys: int = 0
    rows: int = 0
    conflicting_keys: int = 0
    conflicting_rows: int = 0

    def __bool__(self) -> bool:
        return self.keys > 0


def find_duplicates(file: Path, key: Sequence[str], columns: Sequence[str]) -> tuple[Duplicates, RowNumbers]:
    """Counts the keys that occur in more than one row of the Parquet file, where nulls equal nulls, and finds the exact
    repeats: the numbers (from 0, ascending) of rows that equal an earlier row in every column except ``observed_at``.

    Raises SqlError where memory or the temporary folder is not enough.
    """
    if _all_keys_differ(file, key):
        return Duplicates(), _NO_ROWS
    try:
        with open_session(memory_limit=_MEMORY, threads=_THREADS, ordered=False) as connection:
            return _compared(connection, file, key, columns)
    except (duckdb.Error, pa.ArrowException, OSError, MemoryError) as error:
        raise SqlError(brief(error)) from error


def _all_keys_differ(file: Path, key: Sequence[str]) -> bool:
    """Whether a small file has no key twice; False for a larger file. Starting DuckDB takes 20 ms, and the first
    refresh of an event table writes 180 files of a few rows."""
    with pq.ParquetFile(file) as parquet:
        if parquet.metadata.num_rows > _SMALL:
            return False
        keys = parquet.read(columns=list(key))
    return bool(keys.group_by(list(key), use_threads=False).aggregate([]).num_rows == keys.num_rows)


def _compared(
    connection: DuckDBConnection, file: Path, key: Sequence[str], columns: Sequence[str]
) -> tuple[Duplicates, RowNumbers]:
    """Does what ``find_duplicates`` does, for a file of any size.

    Compares hashes of keys first, because 8 bytes a row fit in memory where the keys do not. Equal keys have equal
    hashes, so none is missed. Then compares the keys of the rows that share a hash.
    """
    rows = f"read_parquet({literal(str(file))}, {_ROW} = true, hive_partitioning = false)"
    keys = identifiers(key)
    shared = _shared_hashes(connection, rows, f"hash({keys})", pq.read_metadata(file).num_rows)
    if not len(shared):
        return Duplicates(), _NO_ROWS
    connection.register("shared", pa.table({"hashed": shared}))
    connection.execute(
        f"CREATE TEMP VIEW suspects AS SELECT * FROM {rows} WHERE hash({keys}) IN (SELECT hashed FROM shared)"
    )
    compared = identifiers(column for column in columns if column in key or column != IGNORED)
    connection.execute(
        f"CREATE TEMP TABLE versions AS SELECT {keys}, min({_ROW}) AS {_ROW}, count(*) AS times "
        f"FROM suspects GROUP BY {compared}"
    )
    connection.execute(
        f"CREATE TEMP TABLE repeated AS SELECT {keys}, sum(times)::BIGINT AS times, count(*) AS versions "
        f"FROM versions GROUP BY {keys} HAVING sum(times) > 1"
    )
    number_of_keys, number_of_rows, conflicting_keys, conflicting_rows = connection.execute(
        "SELECT count(*), coalesce(sum(times), 0)::BIGINT, count(*) FILTER (versions > 1), "
        "coalesce(sum(times) FILTER (versions > 1), 0)::BIGINT FROM repeated"
    ).fetchall()[0]
    repeats = connection.execute(
        f"SELECT {_ROW} FROM suspects ANTI JOIN versions USING ({_ROW}) ORDER BY {_ROW}"
    ).fetchnumpy()[_ROW]
    found = Duplicates(number_of_keys, number_of_rows, conflicting_keys, conflicting_rows)
    return found, np.asarray(repeats, dtype=np.int64)


def _shared_hashes(connection: DuckDBConnection, rows: str, hashed: str, count: int) -> _Hashes:
    """The hashes that more than one of the ``count`` rows has, each once.

    Sorted, they take 8 bytes a row where DuckDB's GROUP BY takes forty. Of a large file, parts of the range of hashes
    are looked at one after the other, so that memory stays bounded however many rows there are.
    """
    passes = -(-count // _SORTED_AT_ONCE) or 1
    if passes == 1:
        return _repeated(_hashes(connection, f"SELECT {hashed} FROM {rows}", count))
    parts = (f"SELECT {hashed} FROM {rows} WHERE {hashed} % {passes} = {number}" for number in range(passes))
    return np.concatenate([_repeated(_hashes(connection, part, count)) for part in parts])


def _hashes(connection: DuckDBConnection, query: str, at_most: int) -> _Hashes:
    """The one column of the query. Rows beyond those that come take no memory."""
    hashes = np.empty(at_most, dtype=np.uint64)
    end = 0
    for batch in connection.sql(query).to_arrow_reader(_BATCH_ROWS):
        column = batch.column(0)
        # Not by Arrow's own conversion, which imports pandas.
        values = np.frombuffer(column.buffers()[1], np.uint64, len(column), offset=8 * column.offset)
        hashes[end : end + len(values)] = values
        end += len(values)
    return hashes[:end]


def _repeated(hashes: _Hashes) -> _Hashes:
    hashes.sort()
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
