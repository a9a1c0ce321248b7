"""How many rows the service had when a partition was made, so that a reading is compared with a reading.

Here: that number. Not here: what follows from it (``dataset/completeness.py``, ``dataset/checks.py``).
"""

from datetime import date

from ..lake import Lake
from ..scope.left_out import left_out_in


def rows_read(lake: Lake, table: str, day: date) -> int:
    """Rows of the reading that the partition is from: those that it has, and those that a scope left out of it. Raises
    NoSnapshot, UnreadableSnapshot."""
    left_out = left_out_in(lake.metadata(table, day))
    return lake.rows(table, day) if left_out is None else left_out.read
