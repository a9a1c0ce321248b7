"""DuckDB as a tool: opening it, quoting for it, its types beside Arrow's, and keys that occur twice.

Here: what every room that uses DuckDB needs of it. Not here: queries of people (``query/``), derived tables
(``compliance/``).
"""

from .errors import UNREADABLE, SqlError
from .session import Connection, open_session
from .text import identifier, identifiers, literal, literals
from .types import sql_type

__all__ = [
    "UNREADABLE",
    "Connection",
    "SqlError",
    "identifier",
    "identifiers",
    "literal",
    "literals",
    "open_session",
    "sql_type",
]
