"""Opening DuckDB, in one place, so that every connection is configured alike and leaves no files.

Here: a connection in memory, and the folder to which it spills. Not here: any SQL, and the limits, which are settings
(``compliance/engine/``), constants (``duplicates.py``) or left to DuckDB (``queries/``).
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import duckdb

DuckDBConnection: TypeAlias = "duckdb.DuckDBPyConnection"
"""An open DuckDB, for annotations in rooms that do not import DuckDB. A string, because DuckDB may print warnings about
references to its class when the interpreter exits."""


@contextmanager
def open_session(
    *,
    memory_limit: str | None = None,
    threads: int | None = None,
    temp_folder: str | os.PathLike[str] | None = None,
    ordered: bool = True,
) -> Iterator[DuckDBConnection]:
    """A DuckDB database in memory, closed at the end of the block.

    ``memory_limit`` (such as ``"2GB"``) and ``threads`` are by default those of DuckDB: 80 % of the machine's memory,
    and all its cores. What exceeds the memory goes to a new folder in ``temp_folder`` (by default the system's), which
    only its owner can read and which is removed at the end. ``ordered=False`` allows any order of rows without ORDER
    BY, which takes less memory.

    The time zone is UTC. No extension is installed or loaded automatically, and Python variables are no tables. Raises
    OSError where the folder cannot be created, and duckdb.Error for a limit that DuckDB does not understand.
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
