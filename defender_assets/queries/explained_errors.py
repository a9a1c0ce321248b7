"""What DuckDB says of a query that it cannot run, in one sentence, and what to do about it.

Here: DuckDB's words without the picture of the SQL, what may have been meant, and the file that is damaged. Not here:
which statements are allowed, and running them (``statements.py``).
"""

import re
from collections.abc import Collection, Sequence

import duckdb

from ..catalog import TABLES
from ..catalog.derived.fleet import FLEET_SUMMARY
from ..lake import Lake
from ..lake.layout import PartFile
from ..sanitize import without_secrets
from ..spelling import did_you_mean
from ..sql import DuckDBConnection, literal
from .errors import QueryError, UnknownTable
from .suggestions import column_hint, unknown_column
from .tenants import TENANTS
from .views import HISTORY

_UNKNOWN_TABLE = re.compile(r"Table with name (?P<name>.+?) does not exist")
_MISSING_VALUES = re.compile(r"Values were not provided for the following .*?parameters: (?P<names>.+)")
_ADVICE = re.compile(r"Candidate bindings|Did you mean|Either add", re.IGNORECASE)
_KIND_OF_ERROR = re.compile(r"^(?P<kind>(?:[A-Z][\w-]*)(?: [\w-]+)*) Error: ")
_OF_THE_SQL = (
    "Parser", "Binder", "Catalog", "Conversion", "Constraint", "Out of Range", "Not implemented", "Mismatch Type",
    "Out of Memory", "Parameter Not Resolved", "INTERRUPT",
)  # fmt: skip
"""The kinds of errors that are no damaged file's, as their texts begin."""
_REMEDIES = {
    "Parser": "Correct the SQL there; defender-assets query --list has questions to begin with.",
    "Binder": "DESCRIBE TABLE tells a table's columns and their types; CAST(… AS …) changes a type.",
    "Conversion": "TRY_CAST(… AS …) gives NULL for a value that does not fit.",
    "Out of Range": "Compute it as a DOUBLE or HUGEINT: CAST(… AS DOUBLE).",
    "Out of Memory": "Ask for fewer columns or days, or aggregate before the join.",
    "IO": "Ask again; if it goes on, defender-assets doctor looks at the lake.",
}


def explained_error(
    error: BaseException, lake: Lake, connection: DuckDBConnection, tables: Collection[str] | None
) -> QueryError:
    """The error of a statement over these views (None: of all tables)."""
    text = str(error)
    if unknown := _UNKNOWN_TABLE.search(text):
        name = FLEET_SUMMARY.name if unknown["name"].lower() == TENANTS else unknown["name"]
        return UnknownTable(name, f"There is no table {name}{_what_there_is(name, lake)}")
    if "disabled by configuration" in text or "configuration has been locked" in text:
        return QueryError(
            "Queries read the lake's tables and nothing else: no other files, addresses, extensions or settings."
        )
    if missing := _MISSING_VALUES.search(text):
        names = missing["names"].split(", ")
        example = ", ".join(f"{name}=…" for name in names)
        return QueryError(f"The SQL has parameters without a value: give {example}.")
    if (column := unknown_column(text)) and (hint := _column_hint(column, connection)):
        return QueryError(f"{_sentence(error).rstrip('!.')}; {hint}")
    if (damaged := _damaged(text, lake, connection, tables)) is not None:
        found, words = lake.damaged(damaged), _words(error).rstrip(".")
        # A view of a file without a footer says so itself.
        what = found.what if found.what in words else f"{found.what} ({words})"
        return QueryError(what, remedy=found.remedy)
    return with_advice(error)


def with_advice(error: BaseException) -> QueryError:
    """DuckDB's sentence, what it suggests in the lines after it, and else what to do."""
    lines = without_secrets(str(error)).partition("\nLINE ")[0].splitlines()[1:]
    advice = " ".join(line.strip() for line in lines if _ADVICE.match(line.strip()))
    return QueryError(_sentence(error), remedy=advice or _REMEDIES.get(_kind(str(error)), ""))


def _damaged(text: str, lake: Lake, connection: DuckDBConnection, tables: Collection[str] | None) -> PartFile | None:
    """The file that could not be read; None where the SQL, or something else, is what is wrong. DuckDB names the file
    of some errors alone, so that on a local disk the files of the query's views are read, the newest first."""
    kind = _kind(text)
    if kind in _OF_THE_SQL:
        return None
    parts = _parts(lake, tables)
    named = next((part for part in parts if part.path in text), None)
    if named is not None or kind == "Invalid Input" or lake.storage.filesystem is not None:
        return named if named is not None and not _reads(connection, lake, named) else None
    return next((part for part in parts if not _reads(connection, lake, part)), None)


def _parts(lake: Lake, tables: Collection[str] | None) -> Sequence[PartFile]:
    """The files of the views, the newest first."""
    names = lake.table_names() if tables is None else {name.removesuffix(HISTORY) for name in tables}
    found = [
        part
        for name in sorted(names)
        for part in (lake.parts(name) if tables is None or name + HISTORY in tables else lake.current_parts(name))
    ]
    return sorted(found, key=lambda part: part.date, reverse=True)


def _reads(connection: DuckDBConnection, lake: Lake, part: PartFile) -> bool:
    """Whether every page of the file can be read."""
    try:
        file = literal(lake.storage.address(part.path))
        with connection.sql(f"FROM read_parquet({file}, hive_partitioning = false)").to_arrow_reader() as rows:
            for _ in rows:
                pass
    except (duckdb.Error, OSError):
        return False
    return True


def _column_hint(column: str, connection: DuckDBConnection) -> str:
    rows = connection.execute("SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal").fetchall()
    return column_hint(column, [name for _, name in rows], {table for table, _ in rows})


def _what_there_is(asked: str, lake: Lake) -> str:
    # A folder of the lake without Parquet files, such as that of the reports, is no table.
    tables = [name for name in lake.table_names() if lake.newest(name) is not None]
    if not tables:
        return ". The lake is empty: refresh it first."
    views = [*tables, *(name + HISTORY for name in tables)]
    # A name of the catalog is spelled well: the table is absent.
    meant = "" if asked.removesuffix(HISTORY) in TABLES else did_you_mean(asked, views, before="; ")
    return meant or f". The lake has {', '.join(tables)}."


def _kind(text: str) -> str:
    """``Binder``, ``Out of Range`` …; empty where the text does not say it."""
    found = _KIND_OF_ERROR.match(text.strip())
    return found["kind"] if found else ""


def _words(error: BaseException) -> str:
    """DuckDB's first line without the kind of error; the lines after it show where in the SQL the error is."""
    first_line = without_secrets(str(error).strip().partition("\n")[0])
    return _KIND_OF_ERROR.sub("", first_line)


def _sentence(error: BaseException) -> str:
    words = _words(error).rstrip("!.")
    return f"{words}." if words else f"{type(error).__name__}."
