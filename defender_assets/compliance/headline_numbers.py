"""The headline numbers of a derived table, wherever its rows are.

Here: running ``headlines/TABLE.sql``. Not here: how the numbers are worded beside an asset
(``refresh/derived.py``).
"""

from collections.abc import Mapping
from typing import TypeAlias

from ..catalog.derived import DERIVED
from .engine import Engine
from .errors import failures_of
from .inputs import Input
from .sql_files import headline_sql

HeadlineNumbers: TypeAlias = Mapping[str, int | float | None]
"""Numbers by the names that the table declares; None where nothing is known."""


def headline_numbers(table: str, source: Input, *, engine: Engine) -> HeadlineNumbers:
    """The headline numbers of a derived table. Raises DerivationFailed where its rows cannot be read."""
    with failures_of(table), engine.session() as session:
        session.register(DERIVED[table], source)
        return session.row(headline_sql(table))
