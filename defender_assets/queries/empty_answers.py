"""Why an answer may have no rows although the question was right: the usual causes.

Here: looking for them after an answer of no rows, or of one row that counts nothing. Not here: errors
(``statements.py``), misspelled tags of a scope (``scoped_views.py``).
"""

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pyarrow as pa

from ..lake import Lake
from ..scope import WHOLE_TENANT, FleetScope
from ..spelling import is_meant, near_names
from ..sql import DuckDBConnection, identifier
from .parse_tree import nodes, tree
from .statements import resolved_question, tables_named
from .views import HISTORY, connect

_MOST_LOOKS = 8
"""Values and columns of one question that are looked up."""
_MOST_VALUES = 500
"""Different values of a column among which one that is spelled alike is looked for."""
_FEW = 12
"""So many values are told, all of them."""
_EQUALITIES = {"COMPARE_EQUAL", "COMPARE_NOT_DISTINCT_FROM", "COMPARE_IN"}
_MEMBERSHIPS = {"list_contains", "list_has", "array_contains", "array_has"}
_PATTERNS = {"~~", "like_escape"}
"""LIKE, without and with ESCAPE. ILIKE finds a text in any case."""
_NEGATION = "OPERATOR_NOT"
_NOW = re.compile(r"\b(now\s*\(\)|today\s*\(\)|current_date|current_timestamp|get_current_timestamp)", re.IGNORECASE)


@dataclass(frozen=True)
class _Looked:
    """A text that the question compares with a column. ``by_pattern``: with LIKE."""

    column: str
    text: str
    by_pattern: bool


def with_emptiness(result: pa.RecordBatchReader) -> tuple[pa.RecordBatchReader, bool]:
    """The same result, and whether it says nothing: no row, or one row of zeros and nulls."""
    first: list[pa.RecordBatch] = []
    for batch in result:
        first.append(batch)
        if sum(read.num_rows for read in first) > 1:
            break
    rows = [row for batch in first for row in batch.slice(0, 2).to_pylist()]
    says_nothing = not rows or (len(rows) == 1 and all(value in (0, None) for value in rows[0].values()))
    return pa.RecordBatchReader.from_batches(result.schema, chain(first, result)), says_nothing


def usual_causes(
    lake: Lake, sql: str, scope: FleetScope = WHOLE_TENANT, parameters: Mapping[str, str] | None = None
) -> list[str]:
    """Sentences about why a SELECT that was answered says nothing: an empty table, a value in another case or spelling,
    a column that is null everywhere, an old snapshot, the scope. Empty where none is found. Raises LakeError."""
    sql, given = resolved_question(sql, parameters)
    tables = sorted(tables_named(lake, sql) or ())
    causes = [] if not scope else [f"The query was limited to a part of the tenant: {scope}."]
    with connect(lake, {table.removesuffix(HISTORY) for table in tables}, scope=scope) as connection:
        views = {name: columns for name, columns in _columns(connection).items() if name in _current(tables)}
        filled = []
        for table in views:
            if connection.execute(f"SELECT 1 FROM {identifier(table)} LIMIT 1").fetchall():
                filled.append(table)
            else:
                causes.append(f"{table} has no rows.")
        parsed = tree(sql)
        for looked in list(dict.fromkeys(_looked_for(parsed, given)))[:_MOST_LOOKS]:
            tables_with = [table for table in filled if looked.column in views[table]]
            causes += [
                cause for table in tables_with if (cause := _about_value(connection, table, views[table], looked))
            ]
        for column in list(dict.fromkeys(_columns_compared(parsed)))[:_MOST_LOOKS]:
            for table in filled:
                if column in views[table] and not _has_values(connection, table, column):
                    causes.append(f"{column} is null in every row of {table}: not known.")
    if _NOW.search(sql):
        today = datetime.datetime.now(datetime.UTC).date()
        newest = {table: day for table in _current(tables) if (day := lake.newest(table)) is not None}
        causes += [f"The newest snapshot of {table} is of {day}." for table, day in newest.items() if day < today]
    return causes


def _current(tables: list[str]) -> list[str]:
    return list(dict.fromkeys(table.removesuffix(HISTORY) for table in tables))


def _columns(connection: DuckDBConnection) -> dict[str, dict[str, str]]:
    """View -> column -> type."""
    found: dict[str, dict[str, str]] = {}
    rows = connection.execute("SELECT table_name, column_name, data_type FROM duckdb_columns()").fetchall()
    for table, column, data_type in rows:
        found.setdefault(table, {})[column] = data_type
    return found


