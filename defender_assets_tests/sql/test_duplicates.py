"""Keys that occur more than once are found, and exact repeats can be dropped."""

import datetime as dt
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defender_assets.catalog import Group, Table
from defender_assets.catalog.column import text, whole
from defender_assets.lake import Duplicates, Lake, LakeError
from defender_assets.sql import duplicates

from ..lake.things import MONDAY, NOON, RICH, THINGS, many, row, rows_of


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_keys_that_occur_once_are_no_duplicates(lake: Lake) -> None:
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(many(1000))
        found = partition.duplicates()

    assert not found
    assert found == Duplicates()


def test_an_exact_repeat_is_distinguished_from_a_contradiction(lake: Lake) -> None:
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(rows_of([RICH, RICH, RICH, row(id="c", number=3, score=1.0), row(id="c", number=3, score=2.0)]))
        partition.write(many(10))
        found = partition.duplicates()

    assert (found.keys, found.rows) == (2, 5)
    assert (found.conflicting_keys, found.conflicting_rows) == (1, 2)


def test_rows_that_differ_only_in_when_they_were_asked_for_are_the_same(lake: Lake) -> None:
    later = RICH | {"observed_at": NOON + dt.timedelta(hours=1)}
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(rows_of([RICH, later]))
        assert partition.duplicates().conflicting_keys == 0
        assert partition.drop_exact_duplicates() == 1
        partition.publish()

    assert lake.read("things").to_pylist() == [RICH]


def test_nulls_in_keys_equal_each_other(lake: Lake) -> None:
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(rows_of([row(number=None), row(number=None), row(id=None, number=None), row(number=2)]))
        found = partition.duplicates()

    assert (found.keys, found.rows) == (1, 2)


def test_dropping_keeps_order_metadata_and_what_contradicts(lake: Lake) -> None:
    with lake.writing(THINGS, MONDAY, {"api_host": "api.example.com"}) as partition:
        partition.write(many(140_000))
        partition.write(many(70_000, start=100_000))
        partition.write(rows_of([row(id="thing-7", number=7, score=1.0)]))
        assert partition.duplicates() == Duplicates(40_001, 80_002, 1, 2)
        assert partition.drop_exact_duplicates() == 40_000
        assert partition.rows == 170_001
        assert partition.duplicates() == Duplicates(1, 2, 1, 2)
        partition.publish()

    stored = lake.read("things", columns=["number"])["number"].to_pylist()
    assert stored == [*range(170_000), 7]
    assert lake.metadata("things")["api_host"] == "api.example.com"
    assert not list(Path(lake.root).glob(".*"))


def test_none_is_missed_in_a_file_that_is_looked_at_in_parts(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_SORTED_AT_ONCE", 20_000)
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(many(70_000))
        partition.write(many(40_000, start=50_000))
        partition.write(rows_of([row(id="thing-7", number=7, score=1.0)]))
        assert partition.duplicates() == Duplicates(20_001, 40_002, 1, 2)
        assert partition.drop_exact_duplicates() == 20_000


def test_no_room_to_look_for_them_is_reported(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_MEMORY", "100KB")
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(many(50_000))
        with pytest.raises(LakeError, match=r"things: whether its keys are unique .*TMPDIR"):
            partition.duplicates()


def test_nested_values_decide_too(lake: Lake) -> None:
    def with_size(size: int | None) -> dict[str, Any]:
        return RICH | {"evidence": [{"file_name": "x", "size": size}]}

    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(rows_of([with_size(1), with_size(None), with_size(1)]))
        found = partition.duplicates()
        assert (found.keys, found.rows, found.conflicting_keys) == (1, 3, 1)
        assert partition.drop_exact_duplicates() == 1


SMALL = Table(
    name="small",
    title="Small",
    description="Few values, so that rows collide.",
    group=Group.DEFENDER,
    key=("id", "part"),
    columns=(text("id", "One half of the key."), text("part", "The other."), whole("value", "What it says.")),
)
FEW = st.sampled_from(["", "a", "b", None])


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(FEW, FEW, st.sampled_from([0, 1, None])), max_size=25))
def test_counts_and_what_is_left_agree_with_counting_by_hand(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple]
) -> None:
    versions: dict[tuple, set] = defaultdict(set)
    for one, other, value in rows:
        versions[one, other].add(value)
    times = Counter((one, other) for one, other, _ in rows)
    repeated = {key for key, number in times.items() if number > 1}
    conflicting = {key for key in repeated if len(versions[key]) > 1}

    lake = Lake(tmp_path_factory.mktemp("lake"))
    with lake.writing(SMALL, MONDAY, {}) as partition:
        for one, other, value in rows:
            partition.write(pa.Table.from_pylist([{"id": one, "part": other, "value": value}], SMALL.schema))
        found = partition.duplicates()
        dropped = partition.drop_exact_duplicates()
        partition.publish()

    assert found.keys == len(repeated)
    assert found.rows == sum(times[key] for key in repeated)
    assert found.conflicting_keys == len(conflicting)
    assert found.conflicting_rows == sum(times[key] for key in conflicting)
    assert dropped == len(rows) - len(set(rows))
    assert [tuple(stored.values()) for stored in lake.read("small").to_pylist()] == list(dict.fromkeys(rows))
