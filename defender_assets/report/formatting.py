"""How values read on the page: names, numbers, shares, days, durations and changes.

Here: one value in, plain text out. Not here: making foreign text printable (``sanitize.py``), escaping it for HTML
(``templates/``).
"""

import shlex
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ..sanitize import printable
from ..tenant import DEFAULT_TENANT

LONGEST_NAME = 80
"""Characters of a name before it is cut."""

NBSP = "\u00a0"
_LINE_BREAKS = str.maketrans(dict.fromkeys("\t\n\v\f\r", " "))


def shown(name: object, longest: int = LONGEST_NAME) -> str:
    """A foreign name in at most ``longest`` characters: what does not print is spelled out, line breaks and tabs are
    spaces, and what is too long is cut."""
    # Cut before and after: what is spelled out is longer than the character that it stands for.
    visible = str(name)[: longest + 1]
    if not visible.isprintable():
        visible = printable(visible.translate(_LINE_BREAKS))
    if len(visible) > longest:
        visible = visible[: longest - 1].rstrip() + "…"
    # A name of nothing but spaces would look like none at all.
    return visible if visible.strip() or not visible else f"'{visible[: longest - 2]}'"


def number(value: float | None, digits: int = 0) -> str:
    """``12,345``; a dash where it is not known."""
    return "–" if value is None else f"{value:,.{digits}f}"


def share(part: float | None, whole: float | None) -> float | None:
    """``part`` in percent of ``whole``; None if either is unknown or the whole is 0."""
    return None if part is None or not whole else 100 * part / whole


def percent(value: float | None) -> str:
    """``62.9 %``. Rounding never makes a share read 0 or 100 that is not exactly that."""
    if value is None:
        return "–"
    rounded = round(value, 1)
    if rounded in (0, 100) and value != rounded:
        rounded = 99.9 if value < 100 and rounded == 100 else 0.1
    return f"{rounded:.0f}{NBSP}%" if rounded in (0, 100) else f"{rounded:.1f}{NBSP}%"


def counted(count: int | None, one: str, many: str | None = None) -> str:
    """``1 device``, ``2 devices``."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def date_time(value: datetime | None) -> str:
    """``2026-11-23 16:50 UTC``."""
    return "–" if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def iso_date(value: date | datetime | None) -> str:
    """``2026-11-23``."""
    return "–" if value is None else f"{value:%Y-%m-%d}"


def duration(age: timedelta | None) -> str:
    """``14 minutes``, ``30 hours``, ``12 days``."""
    if age is None:
        return "–"
    minutes = age.total_seconds() / 60
    if minutes < 1:
        return "under a minute"
    if minutes < 90:
        return counted(round(minutes), "minute")
    return counted(round(minutes / 60), "hour") if minutes < 48 * 60 else counted(round(minutes / 1440), "day")


@dataclass(frozen=True)
class Change:
    """How a number changed since the earlier day; ``sense`` is better, worse or same."""

    text: str
    sense: str


def change(
    now: float | None, earlier: float | None, *, digits: int = 0, unit: str = "", rising_is_good: bool | None = True
) -> Change | None:
    """The change in words, None where one of the two is not known. ``unit`` is ``pt`` for percentage points. With
    ``rising_is_good`` None a change is neither good nor bad."""
    if now is None or earlier is None:
        return None
    difference = round(now - earlier, digits)
    if not difference:
        return Change("unchanged", "same")
    amount = f"{abs(difference):,.{digits}f}" + (f"{NBSP}{unit}" if unit else "")
    arrow, sign = ("▲", "+") if difference > 0 else ("▼", "−")
    sense = "same" if rising_is_good is None else "better" if (difference > 0) == rising_is_good else "worse"
    return Change(f"{arrow}{NBSP}{sign}{amount}", sense)


def query_command(sql: str, tenant: str) -> str:
    """The command that lists all rows. ``sql`` must hold no foreign text."""
    option = "" if tenant == DEFAULT_TENANT else f" --tenant {shlex.quote(tenant)}"
    return f'defender-assets query{option} "{" ".join(sql.split())}"'
