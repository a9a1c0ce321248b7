"""Which columns of its inputs each column of a derived table is made from, as far as the values go: what joins,
conditions and EXISTS decide is not followed.

Here: reading what was found when the SQL was last looked through. Not here: looking it through, which takes a SQL
parser and a minute (``make snapshot``).
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ..catalog import DERIVED, TABLES
from .sql_files import table_sql

LINEAGE_FILE = "lineage.json"

Origins = Mapping[str, tuple[tuple[str, str], ...]]
"""Column -> the columns it is made from, each as (table, column)."""


def column_origins(table: str) -> Origins:
    """The origins of a derived table's columns; of a column that only counts rows, or comes from the policy, none.
    Empty for a table whose SQL has changed since it was looked through: what was true then may not be now."""
    found = _looked_through(table)
    if found is None:
        return {}
    return {
        column: tuple((origin, name) for origin, name in origins)
        for column, origins in found["columns"].items()
        if column in DERIVED[table].schema.names
    }


def copied_columns(table: str) -> frozenset[str]:
    """The columns of a derived table that hold the value of an input's column as it is; none where the SQL has changed
    since."""
    found = _looked_through(table)
    return frozenset(found["copied"] if found else ())


def sql_digest(table: str) -> str:
    """Of a table's SQL and of the columns that it and its inputs are declared with."""
    derived = DERIVED[table]
    inputs = (TABLES[name].schema.names for name in (*derived.inputs, *derived.optional_inputs))
    told = json.dumps([table_sql(table), derived.schema.names, *inputs])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _looked_through(table: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = _found().get(table)
    return found if found is not None and found["digest"] == sql_digest(table) else None


@cache
def _found() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files(__package__).joinpath(LINEAGE_FILE).read_text(encoding="utf-8"))
    return found
