"""Memory that nothing uses any more, given back to the system.

Here: asking the C library for it. Not here: which allocator Arrow uses (``orchestration/memory.py``).
"""

import ctypes
from collections.abc import Callable
from functools import cache


def give_back_freed_memory() -> None:
    """Returns the pages that the C library keeps in case somebody allocates again. Threads free into several heaps, so
    that what one table has freed, on the threads that read it, may be of no use to the next. Does nothing where the C
    library is not glibc."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # TypeError: Windows has no library without a name
        return None
    return trim
