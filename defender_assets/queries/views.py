"""SQL views over the lake, in a DuckDB connection that can read nothing else.

Here: ``TABLE`` (the newest snapshot; of an event table, all days), ``TABLE_history`` (all days of any table, with
``snapshot_date`` and ``tenant``), ``tenants``, one name for the device in all of them, and locking the connection. Not
here: which statements are allowed (``statements.py``), what the view ``tenants`` holds (``tenants.py``).
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import PurePath

import duckdb

from ..catalog import DATASETS, TABLES
from ..catalog.derived.fleet import FLEET_SUMMARY
from ..lake import Lake
from ..lake.layout import DAY, TENANT, PartFile, current_parts
from ..lake.storage import Storage
from ..scope import WHOLE_TENANT, FleetScope
from ..sql import DuckDBConnection, identifier, identifiers, literal, literals, open_session, sql_type
from .scoped_views import DEVICES_IN_SCOPE, devices_of, restricted_to
from .tenants import TENANTS, tenants_table

HISTORY = "_history"
DEVICE_ID = "device_id"
_STORE_THREADS = 8
"""At least so many read an object store. Each holds a row group of its own: twice as many take twice the memory."""


@contextmanager
def connect(
    lake: Lake,
    tables: Collection[str] | None = None,
    locked: bool = True,
    scope: FleetScope = WHOLE_TENANT,
    days: Collection[date] | None = None,
) -> Iterator[DuckDBConnection]:
    """A DuckDB connection (in memory, UTC) with the views ``TABLE`` and ``TABLE_history`` of every table, closed at the
    end of the block.

    ``tables`` limits it to the views of these names; names that the lake does not have are ignored. A lake of one
    tenant shows that tenant's rows, a lake of all tenants those of each. Reading a view over a damaged file is an
    error that names the file. A locked connection can open the files of its views and nothing else, cannot load an
    extension, and cannot be unlocked. ``scope``: the views show a part of the tenant (``scoped_views.py``).
    ``days``: the views show these days, and no file of another is opened. Raises LakeError where the lake cannot be
    read, and QueryError where it has no such part.
    """
    with open_session() as connection:
        # Creating a view reads the footers of its files, and so would each reading of the view. Not for all tables at
        # once, of which few are read: the footers of a year are half a gigabyte.
        connection.execute(f"SET parquet_metadata_cache = {str(tables is not None).lower()}")
        lake.register(connection)
        if lake.storage.filesystem is not None:
            # Threads that read an object store wait for it most of the time.
            ((cores,),) = connection.execute("SELECT current_setting('threads')").fetchall()
            connection.execute(f"SET threads = {max(cores, _STORE_THREADS)}")
        if scope.chooses_devices:
            connection.register("machines_in_scope", devices_of(lake, scope))
            connection.execute(f"CREATE TABLE {DEVICES_IN_SCOPE} AS SELECT id FROM machines_in_scope")
            connection.unregister("machines_in_scope")
        shown: list[PartFile] = []
        for table in lake.table_names():
            wanted = {table, table + HISTORY} if tables is None else {table, table + HISTORY} & set(tables)
            if not wanted:
                continue
            if days is not None:
                parts = [part for part in lake.parts(table, min(days), max(days)) if part.date in days]
            else:
                parts = lake.current_parts(table) if wanted == {table} else lake.parts(table)
            if not parts:
                continue
            shown += parts
            lake.storage.fetch_together(parts)
            if table in wanted:
                _create(connection, lake, table, _current_view(lake, current_parts(table, parts)), parts, scope)
            # A table whose own name ends in _history keeps it.
            if table + HISTORY in wanted and table + HISTORY not in lake.table_names():
                _create(connection, lake, table + HISTORY, _history_view(lake, parts), parts, scope)
        if views_beside(lake) and (tables is None or TENANTS in tables):
            _create_tenants(connection, lake, scope)
        if locked:
            _lock(connection, lake.storage, shown)
        yield connection


def _current_view(lake: Lake, parts: Sequence[PartFile]) -> str:
    """For one tenant, the table's own columns; for several, also ``tenant`` and ``snapshot_date``."""
    return _select(lake, parts, with_folders=lake.tenant is None)


def _history_view(lake: Lake, parts: Sequence[PartFile]) -> str:
    return _select(lake, parts, with_folders=True)


