"""Stopping what is refreshed in this process, at the next safe point.

Here: the one request to stop, and who is told of it. Not here: where it comes from (``cli/stopping.py``).
"""

import threading

from ..api import close_open_clients
from .errors import Stopped

_requested = threading.Event()


def request_stop() -> None:
    """No further table is begun and none is published; whoever waits for the service stops waiting.

    It cannot be taken back: the process is to end.
    """
    _requested.set()
    close_open_clients()


def stop_requested() -> bool:
    """Whether the refreshes of this process are to end."""
    return _requested.is_set()


def check_not_stopped(table: str) -> None:
    """Raises Stopped after a request to stop."""
    if _requested.is_set():
        raise Stopped(f"{table}: the refresh was stopped; the former partition stays", dataset=table)
