"""The result of reading a file of a feed.

Here: the value. Not here: the formats (``kev.py``, ``epss.py``, ``ssvc.py``, ``releases/``).
"""

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa


@dataclass(frozen=True)
class Parsed:
    """The rows of a feed: the table's declared columns without those that follow from the fetch (``fetch.py``).

    ``entries`` is how many the feed itself has, before any selection; ``dated`` the feed's own date, where it has
    one; ``unreadable`` how many entries were left out, ``examples`` the first few of them with the reason.
    """

    rows: pa.Table
    entries: int
    dated: datetime | None
    version: str | None
    unreadable: int = 0
    examples: tuple[str, ...] = ()
