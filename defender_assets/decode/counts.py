"""What decoding met on the way: rows, detours, values it could not read, members nobody declared.

Here: counting. Not here: what is made of the counts (checks and metadata belong to the asset graph).
"""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from .block import Block


@dataclass(frozen=True)
class DecodeCounts:
    """The counts of one walk so far.

    ``rows``: all rows; ``tolerant_rows``: those that the fast path refused and the tolerant path read.
    ``unreadable``: how many values did not fit the declared type, by column (lake names, nested ones dotted:
    ``evidence.process_id``); each is null in its column and kept as sent in ``extra``.
    ``unknown_members``: members the catalog does not declare, in the service's spelling, sorted; nested ones
    behind the lake name of what holds them (``evidence.newMember``).
    """

    rows: int
    tolerant_rows: int
    unreadable: Mapping[str, int]
    unknown_members: tuple[str, ...]


class Tally:
    """Adds up blocks; several decode threads may add at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows = 0
        self._tolerant_rows = 0
        self._unreadable: Counter[str] = Counter()
        self._unknown: set[str] = set()

    def add(self, block: Block, *, tolerant: bool) -> None:
        with self._lock:
            self._rows += block.rows
            if tolerant:
                self._tolerant_rows += block.rows
            self._unreadable.update(block.unreadable)
            self._unknown.update(block.unknown)

    def counts(self) -> DecodeCounts:
        with self._lock:
            return DecodeCounts(
                self._rows, self._tolerant_rows, dict(sorted(self._unreadable.items())), tuple(sorted(self._unknown))
            )
