"""What rows hold, as 128 bits a row: equal rows have equal hashes, however and wherever they were read.

Here: hashing rows of Arrow tables with DuckDB. Not here: what is compared with what (``refresh/contents.py``).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..sanitize import brief
from .errors import SqlError
from .session import open_session
from .text import identifier

Hashes: TypeAlias = npt.NDArray[np.uint64]
"""One line for each row, in the order of the rows: the lower and the upper half of its hash."""
_MEMORY = "512MB"
_THREADS = 2
_PIECE_BYTES = 8 * 1024 * 1024


@contextmanager
def row_hasher(schema: pa.Schema, columns: Sequence[str]) -> Iterator[Callable[[pa.Table], Hashes]]:
    """A function that hashes the rows of tables in ``schema`` by these columns.

    A row is hashed as JSON text, so nested columns count with all that they hold, null is not the empty text or list,
    and neither batches nor encodings matter. The order of the items in a list does not count either, because the
    service documents none. Raises SqlError.
    """
    members = ", ".join(f"{identifier(name)} := {_unordered(schema.field(name))}" for name in columns)
    text = f"to_json(struct_pack({members}))::VARCHAR"
    query = f"SELECT md5_number_lower({text}) AS low, md5_number_upper({text}) AS high FROM hashed_rows"
    with open_session(memory_limit=_MEMORY, threads=_THREADS) as connection:

        def of_piece(rows: pa.Table) -> Hashes:
            try:
                connection.register("hashed_rows", rows)
                halves = connection.execute(query).fetchnumpy()
                connection.unregister("hashed_rows")
            except (duckdb.Error, OSError) as error:
                raise SqlError(brief(error)) from error
            return np.stack([np.asarray(halves["low"], np.uint64), np.asarray(halves["high"], np.uint64)], axis=1)

        yield lambda rows: np.concatenate([of_piece(piece) for piece in _pieces(rows.select(list(columns)))])


def _pieces(rows: pa.Table) -> Iterator[pa.Table]:
    """The rows in pieces whose texts fit in the memory several times over, or of a single row."""
    if rows.num_rows <= 1 or rows.nbytes <= _PIECE_BYTES:
        yield rows
        return
    half = rows.num_rows // 2
    yield from _pieces(rows.slice(0, half))
    yield from _pieces(rows.slice(half))


def _unordered(field: pa.Field) -> str:
    name = identifier(field.name)
    return f"list_sort({name})" if pa.types.is_list(field.type) else name
