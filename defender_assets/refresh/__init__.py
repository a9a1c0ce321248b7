"""One refresh of one dataset, in plain Python: ask, decode, prove, publish.

Here: the joining of ``api``, ``decode`` and ``lake``. Not here: Dagster, the command line.
"""

from .behind import Behind, days_behind
from .changes import caught_up_to, changed_days, note_caught_up
from .dataset.checks import CHECKS, checks_of
from .dataset.crawl_order import Coverage, coverage, whom_to_ask
from .dataset.refresh import refresh
from .days import Window, check_days, consecutive, remembered
from .errors import NotPublished, RefreshError, WrongDay
from .outcome import Check, DayPublished, Refreshed
from .progress import Progress, listening, tell

__all__ = [
    "CHECKS",
    "Behind",
    "Check",
    "Coverage",
    "DayPublished",
    "NotPublished",
    "Progress",
    "RefreshError",
    "Refreshed",
    "Window",
    "WrongDay",
    "caught_up_to",
    "changed_days",
    "check_days",
    "checks_of",
    "consecutive",
    "coverage",
    "days_behind",
    "listening",
    "note_caught_up",
    "refresh",
    "remembered",
    "tell",
    "whom_to_ask",
]
