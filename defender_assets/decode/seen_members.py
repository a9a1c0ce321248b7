"""The members that the rows of a walk were seen to have.

Here: which of the requested fields are worth requesting. Not here: how members are spelled and typed
(``learned_schema.py``), the reading (``fast_path.py``).

Arrow's JSON reader takes time for each requested field that a row does not have, and less time where the fields come in
the order of the row. The catalog declares what pages, files and the change feed have together; pages of findings have
24 of these 32 members, and are read a fifth faster by these 24.
"""

import threading
from collections.abc import Iterable

import pyarrow as pa

from .learned_schema import LearnedSchema

_MOST_MISSES = 8
"""Blocks that had members never seen before; a walk with more of them is read with all that is declared."""


class SeenMembers:
    """What one walk has seen so far, in the order of the service. Several threads may use it at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[str, int] = {}
        self._misses = 0

    def learn(self, names: Iterable[str]) -> None:
        """Adds the names of members that were seen."""
        with self._lock:
            for name in names:
                self._places.setdefault(name, len(self._places))

    def miss(self) -> None:
        """A block had members that were not seen before, so it has to be read again with all fields."""
        with self._lock:
            self._misses += 1

    def fields(self, learned: LearnedSchema) -> list[pa.Field] | None:
        """Of the fields for a block that is to have no others, those that were seen; None where that would be no gain:
        nothing or everything was seen, or rows differ too often."""
        with self._lock:
            if self._misses >= _MOST_MISSES:
                return None
            seen = [field for field in learned.all_fields if field.name in self._places]
            if not 0 < len(seen) < len(learned.all_fields):
                return None
            return sorted(seen, key=lambda field: self._places[field.name])
