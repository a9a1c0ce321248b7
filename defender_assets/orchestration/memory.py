"""Where memory is taken from, in the processes that run refreshes.

Here: the choice of Arrow's allocator, and how the C library keeps what was freed. Not here: when it is asked for what
it keeps (``refresh/freed_memory.py``), what bounds the memory of a refresh (``decode/``, ``lake/writer.py``), and that
of the computed tables (``compliance/engine/``).
"""

import ctypes
import os

_MALLOC = {
    "MALLOC_ARENA_MAX": (-8, 2),
    "MALLOC_MMAP_THRESHOLD_": (-3, 16 << 20),
    "MALLOC_TRIM_THRESHOLD_": (-1, 64 << 20),
}
"""Variable of glibc -> the parameter of mallopt that is the same, and its value (https://man7.org/linux/man-pages/man3/mallopt.3.html).

By default each thread frees into a heap of its own, up to eight a core. Whatever large a table of one thread has freed
is then no use to the next thread, and pages in use among it keep it from being given back. What is larger than the
second value comes from the system and goes back there at once; the third is what the end of a heap may keep, and as
large as glibc would set it for itself."""


def give_memory_back() -> None:
    """Lets Arrow's allocator return what a table no longer needs: its default keeps it, and the peak of a whole refresh
    of 10,000 machines was 100 to 200 MiB higher. ARROW_DEFAULT_MEMORY_POOL is respected. And lets threads share two
    heaps of the C library, where that is glibc: another 100 to 200 MiB. Its own variables, and GLIBC_TUNABLES, are
    respected.

    To be called before anything imports Arrow, which reads the variable once: what it does in C++, such as reading and
    writing Parquet, takes the allocator of that moment. Later, only what is made in Python takes the other one.
    """
    _share_heaps()
    if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ:
        os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
        import pyarrow as pa

        pa.set_memory_pool(pa.system_memory_pool())


def _share_heaps() -> None:
    if "GLIBC_TUNABLES" in os.environ:
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # TypeError: Windows has no library without a name
        return
    for variable, (parameter, value) in _MALLOC.items():
        if variable not in os.environ:
            mallopt(parameter, value)
