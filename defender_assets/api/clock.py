"""A clock that can be replaced, so that tests need not wait.

Here: the present time, and waiting. Not here: how long to wait (``retry.py``, ``budget.py``).
"""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """``now`` in seconds since 1970; ``sleep`` may return early when the client is being closed."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock. ``stop`` ends every waiting, present and future."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        self._stopped.wait(seconds)

    def stop(self) -> None:
        self._stopped.set()
