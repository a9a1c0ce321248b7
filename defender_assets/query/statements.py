"""Read-only SQL over the lake: which statements are allowed, and what goes wrong in one sentence.

Here: one statement in, a stream of batches out. Not here: the views (``views.py``), writing them down (``formats.py``).

The connection is locked to the lake's files; the rule about statements is the second wall, and the one that explains
itself.
"""

import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa

from ..lake import Lake
from ..sanitize import without_secrets
from ..sql import open_session
from .errors import QueryError
from .views import HISTORY, connect

BATCH_ROWS = 10_000

_READING = {duckdb.StatementType.SELECT}
"""SELECT, WITH, FROM, VALUES, TABLE, DESCRIBE, SHOW and SUMMARIZE are all SELECT to DuckDB's parser."""
_PIVOTING = {"select", "with", "from", "pivot", "unpivot"}
_MISSING = re.compile(r"Table with name (?P<name>.+?) does not exist")
_KIND = re.compile(r"^(?:[A-Z][\w-]* )+Error: ")
_ERRORS = (duckdb.Error, pa.ArrowException, OSError)
"""What DuckDB raises while it answers: its own, and OSError where a batch of a stream fails."""


def query(lake: Lake, sql: str) -> pa.RecordBatchReader:
    """Runs one read-only statement on the views of the tables that it names. Raises QueryError; LakeError where a file
    cannot be read.

    Only those views are made, because a history of a year is 365 footers to read.
    """
    check_reads_only(sql)
    answer = _answer(lake, sql)
    schema = next(answer)
    return pa.RecordBatchReader.from_batches(schema, answer)


def check_reads_only(sql: str) -> None:
    """Raises QueryError unless ``sql`` is one statement that only reads."""
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(_sentence(error)) from error
    if len(statements) != 1:
        what = "no statement" if not statements else f"{len(statements)} statements"
        raise QueryError(f"One SELECT at a time: this is {what}.")
    (statement,) = statements
    if statement.type == duckdb.StatementType.EXPLAIN:
        check_reads_only(_explained(statement.query))
        return
    words = _words(statement.query)
    if statement.type in _READING:
        return
    # A PIVOT that has to look for its columns first is several statements to DuckDB.
    if statement.type == duckdb.StatementType.MULTI and words and words[0] in _PIVOTING:
        return
    raise QueryError(
        f"Queries only read the lake: {(words or ['this'])[0].upper()} is not allowed; SELECT, WITH, FROM, DESCRIBE, "
        "SHOW, SUMMARIZE, PIVOT and EXPLAIN are."
    )


def _tokens(sql: str) -> list[tuple[int, str]]:
    """Offset and text (lower case) of each token but comments. DuckDB's offsets count bytes."""
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
    """The statement behind EXPLAIN [ANALYZE] [(options)]: EXPLAIN ANALYZE runs it, so it must be allowed itself."""
    tokens = _tokens(sql)[1:]
    if tokens and tokens[0][1] == "analyze":
        tokens = tokens[1:]
    if tokens and tokens[0][1].startswith("("):
        while tokens and not tokens[0][1].endswith(")"):
            tokens = tokens[1:]
        tokens = tokens[1:]
    return sql.encode()[tokens[0][0] :].decode() if tokens else ""


def _tables_named(lake: Lake, sql: str) -> set[str] | None:
    """The views that the query needs, None for all where that cannot be told (SHOW TABLES, information_schema)."""
    try:
        with open_session() as connection:
            named = connection.get_table_names(sql)
    except duckdb.Error:
        return None
    known = set(lake.table_names())
    folded = {name.lower(): name for name in known | {name + HISTORY for name in known}}
    if not named or any(name.lower() not in folded for name in named):
        return None
    return {folded[name.lower()] for name in named}


def _answer(lake: Lake, sql: str) -> Iterator[Any]:
    """First the schema, then the batches. A generator, so that the connection lives as long as whoever reads them: it
    is closed with the last batch, or when the reader is dropped before."""
    with connect(lake, _tables_named(lake, sql)) as connection:
        try:
            with connection.sql(sql).to_arrow_reader(BATCH_ROWS) as batches:
                schema = pa.schema(_with_unique_names(batches.schema))
                yield schema
                for batch in batches:
                    yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
        except _ERRORS as error:
            raise QueryError(_explain(error, lake.table_names())) from error


def _with_unique_names(schema: pa.Schema) -> list[pa.Field]:
    """Columns of the same name (SELECT a.id, b.id) get numbers, or JSON and DataFrames would lose one."""
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


def _explain(error: BaseException, tables: list[str]) -> str:
    said = str(error)
    missing = _MISSING.search(said)
    if missing:
        there = f"The lake has {', '.join(tables)}" if tables else "The lake is empty: refresh it first"
        return f"There is no table {missing['name']}. {there}."
    if "disabled by configuration" in said or "configuration has been locked" in said:
        return "Queries read the lake's tables and nothing else: no other files, addresses, extensions or settings."
    return _sentence(error)


def _sentence(error: BaseException) -> str:
    """DuckDB's own first line, without the kind of error and the picture of the line."""
    first = without_secrets(str(error).strip().partition("\n")[0])
    said = _KIND.sub("", first).rstrip(".")
    return f"{said}." if said else f"{type(error).__name__}."
