"""What every user of DuckDB shares: opening it, quoting, types, duplicate keys in a file, hashes of rows.

Here: tools without any knowledge of the tables. Not here: people's queries (``queries/``), derived tables
(``compliance/``).
"""

from .errors import UNREADABLE, SqlError
from .row_hashes import Hashes, row_hasher
from .session import DuckDBConnection, open_session
from .text import identifier, identifiers, literal, literals
from .types import sql_type

__all__ = [
    "UNREADABLE",
    "DuckDBConnection",
    "Hashes",
    "SqlError",
    "identifier",
    "identifiers",
    "literal",
    "literals",
    "open_session",
    "row_hasher",
    "sql_type",
]
