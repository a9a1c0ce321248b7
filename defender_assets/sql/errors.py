"""What can go wrong with DuckDB.

Here: an error for rooms that do not import DuckDB, and DuckDB's own errors about files. Not here: errors of the queries
that people write (``queries/errors.py``).
"""

import duckdb

from ..errors import DefenderAssetsError

UNREADABLE = (duckdb.IOException, duckdb.InvalidInputException, duckdb.ConversionException)
"""DuckDB's errors about a file: it is missing, damaged, or holds a value that its column cannot have."""


class SqlError(DefenderAssetsError):
    """DuckDB failed: too little memory or room in the temporary folder, or a file that cannot be read."""