def _select(lake: Lake, parts: Sequence[PartFile], with_folders: bool) -> str:
    files = literals(lake.storage.address(part.path) for part in parts)
    if not with_folders:
        return f"SELECT * FROM read_parquet({files}, union_by_name = true, hive_partitioning = false)"
    # Folders of the form key=value above the lake would become columns too.
    keys = {key.lower() for folder in PurePath(lake.root).parts if (key := folder.partition("=")[0]) != folder}
    foreign = sorted(keys - {TENANT, DAY})
    exclude = f" EXCLUDE ({identifiers(foreign)})" if foreign else ""
    return (
        f"SELECT *{exclude} FROM read_parquet({files}, union_by_name = true, hive_partitioning = true, "
        f"hive_types = {{{literal(DAY)}: DATE, {literal(TENANT)}: VARCHAR}})"
    )


def _create(
    connection: DuckDBConnection, lake: Lake, view: str, select: str, parts: Sequence[PartFile], scope: FleetScope
) -> None:
    """Creates the view or, where a file is damaged, one that raises an error when it is read: creating a view reads the
    footers of its files, and one damaged table must not make the others unusable."""
    table = parts[0].table
    condition = restricted_to(table, scope) if scope else None
    where = "" if condition is None else f" WHERE {condition}"
    # Files that another program wrote may lack the service's column with the device.
    for columns in dict.fromkeys((_columns_of(table), "*")):
        try:
            connection.execute(f"CREATE VIEW {identifier(view)} AS SELECT {columns} FROM ({select}){where}")
        except duckdb.BinderException:
            continue
        except duckdb.Error as error:
            damaged = next((part for part in parts if part.path in str(error)), parts[-1])
            break
        else:
            return
    else:
        damaged = parts[-1]
    connection.execute(f"CREATE VIEW {identifier(view)} AS {_damaged_view(view, damaged, lake)}")


def views_beside(lake: Lake) -> set[str]:
    """The views that are no table's: ``tenants``, where there is what it is made of, and no table of that name."""
    tables = lake.table_names()
    if FLEET_SUMMARY.name not in tables or TENANTS in tables:
        return set()
    return {TENANTS} if lake.tenant is None or lake.newest(FLEET_SUMMARY.name) else set()


def _create_tenants(connection: DuckDBConnection, lake: Lake, scope: FleetScope) -> None:
    condition = restricted_to(FLEET_SUMMARY.name, scope) if scope else None
    table = TENANTS if condition is None else f"whole_{TENANTS}"
    connection.register("tenants_read", tenants_table(lake))
    connection.execute(f"CREATE TABLE {table} AS FROM tenants_read")
    connection.unregister("tenants_read")
    if condition is not None:
        connection.execute(f"CREATE VIEW {TENANTS} AS FROM {table} WHERE {condition}")


def _damaged_view(view: str, damaged: PartFile, lake: Lake) -> str:
    """A view that raises an error which names the file, whatever is read of it. It has the columns that the catalog
    says, so a query that names one is not told that there is no such column."""
    error = f"error({literal(str(lake.damaged(damaged)))})"
    declared = TABLES.get(damaged.table)
    types = {} if declared is None else {field.name: sql_type(field.type) for field in declared.schema}
    if device_column(damaged.table) is not None:
        types[DEVICE_ID] = "VARCHAR"
    if view != damaged.table or lake.tenant is None:
        types |= {TENANT: "VARCHAR", DAY: "DATE"}
    columns = ", ".join(f"CAST({error} AS {types[name]}) AS {identifier(name)}" for name in types) or "1 AS damaged"
    return f"SELECT {columns} FROM range(1) WHERE {error} IS NULL"


def _columns_of(table: str) -> str:
    """All columns, and the device as ``device_id`` in a last one: one name to join every table by."""
    column = device_column(table)
    return "*" if column is None else f"*, {identifier(column)} AS {DEVICE_ID}"


def device_column(table: str) -> str | None:
    """What the service calls the device in its table, where that is not ``device_id``; None elsewhere."""
    dataset = DATASETS.get(table)
    column = dataset.device_column if dataset is not None else None
    return None if column == DEVICE_ID else column


def _lock(connection: DuckDBConnection, storage: Storage, parts: Sequence[PartFile]) -> None:
    spellings = {spelling for part in parts for spelling in storage.address_spellings(part.path)}
    connection.execute(f"SET allowed_paths = {literals(sorted(spellings))}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
