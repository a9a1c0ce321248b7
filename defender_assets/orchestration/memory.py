"""Where Arrow takes its memory from, in the processes that run refreshes.

Here: the choice of the allocator. Not here: what bounds the memory of a refresh (``decode/``, ``lake/writer.py``), and
that of the computed tables (``compliance/engine/``).
"""

import os
from contextlib import suppress

import pyarrow as pa


def give_memory_back() -> None:
    """Lets Arrow's allocator return what a table no longer needs: of a whole refresh of 10,000 machines its own default,
    mimalloc, kept some 150 MiB more. ARROW_DEFAULT_MEMORY_POOL is respected."""
    if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ:
        with suppress(NotImplementedError):  # not in every build of Arrow
            pa.set_memory_pool(pa.jemalloc_memory_pool())
