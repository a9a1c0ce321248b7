"""SQL views over the lake, in a DuckDB connection that can reach nothing else.

Here: ``TABLE`` (the newest snapshot) and ``TABLE_history`` (all, with ``snapshot_date`` and ``tenant``), and the lock.
Not here: which statements are allowed (``query.py``).
"""

import tempfile
from collections.abc import Collection, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING
from uuid import uuid4

import duckdb

from ..lake.lake import Lake, newest_parts, unreadable
from ..lake.layout import DAY, TENANT, Part
from ..sql.text import names, quoted, text, texts

if TYPE_CHECKING:
    from ..lake.storage import Storage

HISTORY = "_history"


def connect(lake: Lake, tables: Collection[str] | None = None, locked: bool = True) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection (in memory, UTC) with two views for each table, or for each of ``tables``: all that may be
    named, with or without ``_history``; those that the lake does not have are passed over.

    With a lake of one tenant the views show that tenant; with all, each tenant's newest. A view over a damaged file
    says so when it is read. Locked, the connection can open the files of those views and nothing else, load no
    extension, and not be unlocked.
    """
    connection = duckdb.connect(":memory:", config={"python_enable_replacements": False})
    try:
        lake.register(connection)
        connection.execute("SET TimeZone = 'UTC'")
        # The default is a folder .tmp where the user happens to be. DuckDB makes it, and removes it, when it needs it.
        connection.execute(f"SET temp_directory = {text(str(_spill_folder()))}")
        readable: list[Part] = []
        for table in lake.table_names():
            wanted = {table, table + HISTORY} if tables is None else {table, table + HISTORY} & set(tables)
            parts = lake.parts(table) if wanted else []
            if not parts:
                continue
            readable += parts
            if table in wanted:
                _create(connection, lake, table, _newest_view(lake, newest_parts(parts)), parts)
            # A table whose own name ends in _history keeps it.
            if table + HISTORY in wanted and table + HISTORY not in lake.table_names():
                _create(connection, lake, table + HISTORY, _history_view(lake, parts), parts)
        if locked:
            _lock(connection, lake.storage, readable)
    except BaseException:
        connection.close()
        raise
    return connection


def _spill_folder() -> PurePath:
    return PurePath(tempfile.gettempdir()) / f"defender-assets-{uuid4().hex}"


def _newest_view(lake: Lake, parts: Sequence[Part]) -> str:
    """Of one tenant just the table's columns; of several, also whose row it is and of which day."""
    return _select(lake, parts, with_folders=lake.tenant is None)


def _history_view(lake: Lake, parts: Sequence[Part]) -> str:
    return _select(lake, parts, with_folders=True)


def _select(lake: Lake, parts: Sequence[Part], with_folders: bool) -> str:
    files = texts(lake.storage.address(part.path) for part in parts)
    if not with_folders:
        return f"SELECT * FROM read_parquet({files}, union_by_name = true, hive_partitioning = false)"
    # Folders of the form key=value above the lake would become columns too.
    above = {key.lower() for piece in PurePath(lake.root).parts if (key := piece.partition("=")[0]) != piece}
    foreign = sorted(above - {TENANT, DAY})
    exclude = f" EXCLUDE ({names(foreign)})" if foreign else ""
    return (
        f"SELECT *{exclude} FROM read_parquet({files}, union_by_name = true, hive_partitioning = true, "
        f"hive_types = {{{text(DAY)}: DATE, {text(TENANT)}: VARCHAR}})"
    )


def _create(connection: duckdb.DuckDBPyConnection, lake: Lake, view: str, select: str, parts: Sequence[Part]) -> None:
    """Creating a view reads the footers of its files, so damage shows here; it is told when the view is read, because
    one damaged table must not keep people from the others."""
    try:
        connection.execute(f"CREATE VIEW {quoted(view)} AS {select}")
    except duckdb.Error as error:
        said = str(error)
        damaged = next((part for part in parts if part.path in said), parts[-1])
        sentence = unreadable(damaged, lake.storage.address(damaged.path))
        connection.execute(
            f"CREATE VIEW {quoted(view)} AS SELECT 1 AS damaged FROM range(1) WHERE error({text(sentence)}) IS NULL"
        )


def _lock(connection: duckdb.DuckDBPyConnection, storage: "Storage", parts: Sequence[Part]) -> None:
    spellings = {spelling for part in parts for spelling in storage.known_as(part.path)}
    connection.execute(f"SET allowed_paths = {texts(sorted(spellings))}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
