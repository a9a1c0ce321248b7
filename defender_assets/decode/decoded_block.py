"""One decoded block: the rows of a page, or of some lines of an export file.

Here: the result that the fast and the tolerant path have in common. Not here: how they decode (``fast_path.py``,
``tolerant_path.py``).
"""

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa


@dataclass(frozen=True)
class DecodedBlock:
    """``columns``: the dataset's declared columns, in order, in their Arrow types. ``extra``: JSON text or null.

    ``unreadable`` (by column) and ``unknown`` (member names) mean the same as in ``DecodeCounts``. ``garbled``: there
    were bytes that are no UTF-8, which became U+FFFD.
    """

    rows: int
    columns: list[pa.Array]
    extra: pa.Array
    unreadable: Counter[str] = field(default_factory=Counter)
    unknown: set[str] = field(default_factory=set)
    garbled: bool = False
