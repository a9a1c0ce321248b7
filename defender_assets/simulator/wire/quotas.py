"""Quotas: calls counted per family in sliding windows of a minute and an hour.

Here: counting and refusing. Not here: the limits (``quota_limits.py``), which endpoint belongs to which family
(``endpoints.py``). Calls sent while throttled count as well, which prolongs the throttling, as the documentation warns.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from math import ceil

from .quota_limits import QuotaLimit

_MINUTES_PER_HOUR = 60


class Quotas:
    """The calls of one application in one tenant.

    ``minute`` is the length in seconds of a minute of the quotas, so that tests need not wait for real ones.
    ``counted``, ``refused`` and ``early`` (sent while throttled) are numbers of calls by family.
    """

    def __init__(
        self,
        *,
        enforced: bool = False,
        minute: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.enforced = enforced
        self.minute = minute
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: dict[str, deque[float]] = {}
        self._not_before: dict[str, float] = {}
        self.counted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.early: Counter[str] = Counter()

    def take(self, limit: QuotaLimit) -> float | None:
        """Counts a call. None if it is within the quota, else the seconds until one more call will be."""
        with self._lock:
            self.counted[limit.family] += 1
            if not self.enforced:
                return None
            now = self._clock()
            calls = self._calls.setdefault(limit.family, deque())
            hour = self.minute * _MINUTES_PER_HOUR
            while calls and calls[0] <= now - hour:
                calls.popleft()
            if now < self._not_before.get(limit.family, 0.0):
                self.early[limit.family] += 1
            calls.append(now)
            windows = ((limit.per_minute, self.minute), (limit.per_hour, hour))
            if all(self._is_within(calls, allowed, window, now) for allowed, window in windows):
                return None
            wait = max(self._until_next(calls, allowed, window, now) for allowed, window in windows)
            self.refused[limit.family] += 1
            self._not_before[limit.family] = now + wait
            return wait

    @staticmethod
    def _is_within(calls: deque[float], allowed: int, window: float, now: float) -> bool:
        """Whether the last call is within the allowance."""
        return len(calls) <= allowed or calls[-allowed - 1] <= now - window

    @staticmethod
    def _until_next(calls: deque[float], allowed: int, window: float, now: float) -> float:
        """Seconds until one more call would be within the allowance."""
        return max(0.0, calls[-allowed] + window - now) if len(calls) >= allowed else 0.0


def retry_after(wait: float) -> str:
    """The Retry-After header: whole seconds, rounded up."""
    return str(max(1, ceil(wait)))
