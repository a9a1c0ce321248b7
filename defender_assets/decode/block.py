"""What either path makes of one block: a page, or some lines of an export file.

Here: the common outcome of the fast and the tolerant path. Not here: how they come to it.
"""

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa


@dataclass(frozen=True)
class Block:
    """``columns``: the dataset's declared columns, in order, in their Arrow types. ``extra``: JSON text or null.

    ``unreadable`` and ``unknown`` as in ``DecodeCounts``.
    """

    rows: int
    columns: list[pa.Array]
    extra: pa.Array
    unreadable: Counter[str] = field(default_factory=Counter)
    unknown: set[str] = field(default_factory=set)
