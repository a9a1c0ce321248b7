"""Ctrl-C while DuckDB computes.

Here: ending the query that runs. Not here: what the command line makes of a ``KeyboardInterrupt``.

Python's own handler raises in the middle of DuckDB's call, and DuckDB 2.0 then waits without end for the threads of a
result that is streamed. Its ``interrupt`` ends them.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import duckdb

from ..sql import DuckDBConnection


@contextmanager
def ended_by_ctrl_c(connection: DuckDBConnection) -> Iterator[None]:
    """A block that asks the connection for rows: Ctrl-C ends the query, and is a KeyboardInterrupt as everywhere.

    Where the program has a handler of its own, or in another thread than the main one, nothing is changed.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    pressed = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        pressed.set()
        connection.interrupt()

    signal.signal(signal.SIGINT, end)
    try:
        yield
    except (duckdb.InterruptException, RuntimeError, OSError) as error:
        # Where a later batch of a result fails, Arrow raises OSError.
        if not pressed.is_set():
            raise
        raise KeyboardInterrupt from error
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if pressed.is_set():
        raise KeyboardInterrupt
