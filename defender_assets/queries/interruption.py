"""Ctrl-C while DuckDB computes.

Here: ending the query that runs. Not here: what the command line makes of a ``KeyboardInterrupt``.

Python acts on a signal between two steps of the main thread, and a call of DuckDB that joins large tables by inequality
is one step of hours. So another thread waits for DuckDB, whose ``interrupt`` ends the query.
"""

import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from ..sql import DuckDBConnection

_Rows = TypeVar("_Rows")

_LOOK_EVERY_SECONDS = 0.1


def ended_by_ctrl_c(connection: DuckDBConnection, ask: Callable[[], _Rows]) -> _Rows:
    """What ``ask`` gets from the connection: Ctrl-C ends the query, and is a KeyboardInterrupt as everywhere.

    Where the program has a handler of its own, or in another thread than the main one, nothing is changed.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return ask()
    with ThreadPoolExecutor(1, thread_name_prefix="query") as thread:
        rows = thread.submit(ask)
        try:
            while not rows.done():
                wait([rows], _LOOK_EVERY_SECONDS)
        except KeyboardInterrupt:
            while not rows.done():
                # Again and again: one that comes before DuckDB has begun ends nothing.
                connection.interrupt()
                wait([rows], _LOOK_EVERY_SECONDS)
            raise
        return rows.result()
