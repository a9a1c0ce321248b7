"""Where Arrow takes its memory from, in the processes that run refreshes.

Here: the choice of the allocator. Not here: what bounds the memory of a refresh (``decode/``, ``lake/writer.py``), and
that of the computed tables (``compliance/engine/``).
"""

import os

import pyarrow as pa


def give_memory_back() -> None:
    """Lets Arrow's allocator return what a table no longer needs: its default keeps it, and the peak of a whole refresh
    of 10,000 machines was some 150 MiB higher. ARROW_DEFAULT_MEMORY_POOL is respected."""
    if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ:
        pa.set_memory_pool(pa.system_memory_pool())