def _has_values(connection: DuckDBConnection, table: str, column: str) -> bool:
    sql = f"SELECT 1 FROM {identifier(table)} WHERE {identifier(column)} IS NOT NULL LIMIT 1"
    return bool(connection.execute(sql).fetchall())


def _looked_for(parsed: Any, parameters: Mapping[str, str]) -> Iterator[_Looked]:
    """Every text that a column has to be for a row to come: =, IN, list_contains, LIKE. Texts beside a column in other
    functions (date_trunc, coalesce), in other comparisons, and in what is negated, explain no missing row."""
    for node in _not_negated(parsed):
        by_pattern = node.get("function_name") in _PATTERNS
        operands = _operands(node)
        columns = [part["column_names"][-1] for part in operands if part.get("class") == "COLUMN_REF"]
        for column in columns:
            for part in operands:
                if (text := _text(part, parameters)) is not None:
                    yield _Looked(column, text, by_pattern)


def _not_negated(part: Any) -> Iterator[dict[str, Any]]:
    """Every node of a tree but those below a NOT."""
    if isinstance(part, dict):
        if part.get("type") == _NEGATION:
            return
        yield part
    if isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _not_negated(inner)


def _operands(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What an equality, a membership or a LIKE compares; nothing of any other node."""
    parts: list[Any] = []
    if node.get("type") == "SUBQUERY" and node.get("comparison_type") in _EQUALITIES:
        # 'VIP' = ANY (machine_tags) is a subquery over the list.
        chosen = nodes(node["subquery"]["node"].get("select_list"))
        parts = [node.get("child"), *(inner for inner in chosen if inner.get("class") == "COLUMN_REF")]
    elif node.get("type") in _EQUALITIES:
        parts = [node.get("left"), node.get("right"), *(node.get("children") or [])]
    elif node.get("function_name") in _MEMBERSHIPS | _PATTERNS:
        # The third of a LIKE is its ESCAPE.
        parts = [argument.get("expression") for argument in node.get("arguments") or []][:2]
    return [part for part in parts if isinstance(part, dict)]


def _text(part: Mapping[str, Any], parameters: Mapping[str, str]) -> str | None:
    if part.get("class") == "PARAMETER":
        return parameters.get(str(part.get("identifier")))
    literal = part.get("literal")
    is_text = part.get("class") == "CONSTANT" and isinstance(literal, dict) and literal.get("kind") == "STRING"
    return str(literal["text"]) if is_text and literal is not None else None


def _columns_compared(parsed: Any) -> Iterator[str]:
    for node in nodes(parsed):
        for part in nodes(node.get("where_clause")):
            if part.get("class") == "COLUMN_REF":
                yield part["column_names"][-1]


def _about_value(connection: DuckDBConnection, table: str, types: Mapping[str, str], looked: _Looked) -> str | None:
    column = identifier(looked.column)
    is_list = types[looked.column].endswith("[]")
    values = f"SELECT CAST({f'unnest({column})' if is_list else column} AS VARCHAR) AS value FROM {identifier(table)}"

    def some(condition: str, text: str) -> list[str]:
        sql = f"SELECT DISTINCT value FROM ({values}) WHERE {condition} ORDER BY value LIMIT {_FEW + 1}"
        return [value for (value,) in connection.execute(sql, [text]).fetchall()]

    told = f"{looked.column} of {table}"
    if looked.by_pattern:
        if some("value LIKE ?", looked.text) or not (near := some("value ILIKE ?", looked.text)):
            return None
        return f"{told} is spelled in another case: {_list(near)}. LIKE is case-sensitive, ILIKE is not."
    if some("value = ?", looked.text):
        return None
    if near := some("lower(trim(value)) = lower(trim(?))", looked.text):
        return f"{told} is never {looked.text!r}, but there is {_list(near)}."
    known = [
        value
        for (value,) in connection.execute(
            f"SELECT DISTINCT value FROM ({values}) WHERE value IS NOT NULL ORDER BY value LIMIT {_MOST_VALUES}"
        ).fetchall()
    ]
    if not known:
        return None
    if near := near_names(looked.text, known):
        return f"{told} is never {looked.text!r}; {is_meant(list(map(repr, near)))}"
    if len(known) <= _FEW:
        return f"{told} is never {looked.text!r}; there are {_list(known)}."
    return f"{told} is never {looked.text!r}."


def _list(values: list[str]) -> str:
    shown = ", ".join(map(repr, values[:_FEW]))
    return shown if len(values) <= _FEW else f"{shown}, …"
