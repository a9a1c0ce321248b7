"""Lists of names that the service chose, as they may stand in a sentence.

Here: how many are named, and how long each may be. Not here: what is said about them (``checks.py``,
``statistics.py``).
"""

from collections.abc import Mapping, Sequence

from ...sanitize import redacted

_MOST = 10
_LONGEST = 60


def name_list(names: Sequence[str]) -> str:
    """The first ten names, each printable and at most 60 characters long, and how many more there are."""
    return _first_of([redacted(name, _LONGEST) for name in names[:_MOST]], len(names))


def counted_name_list(counts: Mapping[str, int]) -> str:
    """The same with the number of each: ``os_build (3), version (1)``."""
    shown = [f"{redacted(name, _LONGEST)} ({count:,})" for name, count in sorted(counts.items())[:_MOST]]
    return _first_of(shown, len(counts))


def _first_of(shown: Sequence[str], total: int) -> str:
    return ", ".join(shown) + (f" and {total - _MOST:,} more" if total > _MOST else "")
