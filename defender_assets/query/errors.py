"""What can go wrong with a query of the lake.

Here: the error. Not here: the errors of the lake itself (``lake/errors.py``).
"""

from ..errors import DefenderAssetsError


class QueryError(DefenderAssetsError):
    """A query that is refused because it would do more than read the lake, or that DuckDB cannot run."""
