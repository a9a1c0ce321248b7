"""The expressions of a SELECT that DuckDB computes and stores before the rest.

DuckDB keeps what every part of a SELECT gathers, such as the hash tables of joins, until the whole is computed, and can
write only some of it to disk. An expression that is ``AS MATERIALIZED`` in an SQL file has the memory for itself: it is
a statement of its own, and its rows wait in a table that can be written to disk.

Here: the SQL of these statements. Not here: running them (``duckdb_engine.py``), and Spark's steps (``spark_sql.py``).
"""

import re
from dataclasses import dataclass

_MATERIALIZED = re.compile(r"^(\w+) AS MATERIALIZED \($.*?^\)", re.MULTILINE | re.DOTALL)
"""A common table expression as the SQL files write it: its closing bracket is the first that begins a line."""


@dataclass(frozen=True)
class StoredExpression:
    """A SELECT whose rows what follows reads from the table ``table``."""

    table: str
    sql: str


def stored_expressions(sql: str) -> tuple[list[StoredExpression], str]:
    """The expressions to be stored, in their order, and the SELECT that reads them."""
    stored: list[StoredExpression] = []
    while match := _MATERIALIZED.search(sql):
        name, table = match[1], f"stored_{match[1]}"
        stored.append(StoredExpression(table, f"{sql[: match.end()]}\nSELECT * FROM {name}"))
        sql = f"{sql[: match.start()]}{name} AS (SELECT * FROM {table}){sql[match.end() :]}"
    return stored, sql
