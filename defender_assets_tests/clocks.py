"""A clock on which waiting takes no time, for clients in tests.

Here: the clock, and how long was waited by it. Not here: one that stands at a moment of the test's own
(``api/conftest.py``).
"""

import threading
from collections import defaultdict
from datetime import UTC, datetime


class PassingClock:
    """Waiting passes at once, and is added up: what threads of one pool wait beside each other counts once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = datetime.now(UTC).timestamp()
        self._waited: defaultdict[str, float] = defaultdict(float)

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds
            self._waited[threading.current_thread().name] += seconds

    @property
    def waited(self) -> float:
        """The longest of the threads of each pool, one pool after the other."""
        longest: dict[str, float] = {}
        for thread, seconds in self._waited.items():
            pool = thread.rpartition("_")[0] or thread
            longest[pool] = max(seconds, longest.get(pool, 0.0))
        return sum(longest.values())

    def begin(self) -> None:
        """A quota that was spent before, or a throttling, is over."""
        with self._lock:
            self._now += 2 * 3_600
            self._waited.clear()
