"""Opening DuckDB: the one place that does, so that every connection has limits and leaves nothing behind.

Here: a connection in memory and its folder for what does not fit. Not here: what is asked of it, and where the limits
come from (the caller says).
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import duckdb

Connection: TypeAlias = "duckdb.DuckDBPyConnection"
"""An open DuckDB, for annotations in rooms that do not import DuckDB. A string, because DuckDB may print warnings about
references to its class when the interpreter exits."""


@contextmanager
def open_session(
    *,
    memory_limit: str | None = None,
    threads: int | None = None,
    temp_folder: str | os.PathLike[str] | None = None,
    ordered: bool = True,
) -> Iterator[Connection]:
    """A DuckDB in memory, closed at the end of the block.

    ``memory_limit`` (``"2GB"``) and ``threads`` are DuckDB's own defaults where they are None: 80 % of the machine's
    memory and all its cores. What does not fit is spilled to a folder in ``temp_folder`` (the system's where it is
    None) that its owner alone can read and that is gone afterwards. ``ordered=False`` lets rows without an ORDER BY
    come in any order, which takes less memory. Times are shown in UTC, no extension is fetched or loaded by itself, and
    Python variables are not taken for tables. Raises OSError where the folder cannot be made, duckdb.Error for a limit
    that DuckDB does not understand.
    """
    with tempfile.TemporaryDirectory(prefix="defender-assets-", dir=temp_folder) as spill:
        config: dict[str, str | bool | int | float | list[str]] = {
            "temp_directory": spill,
            "preserve_insertion_order": ordered,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        }
        if memory_limit is not None:
            config["memory_limit"] = memory_limit
        if threads is not None:
            config["threads"] = threads
        with duckdb.connect(":memory:", config=config) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
