"""Questions to the lake in SQL: views over its tables, read-only statements, output formats.

Here: everything that reads the lake through DuckDB for a person or a program that asks. Not here: files and partitions
(``lake/``), computing tables (``compliance/``), the table on a terminal (``cli/display.py``).
"""

from .errors import QueryError
from .formats import Format, write_result, writing_as
from .statements import query
from .views import connect

__all__ = ["Format", "QueryError", "connect", "query", "write_result", "writing_as"]
