"""Statistics of decoding: rows, rows of the tolerant path, unreadable values, undeclared members.

Here: counting. Not here: what is made of the counts (``refresh/dataset/checks.py``).
"""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from .decoded_block import DecodedBlock

_MOST_NAMES = 1_000
_LONGEST_NAME = 200


@dataclass(frozen=True)
class DecodeCounts:
    """The counts of one walk over a dataset so far.

    ``rows``: all rows. ``tolerant_rows``: those that the fast path refused and the tolerant path read.
    ``garbled``: answers, or pieces of files, with bytes that are no UTF-8.
    ``unreadable``: number of values that did not fit the declared type, by column (lake names, nested ones dotted:
    ``evidence.process_id``). Such a value is null in its column and kept as sent in ``extra``.
    ``unknown_members``: members that the catalog does not declare, in the service's spelling, sorted. Nested ones are
    prefixed with the lake name of the column that holds them (``evidence.newMember``). At most 1,000, each
    cut at 200 characters: what is kept must not grow with what the service sends. Of a dataset with ``credentials``
    each outermost one is ``*``.
    """

    rows: int
    tolerant_rows: int
    garbled: int
    unreadable: Mapping[str, int]
    unknown_members: tuple[str, ...]


class DecodeCounter:
    """Adds up the counts of blocks. Safe to use from several decode threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows = 0
        self._tolerant_rows = 0
        self._garbled = 0
        self._unreadable: Counter[str] = Counter()
        self._unknown: set[str] = set()

    def copy(self) -> "DecodeCounter":
        """Another one, which goes on from the same counts."""
        other = DecodeCounter()
        with self._lock:
            other._rows, other._tolerant_rows, other._garbled = self._rows, self._tolerant_rows, self._garbled
            other._unreadable, other._unknown = self._unreadable.copy(), self._unknown.copy()
        return other

    def add(self, block: DecodedBlock, *, tolerant: bool) -> None:
        with self._lock:
            self._rows += block.rows
            self._garbled += block.garbled
            if tolerant:
                self._tolerant_rows += block.rows
            self._unreadable.update(block.unreadable)
            for name in sorted(block.unknown):
                if len(self._unknown) >= _MOST_NAMES:
                    break
                self._unknown.add(name[:_LONGEST_NAME])

    def counts(self) -> DecodeCounts:
        with self._lock:
            return DecodeCounts(
                self._rows,
                self._tolerant_rows,
                self._garbled,
                dict(sorted(self._unreadable.items())),
                tuple(sorted(self._unknown)),
            )
