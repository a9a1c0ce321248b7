"""The first rows of a list, how many there are, and the SQL that lists them all.

Here: the type. Not here: any list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Excerpt(Generic[_Row]):
    """``total`` is how many rows there are. ``sql`` lists them all: it reads the history views, limited to the report's
    day, so that it gives the same answer after newer days came."""

    rows: Sequence[_Row]
    total: int
    sql: str

    @property
    def more(self) -> int:
        """How many the page leaves out."""
        return self.total - len(self.rows)
