"""The daily refresh captures every UTC day, whatever its local hour."""

from datetime import UTC, date, datetime, timedelta
from itertools import takewhile

import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from defender_assets.definitions import build_defs
from defender_assets.orchestration.automation.daily_hours import days_left_out, has_tick, is_needed, stand_in_hour, tick

from .ticks import today

FIRST, LAST = date(2026, 11, 1), date(2028, 10, 31)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
ZONES = ("UTC", "Europe/London", "Europe/Berlin", "America/New_York", "America/St_Johns", "America/Santiago",
         "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Chatham", "Africa/Casablanca")  # fmt: skip
"""West and east of UTC, with clocks that change in either half of the year, by half an hour, twice around Ramadan, or
never; and whose hours begin at a quarter or half of those of UTC."""


def ticks_of_dagster(cron: str | list[str], zone: str) -> list[datetime]:
    """When the daemon would tick, by Dagster's own reading of the schedule."""
    start = datetime.combine(FIRST - timedelta(days=1), datetime.min.time(), UTC)
    end = datetime.combine(LAST + timedelta(days=2), datetime.min.time(), UTC)
    moments = schedule_execution_time_iterator(start.timestamp(), cron, zone, True)
    return list(takewhile(lambda moment: moment < end, (moment.astimezone(UTC) for moment in moments)))


@pytest.mark.parametrize(("hour", "zone"), [(0, "Europe/London"), (1, "Europe/Berlin"), (19, "America/New_York")])
def test_an_hour_beside_midnight_in_utc_leaves_out_a_day_a_year(hour: int, zone: str) -> None:
    assert len(list(days_left_out(hour, zone, FIRST, LAST))) == 2
    assert stand_in_hour(hour, zone, FIRST) == (hour + 12) % 24


@pytest.mark.parametrize(("hour", "zone"), [(6, "UTC"), (0, "UTC"), (6, "Europe/Berlin"), (9, "Asia/Tokyo")])
def test_any_other_hour_needs_no_second_one(hour: int, zone: str) -> None:
    assert stand_in_hour(hour, zone, FIRST) is None


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_has_a_tick_where_dagster_has_one(zone: str) -> None:
    for hour in range(24):
        theirs = {moment.date() for moment in ticks_of_dagster(f"0 {hour} * * *", zone)}
        assert [day for day in DAYS if has_tick(day, hour, zone) != (day in theirs)] == [], hour


@pytest.mark.parametrize("zone", ZONES)
def test_with_the_second_hour_no_day_is_left_out(zone: str) -> None:
    for hour in range(24):
        second = stand_in_hour(hour, zone, FIRST)
        cron = [f"0 {one} * * *" for one in (hour, second) if one is not None]
        asked = [moment for moment in ticks_of_dagster(cron, zone) if is_needed(moment, hour, zone)]
        assert set(DAYS) <= {moment.date() for moment in asked}, hour


def test_the_second_hour_asks_for_the_one_day_that_the_first_leaves_out() -> None:
    # On 31 October 2027 clocks in Berlin go back: 1 o'clock is 23:00 UTC of the 30th, then midnight of 1 November.
    cron = ["0 1 * * *", "0 13 * * *"]
    asked = [moment for moment in ticks_of_dagster(cron, "Europe/Berlin") if is_needed(moment, 1, "Europe/Berlin")]
    by_second_hour = [moment for moment in asked if 11 <= moment.hour <= 12]
    assert [moment.date() for moment in by_second_hour] == [date(2027, 10, 31), date(2028, 10, 29)]


def test_the_schedule_has_the_second_hour_and_says_why(daemon, monkeypatch) -> None:
    monkeypatch.setenv("DEFENDER_REFRESH_HOUR", "1")
    monkeypatch.setenv("DEFENDER_TIME_ZONE", "Europe/Berlin")
    daemon.defs = build_defs()
    schedule = daemon.defs.resolve_schedule_def("daily_refresh")
    assert schedule.cron_schedule == ["0 1 * * *", "0 13 * * *"]
    assert "that day is fetched at 13 o'clock" in schedule.description
    # Today has a 1 o'clock, unless it is the one day of the year that has none.
    has_first = has_tick(date.fromisoformat(today()), 1, "Europe/Berlin")
    result = daemon.clock("daily_refresh", tick(date.fromisoformat(today()), 13, "Europe/Berlin"))
    assert bool(result.run_requests) is not has_first
