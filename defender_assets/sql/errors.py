"""What can go wrong with DuckDB, for rooms that do not import it.

Here: one error of ours, and the names of DuckDB's errors about files. Not here: the errors of a query that a person
wrote (``query/errors.py``).
"""

import duckdb

from ..errors import DefenderAssetsError

UNREADABLE = (duckdb.IOException, duckdb.InvalidInputException, duckdb.ConversionException)
"""DuckDB's errors about a file: it is missing, damaged, or holds a value that its column cannot have."""


class SqlError(DefenderAssetsError):
    """DuckDB could not answer: no memory, no room in the temporary folder, or a file that cannot be read."""
