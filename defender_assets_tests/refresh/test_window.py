"""Which days can be asked for, and how they are put together."""

import re
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.catalog import DATASETS
from defender_assets.refresh import Window, consecutive
from defender_assets.refresh.days import cursor_params, odata_filter, wrong_day

TODAY = date(2026, 3, 2)


def test_only_today_of_a_state_table_can_be_captured():
    assert wrong_day(DATASETS["machines"], TODAY, TODAY) is None
    wrong = wrong_day(DATASETS["machines"], TODAY - timedelta(days=1), TODAY)
    assert re.match(r"machines: the service reports only the current state.*2026-03-01.*2026-03-02", str(wrong))


@pytest.mark.parametrize(("table", "days"), [("alerts", 180), ("software_vulnerability_changes", 14)])
def test_an_event_table_can_be_asked_for_as_far_as_the_service_remembers(table, days):
    dataset = DATASETS[table]
    assert [wrong_day(dataset, day, TODAY) for day in (TODAY - timedelta(days=days - 1), TODAY)] == [None, None]
    for day in (TODAY - timedelta(days=days), TODAY + timedelta(days=1)):
        assert f"remembers {days} days" in str(wrong_day(dataset, day, TODAY))


@given(st.sets(st.integers(0, 40)))
def test_days_are_joined_into_the_fewest_windows_that_hold_exactly_them(offsets):
    days = [TODAY + timedelta(days=n) for n in offsets]
    windows = consecutive(days)
    assert [day for window in windows for day in window.dates] == sorted(days)
    assert all(later.first - former.last > timedelta(days=1) for former, later in pairwise(windows))


def test_the_service_is_asked_for_just_the_window():
    window = Window(date(2026, 3, 1), TODAY)
    assert odata_filter(DATASETS["alerts"].fetch, window) == (
        "alertCreationTime ge 2026-03-01T00:00:00Z and alertCreationTime lt 2026-03-03T00:00:00Z"
    )
    assert cursor_params(DATASETS["software_vulnerability_changes"].fetch, window) == {
        "pageSize": "50000",
        "sinceTime": "2026-03-01T00:00:00Z",
    }
