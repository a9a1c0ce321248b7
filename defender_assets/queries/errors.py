"""What can go wrong with a query of the lake.

Here: the errors. Not here: the errors of the lake itself (``lake/errors.py``).
"""

from ..errors import DefenderAssetsError


class QueryError(DefenderAssetsError):
    """A query that is refused because it would do more than read the lake, or that DuckDB cannot run."""


class UnknownTable(QueryError):
    """A query of a table that the lake does not have. ``table`` is its name as the query has it."""

    def __init__(self, table: str, what: str, *, remedy: str = "") -> None:
        super().__init__(what, remedy=remedy)
        self.table = table
