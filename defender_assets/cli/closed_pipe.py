"""Standard output that nobody reads any more.

Here: ending quietly where the reader (head, less) has seen enough. Not here: what is printed.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ignoring_closed_pipe() -> Iterator[None]:
    """Ends the block where standard output is closed at the other end; Python must not complain at exit."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
