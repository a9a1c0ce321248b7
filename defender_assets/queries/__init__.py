"""SQL queries of the lake: views over its tables, read-only statements, named questions, output formats.

Here: running the queries of people and programs in DuckDB, reading a table as a DataFrame, what changed between two
days, why an answer is empty, what was probably meant, the data dictionary. Not here: files and partitions (``lake/``),
computing tables (``compliance/``), the table on a terminal (``cli/display.py``).
"""

from .errors import QueryError, UnknownTable
from .formats import Format, write_result, writing_as
from .scoped_views import unknown_scope_names
from .statements import query, split_statements
from .views import connect

__all__ = [
    "Format",
    "QueryError",
    "UnknownTable",
    "connect",
    "query",
    "split_statements",
    "unknown_scope_names",
    "write_result",
    "writing_as",
]
