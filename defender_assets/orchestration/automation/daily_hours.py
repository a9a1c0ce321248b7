"""Local hours at which the daily refresh starts, so that no UTC day is left out.

Here: pure functions of hour, time zone and day. Not here: the schedule (``schedules.py``).

Days are UTC, the hour is that of a time zone. Where the change of clocks moves the hour across midnight in UTC (0
o'clock in London, 1 in Berlin, 19 in New York), one tick a year is on the day before and the next one on the day
after: the day between would never be captured. On that day alone a second hour stands in.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_YEARS = timedelta(days=2 * 366)
"""How far ahead a time zone is checked: its rules repeat every year, as far as they are known."""


def tick(day: date, hour: int, zone: str) -> datetime:
    """The moment (UTC) of a local hour. An hour that occurs twice means the second time, one that is left out means the
    moment at which clocks change: Dagster has it on the same UTC day."""
    local = datetime.combine(day, time(hour), ZoneInfo(zone))
    return max(local.astimezone(UTC), local.replace(fold=1).astimezone(UTC))


def stand_in_hour(hour: int, zone: str, today: date) -> int | None:
    """The second hour, for a schedule that would otherwise leave a day out within two years; None where none is."""
    return _second(hour) if next(days_left_out(hour, zone, today, today + _YEARS), None) else None


def is_needed(moment: datetime, hour: int, zone: str) -> bool:
    """Whether a tick of either hour has work to do: one of the second only on a day without the first."""
    is_second = moment.astimezone(ZoneInfo(zone)).hour == _second(hour)
    return not is_second or not has_tick(moment.astimezone(UTC).date(), hour, zone)


def days_left_out(hour: int, zone: str, first: date, last: date) -> Iterator[date]:
    """The UTC days between two days, both included, on which no tick of the hour falls."""
    day = first
    while day <= last:
        if not has_tick(day, hour, zone):
            yield day
        day += timedelta(days=1)


def has_tick(day: date, hour: int, zone: str) -> bool:
    """Whether the local hour comes on that UTC day."""
    # The local date may be the one before or the one after.
    return any(tick(day + timedelta(days=shift), hour, zone).date() == day for shift in (-1, 0, 1))


def _second(hour: int) -> int:
    """Half a day later: between the two ticks there are never 24 hours."""
    return (hour + 12) % 24
