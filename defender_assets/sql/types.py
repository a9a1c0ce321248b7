"""DuckDB's types for Arrow's.

Here: the types of the catalog's columns. Not here: casts (``compliance/engine/``).
"""

import pyarrow as pa

from .text import identifier

_SCALARS = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP WITH TIME ZONE",
}


def sql_type(arrow: pa.DataType) -> str:
    """The DuckDB type that holds the same values: ``list<string>`` is ``VARCHAR[]``. Raises TypeError for a type that
    no column of the catalog has."""
    if pa.types.is_list(arrow):
        return f"{sql_type(arrow.value_type)}[]"
    if pa.types.is_struct(arrow):
        return f"STRUCT({', '.join(f'{identifier(field.name)} {sql_type(field.type)}' for field in arrow)})"
    if arrow not in _SCALARS:
        raise TypeError(f"{arrow} is not a type of the catalog's columns")
    return _SCALARS[arrow]
