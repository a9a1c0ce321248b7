"""What every user of DuckDB shares: opening it, quoting, types, and finding duplicate keys in a file.

Here: tools without any knowledge of the tables. Not here: people's queries (``query/``), derived tables
(``compliance/``).
"""

from .errors import UNREADABLE, SqlError
from .session import DuckDBConnection, open_session
from .text import identifier, identifiers, literal, literals
from .types import sql_type

__all__ = [
    "UNREADABLE",
    "DuckDBConnection",
    "SqlError",
    "identifier",
    "identifiers",
    "literal",
    "literals",
    "open_session",
    "sql_type",
]
