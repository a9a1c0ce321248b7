"""DuckDB as a tool: opening it, quoting, types, and duplicate keys in a file.

Here: what every room that uses DuckDB needs. Not here: people's queries (``query/``), derived tables (``compliance/``).
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
