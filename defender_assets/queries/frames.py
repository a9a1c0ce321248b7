"""Answers and snapshots as pandas DataFrames, for notebooks.

Here: a table's newest snapshot, some of its days, all of them, and types that keep their gaps. Not here: the functions
that notebooks call (``defender_assets``), running SQL (``statements.py``).
"""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from ..catalog import TABLES
from ..lake import Lake, LakeError, NoSnapshot
from ..lake.layout import DAY
from ..spelling import did_you_mean, is_meant
from ..sql import identifier, identifiers
from .errors import QueryError
from .statements import query
from .suggestions import near_columns
from .views import DEVICE_ID, HISTORY, device_column

if TYPE_CHECKING:
    import pandas as pd


def frame(rows: pa.Table) -> "pd.DataFrame":
    """The rows as a DataFrame. Whole numbers and truth values are pandas' nullable ``Int64`` and ``boolean``, times are
    aware (UTC), days are ``datetime64``; nested values are arrays and dicts. A sum of whole numbers, which DuckDB gives
    as a decimal of 38 digits, is a whole number where it fits."""
    import pandas as pd

    nullable = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}
    for number, field in enumerate(rows.schema):
        if pa.types.is_decimal(field.type) and field.type.scale == 0:
            try:
                whole = rows.column(number).cast(pa.int64())
            except pa.ArrowInvalid:
                continue
            rows = rows.set_column(number, field.name, whole)
    found: pd.DataFrame = rows.to_pandas(types_mapper=nullable.get, integer_object_nulls=True, date_as_object=False)
    return found


def read_frame(
    lake: Lake,
    table: str,
    day: date | None = None,
    columns: Sequence[str] | None = None,
    days: int | None = None,
) -> "pd.DataFrame":
    """A snapshot of a table: of ``day``, or what there is. With ``days``: the snapshots of so many days up to ``day``,
    or up to the newest, each row with ``tenant`` and ``snapshot_date``. ``TABLE_history``: those of all days.

    Raises QueryError for a number of days below one; NoSnapshot and LakeError, which name the tables and columns that
    are spelled like unknown ones.
    """
    known = lake.table_names()
    is_history = table.endswith(HISTORY) and table not in known
    name = table.removesuffix(HISTORY) if is_history else table
    if name not in known and name not in TABLES:
        hint = did_you_mean(name, {*known, *TABLES}) or "tables() has them."
        raise NoSnapshot(f"There is no table {name}; {hint}")
    if days is not None and days < 1:
        raise QueryError(f"days={days}: it is a number of days, 1 or more.")
    if days is None and not is_history:
        return frame(_snapshot(lake, name, day, columns))
    last = day or (lake.newest(name) if days is not None else None)
    first = day if days is None or last is None else last - timedelta(days=days - 1)
    chosen = lake.dates(name, first or date.min, last or date.max)
    if not chosen:
        _read(lake, name, day if days is None else None, None)  # raises NoSnapshot where there is none at all
        raise NoSnapshot(f"{name} has no snapshot from {first} to {last} in the lake at {lake.root}.")
    select = "*" if columns is None else identifiers(columns)
    sql = f"SELECT {select} FROM {identifier(name + HISTORY)} ORDER BY {DAY}"
    return frame(query(lake, sql, days=chosen).read_all())


def _snapshot(lake: Lake, table: str, day: date | None, columns: Sequence[str] | None) -> pa.Table:
    """The rows of a snapshot with the device as ``device_id``, as the views have it."""
    source = device_column(table)
    if source is None:
        return _read(lake, table, day, columns)
    if columns is None:
        rows = _read(lake, table, day, None)
        return rows.append_column(DEVICE_ID, rows[source]) if source in rows.schema.names else rows
    rows = _read(lake, table, day, list(dict.fromkeys(source if name == DEVICE_ID else name for name in columns)))
    return pa.table({name: rows[source if name == DEVICE_ID else name] for name in columns})


def _read(lake: Lake, table: str, day: date | None, columns: Collection[str] | None) -> pa.Table:
    try:
        return lake.read(table, day, None if columns is None else list(columns))
    except NoSnapshot:
        raise
    except LakeError as error:
        unknown = [name for name in columns or () if table in TABLES and name not in TABLES[table].schema.names]
        if near := [meant for name in unknown for meant in near_columns(name, TABLES[table].schema.names)]:
            missing = ", ".join(unknown)
            raise LakeError(f"{table} has no column {missing}; {is_meant(near)}") from error
        raise
