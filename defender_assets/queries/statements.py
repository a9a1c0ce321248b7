"""Running one read-only SQL statement over the lake.

Here: which statements are allowed. Not here: the views (``views.py``), DuckDB's errors in one sentence
(``explained_errors.py``), output formats (``formats.py``).

The connection can read the lake's files and nothing else. Checking the statement is the second line of defence, and the
one whose refusals explain themselves.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from ..lake import Lake
from ..scope import WHOLE_TENANT, FleetScope
from ..sql import DuckDBConnection
from .errors import QueryError
from .explained_errors import explained_error, with_advice
from .interruption import ended_by_ctrl_c
from .parse_tree import table_names
from .questions import asked_question
from .views import HISTORY, connect, views_beside

_BATCH_ROWS = 10_000
"""Rows of a batch of the result."""

_FIRST_WORDS_OF_PIVOTS = {"select", "with", "from", "pivot", "unpivot"}
_KQL = re.compile(r"\s*\w+\s*\|\s*(where|project|summarize|take|extend|join|distinct|count|top|sort|order)\b", re.I)
_ERRORS = (duckdb.Error, pa.ArrowException, OSError)
"""What DuckDB raises: its own errors, and OSError where a later batch of a result fails."""


def query(
    lake: Lake,
    sql: str,
    scope: FleetScope = WHOLE_TENANT,
    parameters: Mapping[str, str] | None = None,
    days: Collection[date] | None = None,
) -> pa.RecordBatchReader:
    """Runs one read-only statement over the views ``TABLE`` and ``TABLE_history``, and returns a stream of its rows.

    ``sql`` is a SELECT or the name of a question with @ before it. ``parameters`` are the values, as text, of its
    ``$name``. ``scope``: the views show a part of the tenant alone; ``days``: these days alone. Only views that the
    statement names are created, because a year of days has 365 footers to read. Raises QueryError, and LakeError where
    the lake cannot be read.
    """
    sql, given = resolved_question(sql, parameters)
    check_reads_only(sql)
    named = tables_named(lake, sql)
    views = connect(lake, named, scope=scope, days=days)
    result = _result(lake, sql, views, given, named)
    schema = next(result)
    return pa.RecordBatchReader.from_batches(schema, result)


def resolved_question(sql: str, parameters: Mapping[str, str] | None) -> tuple[str, dict[str, str]]:
    """The SQL, and the values of its parameters; of the name of a question (@silent-devices), those of the question."""
    given = dict(parameters or {})
    asked = asked_question(sql)
    return (sql, given) if asked is None else (asked.sql, asked.values(given))


def split_statements(text: str) -> list[str]:
    """The statements of a text that has several, in its order. Raises QueryError for a text that is no SQL."""
    try:
        return [statement.query for statement in duckdb.extract_statements(text)]
    except duckdb.Error as error:
        raise with_advice(error) from error


def check_reads_only(sql: str) -> None:
    """Raises QueryError unless ``sql`` is one statement that only reads."""
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        if _KQL.match(sql):
            raise QueryError("This looks like KQL. The lake is asked in SQL: SELECT … FROM machines WHERE …") from error
        raise with_advice(error) from error
    if len(statements) != 1:
        number = "no statement" if not statements else f"{len(statements)} statements"
        raise QueryError(f"One SELECT at a time: this is {number}.")
    (statement,) = statements
    if statement.type == duckdb.StatementType.EXPLAIN:
        check_reads_only(_explained(statement.query))
        return
    # To DuckDB's parser, SELECT, WITH, FROM, VALUES, TABLE, DESCRIBE, SHOW and SUMMARIZE are all SELECT.
    if statement.type == duckdb.StatementType.SELECT:
        return
    first_word = next(iter(_words(statement.query)), "this")
    # A PIVOT without a list of columns is several statements to DuckDB, which looks for the columns first.
    if statement.type == duckdb.StatementType.MULTI and first_word in _FIRST_WORDS_OF_PIVOTS:
        return
    raise QueryError(
        f"Queries only read the lake: {first_word.upper()} is not allowed; SELECT, WITH, FROM, DESCRIBE, "
        "SHOW, SUMMARIZE, PIVOT and EXPLAIN are."
    )


def _tokens(sql: str) -> list[tuple[int, str]]:
    """Offset and lower-case text of each token except comments. DuckDB's offsets count bytes."""
    source = sql.encode()
    marks = duckdb.tokenize(sql)
    ends = [offset for offset, _ in marks[1:]] + [len(source)]
    return [
        (offset, source[offset:end].decode(errors="replace").strip().lower())
        for (offset, kind), end in zip(marks, ends, strict=True)
        if kind != duckdb.token_type.comment
    ]


def _words(sql: str) -> list[str]:
    return [word.lstrip("(") for _, word in _tokens(sql) if word.lstrip("(")]


def _explained(sql: str) -> str:
    """The statement after EXPLAIN [ANALYZE] [(options)], which EXPLAIN ANALYZE runs, so that it must be allowed too."""
    tokens = _tokens(sql)[1:]
    if tokens and tokens[0][1] == "analyze":
        tokens = tokens[1:]
    if tokens and tokens[0][1].startswith("("):
        while tokens and not tokens[0][1].endswith(")"):
            tokens = tokens[1:]
        tokens = tokens[1:]
    return sql.encode()[tokens[0][0] :].decode() if tokens else ""


def tables_named(lake: Lake, sql: str) -> set[str] | None:
    """The views that the query names, None where it may need all of them (SHOW TABLES, information_schema)."""
    named = table_names(sql)
    tables = set(lake.table_names())
    views = {name.lower(): name for name in tables | {name + HISTORY for name in tables} | views_beside(lake)}
    if not named or any(name.lower() not in views for name in named):
        return None
    return {views[name.lower()] for name in named}


def _result(
    lake: Lake,
    sql: str,
    views: AbstractContextManager[DuckDBConnection],
    parameters: Mapping[str, str],
    named: Collection[str] | None,
) -> Iterator[Any]:
    """Yields the schema, then the batches. A generator, so that the connection is closed after the last batch, or when
    nobody reads the rest any more."""
    with views as connection:
        try:
            batches = ended_by_ctrl_c(
                connection, lambda: connection.sql(sql, params=parameters or None).to_arrow_reader(_BATCH_ROWS)
            )
            with batches:
                schema = pa.schema(_with_unique_names(batches.schema))
                yield schema
                while (batch := ended_by_ctrl_c(connection, lambda: next(batches, None))) is not None:
                    yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
        except _ERRORS as error:
            raise explained_error(error, lake, connection, named) from error


def _with_unique_names(schema: pa.Schema) -> list[pa.Field]:
    """Numbers columns of the same name (SELECT a.id, b.id), because JSON and DataFrames would lose one of them."""
    seen: set[str] = set()
    fields = []
    for field in schema:
        name, number = field.name, 0
        while name in seen or (number and name in schema.names):
            number += 1
            name = f"{field.name}_{number}"
        seen.add(name)
        fields.append(field.with_name(name))
    return fields
