"""One refresh of one dataset, in plain Python: ask, decode, prove, publish.

Here: the joining of ``api``, ``decode`` and ``lake``. Not here: Dagster, the command line.
"""

from .dataset.checks import CHECKS, checks_of
from .dataset.crawl_order import Coverage, coverage, whom_to_ask
from .dataset.refresh import refresh
from .days import Window, check_days, consecutive, remembered
from .errors import NotPublished, RefreshError, WrongDay
from .outcome import Check, DayPublished, Refreshed
from .progress import Progress, listening, tell
from .staleness import Staleness, caught_up_to, note_caught_up, stale_days

__all__ = [
    "CHECKS",
    "Check",
    "Coverage",
    "DayPublished",
    "NotPublished",
    "Progress",
    "RefreshError",
    "Refreshed",
    "Staleness",
    "Window",
    "WrongDay",
    "caught_up_to",
    "check_days",
    "checks_of",
    "consecutive",
    "coverage",
    "listening",
    "note_caught_up",
    "refresh",
    "remembered",
    "stale_days",
    "tell",
    "whom_to_ask",
]
