"""Which days of a dataset can be requested, and the query parameters that request just those.

Here: pure decisions about days. Not here: Dagster's partitions (``orchestration/partitions.py``), which days have to be
requested again (``staleness.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from ..api import odata_time
from ..catalog import CursorPages, Dataset, Days, ODataPages
from .errors import WrongDay


@dataclass(frozen=True)
class Window:
    """Consecutive days, both ends included."""

    first: date
    last: date

    @property
    def dates(self) -> list[date]:
        """Every day, ascending."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    @property
    def start(self) -> datetime:
        """The first moment of the window (UTC)."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """The first moment after the window (UTC)."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)


def remembered(dataset: Dataset, today: date) -> Window:
    """The days of an event table for which the service still has all events, today included. Raises ValueError for
    other tables."""
    if dataset.remembered_days is None:
        raise ValueError(f"{dataset.name} is no event table")
    return Window(today - timedelta(days=dataset.remembered_days - 1), today)


def wrong_day(dataset: Dataset, day: date, today: date) -> WrongDay | None:
    """Why a day cannot be requested, and which days can be instead; None for one that can."""
    if dataset.days is Days.STATE:
        if day == today:
            return None
        return WrongDay(
            f"{dataset.name}: the service reports only the current state, so the partition {day} cannot be captured; "
            f"only today's ({today}, UTC) can. Nothing was written.",
            dataset=dataset.name,
        )
    window = remembered(dataset, today)
    if window.first <= day <= window.last:
        return None
    return WrongDay(
        f"{dataset.name}: {day} cannot be asked for; the service remembers {dataset.remembered_days} days "
        f"({window.first} to {window.last}, UTC). Nothing was written.",
        dataset=dataset.name,
    )


def consecutive(dates: Sequence[date]) -> list[Window]:
    """The smallest number of windows that cover exactly these days, earliest first."""
    windows: list[Window] = []
    for day in sorted(set(dates)):
        if windows and day - windows[-1].last == timedelta(days=1):
            windows[-1] = Window(windows[-1].first, day)
        else:
            windows.append(Window(day, day))
    return windows


def odata_filter(fetch: ODataPages, window: Window) -> str | None:
    """``$filter`` for the window (dates are written without quotes)."""
    if fetch.time_filter is None:
        return None
    return f"{fetch.time_filter} ge {odata_time(window.start)} and {fetch.time_filter} lt {odata_time(window.end)}"


def cursor_params(fetch: CursorPages, window: Window | None) -> dict[str, str]:
    """Query parameters of the first page of a cursor walk."""
    params = {"pageSize": str(fetch.page_size)}
    if fetch.since is not None:
        if window is None:
            raise ValueError("a delta endpoint is asked for a window")
        params[fetch.since] = odata_time(window.start)
    return params
