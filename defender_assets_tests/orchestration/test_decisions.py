"""What is asked for, as rules."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.orchestration.automation.policy import (  # fmt: skip
    ATTEMPTS,
    Asked,
    Memory,
    Sighting,
    decide,
    export_behind,
    sighted,
)

NAMES = st.sampled_from(["a", "b", "c", "d"])
CHANGES = st.sampled_from(["2026-01-01", "2026-01-02", "missing"])
ASKED = st.dictionaries(NAMES, st.builds(Asked, CHANGES, st.integers(1, ATTEMPTS)))
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@given(st.dictionaries(NAMES, CHANGES), st.sets(NAMES), ASKED)
def test_what_is_behind_is_asked_for_or_under_way_or_given_up_and_nothing_else(behind, under_way, asked):
    decision = decide(behind, under_way, asked)
    told = [*decision.request, *decision.under_way, *decision.given_up]
    assert sorted(told) == sorted(behind)
    assert not set(decision.request) & under_way
    assert set(decision.asked) <= set(behind)
    assert all(1 <= asking.attempts <= ATTEMPTS for asking in decision.request.values())


@given(st.dictionaries(NAMES, CHANGES, min_size=1), ASKED)
def test_the_same_change_is_asked_for_at_most_three_times_with_a_number_of_its_own_each(behind, asked):
    numbers: dict[str, list[int]] = {what: [] for what in behind}
    for _ in range(2 * ATTEMPTS):
        decision = decide(behind, set(), asked)
        asked = decision.asked
        for what, asking in decision.request.items():
            numbers[what].append(asking.attempts)
    for counted in numbers.values():
        assert counted == sorted(set(counted))
        assert len(counted) <= ATTEMPTS
    assert not decide(behind, set(), asked).request


@given(ASKED, NAMES)
def test_a_newer_change_counts_from_one_again(asked, what):
    assert decide({what: "a newer change"}, set(), asked).request[what].attempts == 1


@given(st.dictionaries(NAMES, CHANGES), ASKED)
def test_what_is_published_is_forgotten(behind, asked):
    assert decide({}, set(), decide(behind, set(), asked).asked).asked == {}


TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
SIGHTINGS = st.dictionaries(NAMES, st.builds(Sighting, st.text(max_size=5), TIMES), min_size=1)


@given(st.dictionaries(NAMES, ASKED.filter(bool)), st.dictionaries(NAMES, SIGHTINGS))
def test_the_cursor_reads_as_it_was_written(asked, seen):
    memory = Memory(asked, seen)
    assert Memory.read(memory.written()) == memory


@pytest.mark.parametrize("cursor", [None, "", "nonsense", "[]", "3", '{"asked": {"t": {"a": 1}}}', '{"seen": 3}'])
def test_a_cursor_that_is_not_ours_is_an_empty_one(cursor):
    assert Memory.read(cursor) == Memory()


def test_an_export_is_behind_until_a_refresh_began_after_it_was_seen():
    made = NOW - timedelta(hours=3)
    first = sighted("t1", made, NOW, None)
    assert export_behind(first, None)
    assert export_behind(first, made - timedelta(minutes=1))
    assert not export_behind(first, made + timedelta(minutes=1))

    # A new one may say that it was made before the refresh that could not read it yet.
    later = NOW + timedelta(hours=1)
    second = sighted("t2", NOW - timedelta(minutes=10), later, first)
    assert export_behind(second, NOW)
    assert not export_behind(second, later + timedelta(seconds=1))
    assert sighted("t2", NOW, later + timedelta(hours=1), second) == second
