"""Inputs as relations: whatever holds a table's rows becomes a view in the catalog's columns and types.

Here: Parquet paths and URLs, Arrow tables and datasets, and tables that are absent. Not here: what is computed from
them (``engine.py``).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.dataset as ds

from ..catalog import DATASETS
from ..catalog.derived import DERIVED
from ..catalog.reference import REFERENCE
from ..catalog.table import Table

Input: TypeAlias = str | Path | Sequence[str | Path] | pa.Table | ds.Dataset | None
"""A table's rows: Parquet files (paths, folders, globs, fsspec URLs), an Arrow table or dataset, or None if absent."""

Inputs = Mapping[str, Input]

KNOWN: dict[str, Table] = {**DATASETS, **REFERENCE, **DERIVED}
"""Every table that can be an input."""


def sql_name(name: str) -> str:
    """A name, quoted."""
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def sql_type(arrow: pa.DataType) -> str:
    """The DuckDB type of a catalog column."""
    if pa.types.is_list(arrow):
        return f"{sql_type(arrow.value_type)}[]"
    if pa.types.is_struct(arrow):
        return f"STRUCT({', '.join(f'{sql_name(field.name)} {sql_type(field.type)}' for field in arrow)})"
    if pa.types.is_timestamp(arrow):
        return "TIMESTAMP WITH TIME ZONE"
    return {"string": "VARCHAR", "int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN"}[str(arrow)]


def is_absent(source: Input) -> bool:
    """No rows can come from it: None, or no files at all."""
    return source is None or (isinstance(source, list | tuple) and not source)


def _files(source: str | Path | Sequence[str | Path]) -> list[str]:
    paths = [source] if isinstance(source, str | Path) else list(source)
    return [str(Path(path) / "*.parquet") if _is_folder(path) else str(path) for path in paths]


def _is_folder(path: str | Path) -> bool:
    return "://" not in str(path) and Path(path).is_dir()


def _relation(connection: duckdb.DuckDBPyConnection, name: str, source: Input) -> str:
    """SQL of the raw relation behind an input that is there."""
    if isinstance(source, pa.Table | ds.Dataset):
        connection.register(f"_input_{name}", source)
        return sql_name(f"_input_{name}")
    assert source is not None
    files = _files(source)
    for scheme in {path.partition("://")[0] for path in files if "://" in path} - {"file"}:
        if not connection.filesystem_is_registered(scheme):
            connection.register_filesystem(fsspec.filesystem(scheme))
    listed = ", ".join(_literal(path) for path in files)
    # Files of several days may differ in their columns: union by name. Folder names are no columns.
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"


def create_view(connection: duckdb.DuckDBPyConnection, name: str, source: Input) -> None:
    """A view ``name`` with exactly the catalog's columns and types; columns that the source lacks are null.

    Raises duckdb.Error when the source cannot be read or a value cannot be converted.
    """
    columns = KNOWN[name].all_columns
    if is_absent(source):
        selected = ", ".join(f"CAST(NULL AS {sql_type(column.arrow)}) AS {sql_name(column.name)}" for column in columns)
        connection.execute(f"CREATE VIEW {sql_name(name)} AS SELECT {selected} WHERE FALSE")
        return
    relation = _relation(connection, name, source)
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    types: dict[str, str] = {row[0]: row[1] for row in described}
    expressions = []
    for column in columns:
        wanted = sql_type(column.arrow)
        value = sql_name(column.name) if column.name in types else "NULL"
        if types.get(column.name) != wanted:
            value = f"CAST({value} AS {wanted})"
        expressions.append(f"{value} AS {sql_name(column.name)}")
    connection.execute(f"CREATE VIEW {sql_name(name)} AS SELECT {', '.join(expressions)} FROM {relation}")
