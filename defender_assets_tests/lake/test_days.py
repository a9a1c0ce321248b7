"""One walk over an event table writes the partitions of several days."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defender_assets.lake import DaysWriter, Duplicates, Lake, PublishedFile, WrongColumns, writer

from .things import MONDAY, THINGS, TUESDAY, WEDNESDAY, many, numbers, publish, row, rows_of


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def at(day: dt.date, number: int, hour: int = 12) -> dict:
    return row(id=f"e{number}", number=number, seen_at=dt.datetime.combine(day, dt.time(hour), dt.UTC))


def publish_all(days: DaysWriter) -> list[PublishedFile]:
    return [writer.publish() for writer in days.writers.values()]


def test_rows_go_to_their_day_and_a_day_without_rows_is_published_empty(lake: Lake) -> None:
    publish(lake, TUESDAY, many(9))
    with lake.writing_days(THINGS, [WEDNESDAY, MONDAY, TUESDAY], "seen_at", {"observed_at": "now"}) as days:
        days.write(rows_of([at(WEDNESDAY, 1), at(MONDAY, 2), at(WEDNESDAY, 3)]))
        days.write(rows_of([at(MONDAY, 4)]))
        assert {day: each.rows for day, each in days.writers.items()} == {MONDAY: 2, TUESDAY: 0, WEDNESDAY: 2}
        assert list(days.writers) == [MONDAY, TUESDAY, WEDNESDAY]
        published = publish_all(days)

    assert [(each.date, each.rows) for each in published] == [(MONDAY, 2), (TUESDAY, 0), (WEDNESDAY, 2)]
    assert numbers(lake.read("things", MONDAY)) == [2, 4]
    assert numbers(lake.read("things", TUESDAY)) == []
    assert numbers(lake.read("things", WEDNESDAY)) == [1, 3]
    assert lake.metadata("things", TUESDAY)["snapshot_date"] == "2026-03-03"


def test_a_day_ends_at_midnight_utc(lake: Lake) -> None:
    last = dt.datetime(2026, 3, 2, 23, 59, 59, 999999, tzinfo=dt.UTC)
    with lake.writing_days(THINGS, [MONDAY, TUESDAY], "seen_at", {}) as days:
        days.write(rows_of([row(number=1, seen_at=last), row(number=2, seen_at=last + dt.timedelta(microseconds=1))]))
        publish_all(days)

    assert numbers(lake.read("things", MONDAY)) == [1]
    assert numbers(lake.read("things", TUESDAY)) == [2]


@pytest.mark.parametrize(
    ("stray", "says"), [(at(MONDAY, 1), "rows of 2026-03-02 are not"), (row(number=4), "rows of no day are not")]
)
def test_rows_of_other_days_and_rows_without_a_time_are_refused(lake: Lake, stray: dict, says: str) -> None:
    with lake.writing_days(THINGS, [TUESDAY], "seen_at", {}) as days:
        with pytest.raises(ValueError, match=f"things: {says} of the days that are written"):
            days.write(rows_of([at(TUESDAY, 2), stray]))
        assert days.writers[TUESDAY].rows == 0


def test_a_failure_leaves_every_day_as_it_was(lake: Lake) -> None:
    publish(lake, MONDAY, many(3))

    def interrupted() -> None:
        with lake.writing_days(THINGS, [MONDAY, TUESDAY], "seen_at", {}) as days:
            days.write(rows_of([at(MONDAY, 1), at(TUESDAY, 1)]))
            days.write(pa.table({"seen_at": [1]}))

    with pytest.raises(WrongColumns):
        interrupted()
    assert lake.dates("things") == [MONDAY]
    assert lake.rows("things", MONDAY) == 3
    assert not list(Path(lake.root).glob(".*"))


def test_duplicates_are_looked_for_within_each_day(lake: Lake) -> None:
    with lake.writing_days(THINGS, [MONDAY, TUESDAY], "seen_at", {}) as days:
        days.write(rows_of([at(MONDAY, 1), at(MONDAY, 1), at(MONDAY, 2), at(TUESDAY, 2), at(TUESDAY, 3)]))
        days.write(rows_of([at(TUESDAY, 3, hour=13)]))
        monday, tuesday = days.writers.values()
        assert monday.duplicates() == Duplicates(keys=1, rows=2)
        assert tuesday.duplicates() == Duplicates(keys=1, rows=2, conflicting_keys=1, conflicting_rows=2)
        assert [monday.drop_exact_duplicates(), tuesday.drop_exact_duplicates()] == [1, 0]
        publish_all(days)

    assert numbers(lake.read("things", MONDAY)) == [1, 2]
    assert numbers(lake.read("things", TUESDAY)) == [2, 3, 3]


def test_what_days_hold_in_memory_together_is_bounded(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "WAITING_BYTES", 100_000)
    dates = [MONDAY + dt.timedelta(days=number) for number in range(30)]
    with lake.writing_days(THINGS, dates, "seen_at", {}) as days:
        for number in range(10):
            days.write(rows_of([at(day, number) | {"extra": "x" * 1000} for day in dates]))
            assert sum(partition.waiting_bytes for partition in days.writers.values()) <= 100_000
        published = publish_all(days)

    assert [each.rows for each in published] == [10] * 30


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files in /proc")
def test_half_a_year_of_days_needs_few_open_files(lake: Lake) -> None:
    dates = [MONDAY + dt.timedelta(days=number) for number in range(180)]
    before = len(list(Path("/proc/self/fd").iterdir()))
    with lake.writing_days(THINGS, dates, "seen_at", {}) as days:
        days.write(rows_of([at(day, number) for number, day in enumerate(dates)]))
        assert len(list(Path("/proc/self/fd").iterdir())) - before < 10
        publish_all(days)

    assert len(lake.dates("things")) == 180


@settings(max_examples=30, deadline=None)
@given(
    batches=st.lists(
        st.lists(
            st.datetimes(dt.datetime(2026, 3, 2), dt.datetime(2026, 3, 4, 23, 59, 59), timezones=st.just(dt.UTC)),
            max_size=6,
        ),
        max_size=6,
    )
)
def test_every_row_is_in_its_day(tmp_path_factory: pytest.TempPathFactory, batches: list) -> None:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    asked = [MONDAY, TUESDAY, WEDNESDAY]
    number = 0
    expected: dict[dt.date, list[int]] = {}
    with lake.writing_days(THINGS, asked, "seen_at", {}) as days:
        for batch in batches:
            rows = []
            for moment in batch:
                rows.append(row(number=number, seen_at=moment))
                expected.setdefault(moment.date(), []).append(number)
                number += 1
            days.write(rows_of(rows))
        publish_all(days)

    for day in asked:
        assert numbers(lake.read("things", day)) == expected.get(day, [])
    assert sum(writer.rows for writer in days.writers.values()) == number
