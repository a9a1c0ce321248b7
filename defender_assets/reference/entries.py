"""What entries of every feed are made of: CVE ids, days, moments, and how to quote a bad one.

Here: pure functions from text to values. Not here: the formats around them (``kev.py``, ``epss.py``, …).
"""

import re
from datetime import UTC, date, datetime
from typing import Any

from .errors import Unreadable

CVE_PATTERN = "^CVE-[0-9]{4}-[0-9]{4,19}$"
"""As in CISA's schema of the KEV catalogue."""

_CVE = re.compile(CVE_PATTERN.rstrip("$") + r"\Z")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_QUOTED = 60


def is_cve(value: Any) -> bool:
    return isinstance(value, str) and _CVE.match(value) is not None


def calendar_day(value: Any) -> datetime:
    """``2026-03-02`` as midnight UTC. Raises Unreadable for anything else."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise Unreadable(f"{quoted(value)} is no day (YYYY-MM-DD)")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise Unreadable(f"{quoted(value)} is no day of the calendar") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def moment(value: Any) -> datetime:
    """An ISO 8601 time, or a day, in UTC; without an offset it is taken for UTC. Raises Unreadable."""
    try:
        found = datetime.fromisoformat(value.strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, AttributeError, TypeError):
        raise Unreadable(f"{quoted(value)} is no time (ISO 8601)") from None


def quoted(value: Any) -> str:
    """A bad value, short and harmless to print: what feeds say ends up in logs and terminals."""
    if value is not None and not isinstance(value, str | int | float):
        # Not written out: nested YAML aliases are small in the file and endless on paper.
        return f"a {type(value).__name__}"
    text = ascii(value)
    return text if len(text) <= _QUOTED else text[:_QUOTED] + "…"
