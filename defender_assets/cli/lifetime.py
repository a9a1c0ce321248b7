"""How the process of the command line begins and ends: without work that is of use to nobody.

Here: how seldom the garbage collector runs, and the end of the process. Not here: the verbs (``program.py``), exit
codes (``errors.py``), what ends with Ctrl-C (``stopping.py``).
"""

import atexit
import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_GC_THRESHOLD = 50_000
"""Of the garbage collector's youngest generation. Python's own is 700 to 2,000 new objects, and of what Dagster loads,
380,000 objects that stay, the collector looks at each again and again: 0.4 s."""
_USUAL_THRESHOLDS = gc.get_threshold()


@contextmanager
def short_lived() -> Iterator[None]:
    """The block is all that this process is there for, and it ends with SystemExit.

    At its end Python would free every object and module one by one: 0.7 s where Dagster was loaded. The system takes
    the memory back faster. Before that threads are waited for, what was registered with ``atexit`` within the block is
    called, logs and output are written. Files that are still open are not closed.
    """
    gc.set_threshold(_GC_THRESHOLD)
    codes: list[int] = []
    # What is registered first is called last.
    atexit.register(_end, codes)
    try:
        yield
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            codes.append(ended.code or 0)
        raise


def stays() -> None:
    """The process goes on until it is stopped: from now on the garbage collector runs as often as in any other."""
    gc.set_threshold(*_USUAL_THRESHOLDS)


def _end(codes: list[int]) -> None:
    """Ends the process; where there is no exit code, or output cannot be written, Python does and says why."""
    if not codes:
        return
    logging.shutdown()
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except (AttributeError, OSError, ValueError):
        return
    os._exit(codes[0])
