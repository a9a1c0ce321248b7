"""What the lake holds of a table, in numbers.

Here: rows, bytes and days, from the footers of its files. Not here: reading footers and rows (``lake.py``).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from .errors import UnreadableSnapshot
from .layout import PartFile, current_parts

_READERS = 16
"""Footers that are read at the same time: an event table on an object store has hundreds, each some answers away."""


@dataclass(frozen=True)
class TableInfo:
    """A table of the lake: rows and bytes of what there is (its newest snapshot; of an event table, all its days), its
    newest day, and of how many days it has something (of any tenant). Where a file of these cannot be read, ``rows`` is
    None and ``problem`` says why."""

    name: str
    rows: int | None
    newest: date
    bytes: int
    days: int
    problem: str | None = None


def table_info(name: str, parts: Sequence[PartFile], rows_of: Callable[[PartFile], int]) -> TableInfo:
    """The numbers of a table with these files, one at least. ``rows_of`` tells the rows of a file, or raises
    UnreadableSnapshot."""
    current = current_parts(name, parts)
    rows, problem = None, None
    try:
        with ThreadPoolExecutor(min(_READERS, len(current)), thread_name_prefix=name) as pool:
            rows = sum(pool.map(rows_of, current))
    except UnreadableSnapshot as error:
        problem = str(error)
    return TableInfo(
        name=name,
        rows=rows,
        newest=max(part.date for part in parts),
        bytes=sum(part.size for part in current),
        days=len({part.date for part in parts}),
        problem=problem,
    )
