"""What a call budget needs of the place in which calls are counted.

Here: the interface, and how long anything is remembered. Not here: when a call may be made (``budget.py``), the places:
a file of this machine (``file_counts.py``), a Redis that several machines share (``redis_counts.py``).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from pyrate_limiter import Duration, Rate

REMEMBERED_SECONDS = 3_600
"""The service counts by the hour at most."""

# We count by when a call is sent, the service by when it arrives; a second more keeps our count within its own.
MINUTE = Duration.MINUTE.value + 1_000
HOUR = Duration.HOUR.value + 1_000
"""Milliseconds."""


class CallCounts(Protocol):
    """The calls of one application in one tenant, by the name of their family, and since when the service wants none.

    Times are seconds since 1970, of the same clock for all who count here. Every method raises BudgetUnusable.
    """

    def now(self) -> float:
        """The present time, as all who count here have it."""

    def exclusive(self) -> AbstractContextManager[object]:
        """Within this block nobody else of those that it can hold up counts here."""

    def count(self, family: str, rates: Sequence[Rate], now: float) -> float:
        """Counts a call and returns 0, if the rates allow it; else the seconds until they do, and counts nothing."""

    def made_since(self, family: str, moment: float) -> int:
        """The calls since then."""

    def throttling(self, family: str) -> tuple[float, float]:
        """Until when the service wants no calls, and when it said so (0 and minus infinity: it never did)."""

    def record_throttling(self, family: str, until: float, now: float) -> None:
        """The service wants no calls until then; what is there already and later stays."""

    def close(self) -> None:
        """Closes the connection; what is counted stays."""
