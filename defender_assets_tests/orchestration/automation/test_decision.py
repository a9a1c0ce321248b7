"""What a sensor requests, as rules, and what it remembers between ticks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defender_assets.orchestration.automation.cursor import SensorCursor
from defender_assets.orchestration.automation.decision import (
    MAX_ATTEMPTS,
    ExportVersion,
    RefreshAttempt,
    decide,
    export_version,
    lacks_version,
)

NAMES = st.sampled_from(["a", "b", "c", "d"])
CHANGES = st.sampled_from(["2026-01-01", "2026-01-02", "missing"])
STALE = st.dictionaries(NAMES, CHANGES)
ATTEMPTS = st.dictionaries(NAMES, st.builds(RefreshAttempt, CHANGES, st.integers(1, MAX_ATTEMPTS)))
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@given(STALE, st.sets(NAMES), ATTEMPTS)
def test_what_is_stale_is_requested_or_in_flight_or_given_up_and_nothing_else(stale, in_flight, attempts):
    decision = decide(stale, in_flight, attempts)
    assert sorted([*decision.to_request, *decision.in_flight, *decision.given_up]) == sorted(stale)
    assert not set(decision.to_request) & in_flight
    assert set(decision.attempts) <= set(stale)
    assert all(1 <= attempt.number <= MAX_ATTEMPTS for attempt in decision.to_request.values())


@given(st.dictionaries(NAMES, CHANGES, min_size=1), ATTEMPTS)
def test_the_same_change_is_requested_at_most_three_times_each_with_a_number_of_its_own(stale, attempts):
    numbers: dict[str, list[int]] = {name: [] for name in stale}
    for _ in range(2 * MAX_ATTEMPTS):
        decision = decide(stale, set(), attempts)
        attempts = decision.attempts
        for name, attempt in decision.to_request.items():
            numbers[name].append(attempt.number)
    for requested in numbers.values():
        assert requested == sorted(set(requested))
        assert len(requested) <= MAX_ATTEMPTS
    assert not decide(stale, set(), attempts).to_request


@given(ATTEMPTS, NAMES)
def test_a_newer_change_counts_from_one_again(attempts, name):
    assert decide({name: "a newer change"}, set(), attempts).to_request[name].number == 1


@given(STALE, ATTEMPTS)
def test_what_was_published_is_forgotten(stale, attempts):
    assert decide({}, set(), decide(stale, set(), attempts).attempts).attempts == {}


TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda time: time.replace(tzinfo=UTC))
VERSIONS = st.dictionaries(NAMES, st.builds(ExportVersion, st.text(max_size=5), TIMES), min_size=1)


@settings(max_examples=40)
@given(st.dictionaries(NAMES, ATTEMPTS.filter(bool)), st.dictionaries(NAMES, VERSIONS))
def test_the_cursor_reads_as_it_was_written(attempts, versions):
    cursor = SensorCursor(attempts, versions)
    assert SensorCursor.from_json(cursor.to_json()) == cursor


@pytest.mark.parametrize(
    "text",
    [
        None, "", "nonsense", "[]", "3", '{"attempts": {"t": {"a": 1}}}', '{"exports": 3}',
        # The form of an earlier version.
        '{"asked": {"t": {"a": ["2026-01-01", 2]}}, "seen": {"t": {"b": ["t1", "2026-01-01T00:00:00+00:00"]}}}',
    ],
)  # fmt: skip
def test_a_cursor_of_another_form_is_an_empty_one(text):
    assert SensorCursor.from_json(text) == SensorCursor()


def test_a_table_lacks_a_version_until_a_refresh_began_after_it_was_first_listed():
    generated_at = NOW - timedelta(hours=3)
    first = export_version("t1", generated_at, NOW, None)
    assert lacks_version(None, first)
    assert lacks_version(generated_at - timedelta(minutes=1), first)
    assert not lacks_version(generated_at + timedelta(minutes=1), first)

    # A version may claim to be older than a refresh that could not read it yet.
    later = NOW + timedelta(hours=1)
    second = export_version("t2", NOW - timedelta(minutes=10), later, first)
    assert lacks_version(NOW, second)
    assert not lacks_version(later + timedelta(seconds=1), second)
    assert export_version("t2", NOW, later + timedelta(hours=1), second) == second
