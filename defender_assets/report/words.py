"""How values read on the page: names made harmless, numbers, shares, days, changes.

Here: one value in, plain text out. Not here: HTML (the template escapes everything), sums.

Names come from devices, products and people that may be hostile. What cannot be seen (control characters, changes of
writing direction) is written out, so that a name looks like what it is and fits where it stands.
"""

import shlex
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ..sanitize import printable

LONGEST = 80
"""Characters of a name before it is cut."""

_NBSP = "\u00a0"


def shown(name: object, longest: int = LONGEST) -> str:
    """A foreign name as it can be shown: what does not print is written as its code, what is too long is cut."""
    text = str(name)
    # Cut before and after: a code is longer than what it stands for.
    visible = printable(text[: longest + 1])
    if len(visible) > longest:
        visible = visible[: longest - 1].rstrip() + "…"
    # A name of nothing but spaces would look like none at all.
    return visible if visible.strip() or not visible else f"'{visible[: longest - 2]}'"


def number(value: float | None, digits: int = 0) -> str:
    """``12,345``; a dash for what is not known."""
    return "–" if value is None else f"{value:,.{digits}f}"


def share(part: float | None, whole: float | None) -> float | None:
    """Percent of the whole; None where there is no whole, because a share of nothing is not 0 or 100."""
    return None if part is None or not whole else 100 * part / whole


def percent(value: float | None) -> str:
    """``62.9 %``. What is not everything does not read 100, what is not nothing does not read 0."""
    if value is None:
        return "–"
    shortened = round(value, 1)
    if shortened in (0, 100) and value != shortened:
        shortened = 99.9 if value < 100 and shortened == 100 else 0.1
    return f"{shortened:.0f}{_NBSP}%" if shortened in (0, 100) else f"{shortened:.1f}{_NBSP}%"


def counted(count: int | None, one: str, many: str | None = None) -> str:
    """``1 device``, ``2 devices``."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def moment(value: datetime | None) -> str:
    """``2026-11-23 16:50 UTC``."""
    return "–" if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def on_day(value: date | datetime | None) -> str:
    """``2026-11-23``."""
    return "–" if value is None else f"{value:%Y-%m-%d}"


def lasting(age: timedelta | None) -> str:
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
    """What a number did since the day of comparison; ``sense`` is better, worse, or same."""

    text: str
    sense: str


def change(
    now: float | None, then: float | None, *, digits: int = 0, unit: str = "", rising_is_good: bool | None = True
) -> Change | None:
    """The change in words, None where one of the two is not known. ``unit`` is ``pt`` for percentage points; rising is
    neither good nor bad with None."""
    if now is None or then is None:
        return None
    difference = round(now - then, digits)
    if not difference:
        return Change("unchanged", "same")
    words = f"{abs(difference):,.{digits}f}" + (f"{_NBSP}{unit}" if unit else "")
    arrow, verb = ("▲", "+") if difference > 0 else ("▼", "−")
    sense = "same" if rising_is_good is None else "better" if (difference > 0) == rising_is_good else "worse"
    return Change(f"{arrow}{_NBSP}{verb}{words}", sense)


def ask(sql: str, tenant: str) -> str:
    """The command that lists what the page cuts off. ``sql`` must hold no foreign text."""
    whose = "" if tenant == "default" else f" --tenant {shlex.quote(tenant)}"
    return f'defender-assets query{whose} "{" ".join(sql.split())}"'
