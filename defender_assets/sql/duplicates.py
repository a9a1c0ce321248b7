"""Rows that share a key, counted and told apart from rows that are there twice.

Here: the questions, put to DuckDB over one finished Parquet file in bounded memory. Not here: what follows from the
answer (``writer.py`` drops exact repeats, the caller refuses the rest).
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq

from .text import names, quoted, text

IGNORED = "observed_at"
"""Rows that differ only in when they were asked for say the same thing."""
SAMPLES = 3
_MEMORY = "512MB"
_THREADS = 2
_ROW = "file_row_number"
_SMALL = 20_000


@dataclass(frozen=True)
class Duplicates:
    """``keys`` occur more than once, in ``rows`` rows altogether. Of them, ``conflicting_keys`` (in
    ``conflicting_rows`` rows) have rows that differ in a column other than ``observed_at``. ``samples`` are up to three
    of the keys, the conflicting ones first."""

    keys: int = 0
    rows: int = 0
    conflicting_keys: int = 0
    conflicting_rows: int = 0
    samples: tuple[tuple[Any, ...], ...] = ()

    @property
    def surplus(self) -> int:
        """Rows beyond one for each key."""
        return self.rows - self.keys

    @property
    def identical(self) -> bool:
        """Whether the rows of each key are the same, so that dropping the repeats loses nothing."""
        return self.conflicting_keys == 0

    def __bool__(self) -> bool:
        return self.keys > 0

    def __add__(self, other: "Duplicates") -> "Duplicates":
        return Duplicates(
            self.keys + other.keys,
            self.rows + other.rows,
            self.conflicting_keys + other.conflicting_keys,
            self.conflicting_rows + other.conflicting_rows,
            (self.samples + other.samples)[:SAMPLES],
        )


def find_duplicates(file: Path, key: Sequence[str], columns: Sequence[str]) -> tuple[Duplicates, Any]:
    """Keys (nulls equal nulls) that more than one row of the file has, and the rows that could go: the numbers (from 0,
    ascending, a NumPy array) of rows that an earlier row already says in every column but ``observed_at``."""
    if _plainly_unique(file, key):
        return Duplicates(), np.empty(0, dtype=np.int64)
    with _suspects(file, key) as connection:
        if connection is None:
            return Duplicates(), np.empty(0, dtype=np.int64)
        said = names(column for column in columns if column in key or column != IGNORED)
        connection.execute(
            f"CREATE TEMP TABLE versions AS SELECT {names(key)}, min({_ROW}) AS {_ROW}, count(*) AS times "
            f"FROM suspects GROUP BY {said}"
        )
        connection.execute(
            f"CREATE TEMP TABLE repeated AS SELECT {names(key)}, sum(times)::BIGINT AS times, count(*) AS versions "
            f"FROM versions GROUP BY {names(key)} HAVING sum(times) > 1"
        )
        counts = connection.execute(
            "SELECT count(*), coalesce(sum(times), 0)::BIGINT, count(*) FILTER (versions > 1), "
            "coalesce(sum(times) FILTER (versions > 1), 0)::BIGINT FROM repeated"
        ).fetchall()[0]
        samples = connection.execute(
            f"SELECT {names(key)} FROM repeated ORDER BY versions > 1 DESC, {names(key)} LIMIT {SAMPLES}"
        ).fetchall()
        repeats = connection.execute(
            f"SELECT {_ROW} FROM suspects ANTI JOIN versions USING ({_ROW}) ORDER BY {_ROW}"
        ).fetchnumpy()[_ROW]
    keys, rows, conflicting_keys, conflicting_rows = counts
    return Duplicates(keys, rows, conflicting_keys, conflicting_rows, tuple(samples)), repeats


def _plainly_unique(file: Path, key: Sequence[str]) -> bool:
    """Whether a small file has no key twice. Starting DuckDB takes 20 ms, and the first refresh of an event table has
    180 files of a few rows."""
    with pq.ParquetFile(file) as parquet:
        if parquet.metadata.num_rows > _SMALL:
            return False
        keys = parquet.read(columns=list(key))
    return keys.group_by(list(key), use_threads=False).aggregate([]).num_rows == keys.num_rows


@contextmanager
def _suspects(file: Path, key: Sequence[str]) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """A connection with the view ``suspects``: the rows whose key has the hash of another row's. None without any.

    Hashes first, because 8 bytes a row fit in memory where the keys do not; equal keys have equal hashes, so nothing is
    missed, and the keys themselves are compared afterwards.
    """
    with (
        tempfile.TemporaryDirectory(prefix="defender-assets-") as spill,
        duckdb.connect(
            ":memory:",
            config={
                "memory_limit": _MEMORY,
                "threads": _THREADS,
                "temp_directory": spill,
                "preserve_insertion_order": False,
            },
        ) as connection,
    ):
        rows = f"read_parquet({text(str(file))}, {_ROW} = true, hive_partitioning = false)"
        hashed = f"hash({', '.join(quoted(column) for column in key)})"
        connection.execute(
            f"CREATE TEMP TABLE shared AS SELECT {hashed} AS hashed FROM {rows} GROUP BY hashed HAVING count(*) > 1"
        )
        if connection.execute("SELECT count(*) FROM shared").fetchall()[0][0] == 0:
            yield None
            return
        connection.execute(
            f"CREATE TEMP VIEW suspects AS SELECT * FROM {rows} WHERE {hashed} IN (SELECT hashed FROM shared)"
        )
        yield connection
