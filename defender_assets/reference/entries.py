"""The values in the entries of every feed: CVE ids, days, times, and how to quote a bad one.

Here: pure functions from text to values. Not here: the formats around them (``kev.py``, ``epss.py``, …).
"""

import calendar
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
    """Whether the value is a CVE id as CISA's schema defines it."""
    return isinstance(value, str) and _CVE.match(value) is not None


def parse_day(value: Any) -> datetime:
    """``2026-03-02`` as midnight UTC. Raises Unreadable for anything else."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise Unreadable(f"{quoted(value)} is no day (YYYY-MM-DD)")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise Unreadable(f"{quoted(value)} is no day of the calendar") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def last_day_of(year: int, month: int) -> datetime:
    """The last day of a month, as midnight UTC."""
    return datetime(year, month, calendar.monthrange(year, month)[1], tzinfo=UTC)


def is_web_page(data: bytes) -> bool:
    """Whether the bytes are HTML, as a proxy or a sign-in page answers with status 200."""
    start = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html"))


def parse_iso_time(value: Any) -> datetime:
    """An ISO 8601 time or day, converted to UTC; without an offset it is UTC already. Raises Unreadable."""
    try:
        time = datetime.fromisoformat(value.strip())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError, AttributeError, TypeError):
        raise Unreadable(f"{quoted(value)} is no time (ISO 8601)") from None


def quoted(value: Any) -> str:
    """A bad value, short and in ASCII: texts of feeds end up in logs and terminals."""
    if value is not None and not isinstance(value, str | int | float):
        # Only its type: nested YAML aliases are small in the file and endless when written out.
        return f"a {type(value).__name__}"
    text = ascii(value)
    return text if len(text) <= _QUOTED else text[:_QUOTED] + "…"
