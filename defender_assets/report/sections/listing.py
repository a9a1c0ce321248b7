"""A list that is cut: its first rows, how many there are, and the SQL that gives them all.

Here: the value. Not here: what is listed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """``sql`` asks the lake's history for the report's own day, so that it still answers when newer days have come."""

    rows: Sequence[Row]
    total: int
    sql: str

    @property
    def more(self) -> int:
        """How many the page leaves out."""
        return self.total - len(self.rows)
