"""What is in the lake can be found, read by this package and by everybody else's readers, and told when it cannot."""

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake, LakeError, NoSnapshot, TableInfo, UnreadableSnapshot
from defender_assets.queries import query

from .things import EMPTY, MONDAY, RICH, THINGS, TUESDAY, WEDNESDAY, file_of, many, numbers, publish, row, rows_of


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def three_days(lake: Lake) -> Lake:
    for number, day in enumerate((TUESDAY, WEDNESDAY, MONDAY), start=1):
        publish(lake, day, many(number))
    return lake


# Finding


def test_the_newest_snapshot_is_the_latest_day_not_the_latest_write(three_days: Lake) -> None:
    assert three_days.dates("things") == [MONDAY, TUESDAY, WEDNESDAY]
    assert three_days.newest("things") == WEDNESDAY
    assert three_days.read("things").num_rows == 2
    assert three_days.read("things", MONDAY).num_rows == 3
    assert three_days.rows("things", TUESDAY) == 1


def test_tables_are_counted_from_footers_of_the_newest_snapshot(three_days: Lake) -> None:
    size = os.path.getsize(file_of(three_days, WEDNESDAY))
    assert three_days.tables() == [TableInfo("things", rows=2, newest=WEDNESDAY, bytes=size, days=3)]


def test_an_event_table_is_counted_over_all_its_days(lake: Lake) -> None:
    alerts = DATASETS["alerts"]
    sizes = [
        publish(lake, day, pa.Table.from_pylist([{"id": str(n)} for n in range(count)], alerts.schema), alerts).bytes
        for day, count in ((MONDAY, 3), (TUESDAY, 0), (WEDNESDAY, 1))
    ]
    assert lake.tables() == [TableInfo("alerts", rows=4, newest=WEDNESDAY, bytes=sum(sizes), days=3)]
    assert (lake.rows("alerts"), lake.rows("alerts", MONDAY)) == (4, 3)
    assert sum(batch.num_rows for batch in lake.batches("alerts")) == 4
    # its facts are those of the newest day
    assert lake.metadata("alerts")["snapshot_date"] == "2026-03-04"


def test_a_lake_that_does_not_exist_reads_as_empty_and_is_not_made(lake: Lake) -> None:
    assert lake.tables() == []
    assert lake.dates("things") == []
    assert lake.newest("things") is None
    assert lake.source("things", [MONDAY]) == []
    assert not Path(lake.root).exists()


def test_tenants_are_kept_apart(tmp_path: Path) -> None:
    ours, theirs = Lake(tmp_path, "contoso"), Lake(tmp_path, "Fabrikam Süd 2")
    publish(ours, MONDAY, many(1))
    publish(theirs, TUESDAY, many(2))

    assert ours.dates("things") == [MONDAY]
    assert theirs.read("things").num_rows == 2
    assert Lake(tmp_path).tables() == []
    assert Lake(tmp_path, "all").tables()[0].days == 2
    with pytest.raises(LakeError, match="one tenant: name it"):
        Lake(tmp_path, None).read("things")


def test_what_else_lies_around_is_passed_over(three_days: Lake) -> None:
    table = Path(three_days.root, "things")
    for name in (
        "_spark_metadata/0",
        "tenant=default/_tmp/x.parquet",
        "tenant=default/snapshot_date=2026-13-01/p.parquet",
    ):
        (table / name).parent.mkdir(parents=True, exist_ok=True)
        (table / name).write_bytes(b"no table")
    monday = table / "tenant=default" / "snapshot_date=2026-03-02"
    (monday / "_SUCCESS").touch()
    (monday / ".part-00001.parquet").write_bytes(b"PAR1")
    (monday / "notes.txt").write_text("no table")
    (table / "tenant=default" / "snapshot_date=2026-03-09").mkdir()
    (Path(three_days.root) / "README.md").write_text("no table")
    (Path(three_days.root) / "not a table").mkdir()

    assert three_days.dates("things") == [MONDAY, TUESDAY, WEDNESDAY]
    assert three_days.read("things", MONDAY).num_rows == 3
    assert [info.name for info in three_days.tables()] == ["things"]


def test_days_can_be_asked_for_by_a_range(three_days: Lake) -> None:
    assert three_days.dates("things", TUESDAY) == [TUESDAY, WEDNESDAY]
    assert three_days.dates("things", last=TUESDAY) == [MONDAY, TUESDAY]
    assert three_days.dates("things", TUESDAY, TUESDAY) == [TUESDAY]
    assert three_days.dates("things", WEDNESDAY + dt.timedelta(1)) == []


def test_the_newest_day_is_one_that_has_a_snapshot(three_days: Lake) -> None:
    file_of(three_days, WEDNESDAY).unlink()
    (Path(three_days.root) / "things" / "tenant=default" / "snapshot_date=of old").mkdir()
    assert three_days.newest("things") == TUESDAY
    assert three_days.read("things").num_rows == 1


@pytest.mark.parametrize(
    "look",
    [
        lambda lake: lake.newest("things"),
        lambda lake: lake.read("things"),
        lambda lake: lake.rows("things", MONDAY),
        lambda lake: lake.source("things", [MONDAY]),
        lambda lake: lake.dates("things", MONDAY, TUESDAY),
        lambda lake: query(lake, "SELECT count(*) FROM things").read_all(),
    ],
)
def test_a_look_at_one_day_opens_no_folder_of_the_others(
    lake: Lake, look: Callable[[Lake], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in range(30):
        publish(lake, MONDAY - dt.timedelta(days), many(1))
    opened: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: opened.append(str(folder)) or scandir(folder))
    look(lake)
    assert len([folder for folder in opened if "snapshot_date=" in folder]) <= 1


def test_a_day_that_is_not_there_says_which_are(three_days: Lake) -> None:
    with pytest.raises(
        NoSnapshot, match=r"things has no snapshot of 2026-01-01 .* there are 3, from 2026-03-02 to 2026-03-04"
    ):
        three_days.read("things", dt.date(2026, 1, 1))


def test_a_table_that_is_not_there_says_what_to_do(lake: Lake) -> None:
    with pytest.raises(NoSnapshot, match=r"machines has no snapshot .*--select machines.*DEFENDER_LAKE"):
        lake.read("machines")
    with pytest.raises(NoSnapshot, match="for the tenant contoso"):
        Lake(lake.root, "contoso").metadata("machines")


@pytest.mark.parametrize("name", ["../etc", "a/b", "", ".hidden", "ma chines", "x\x00"])
def test_what_is_no_table_name_is_never_a_path(lake: Lake, name: str) -> None:
    with pytest.raises(LakeError, match="is not a table name"):
        lake.read(name)


def test_the_source_of_some_days_is_the_files_of_those_that_are_there(three_days: Lake) -> None:
    pq.write_table(many(4, start=50), file_of(three_days, MONDAY).with_name("part-00001.parquet"))

    files = three_days.source("things", [dt.date(2026, 1, 1), MONDAY, TUESDAY])
    assert duckdb.sql(f"SELECT count(*) FROM read_parquet({files})").fetchall() == [(3 + 4 + 1,)]
    assert three_days.source("things", [dt.date(2026, 1, 1)]) == []


# Reading


def test_columns_come_in_the_order_asked_for(three_days: Lake) -> None:
    assert three_days.read("things", columns=["number", "id"]).column_names == ["number", "id"]
    with pytest.raises(LakeError, match="things has no column nmae; it has id, number"):
        three_days.read("things", columns=["nmae"])


def test_a_snapshot_can_be_read_in_batches(lake: Lake) -> None:
    publish(lake, MONDAY, many(140_000))

    assert sum(batch.num_rows for batch in lake.batches("things")) == 140_000


def test_parts_with_different_columns_are_read_together(lake: Lake) -> None:
    first = Path(publish(lake, MONDAY, many(2)).uri)
    pq.write_table(pa.table({"id": ["new"], "number": [9], "later": ["x"]}), first.with_name("part-00001.parquet"))

    rows = lake.read("things", MONDAY)
    assert rows["number"].to_pylist() == [0, 1, 9]
    assert rows["later"].to_pylist() == [None, None, "x"]


def test_every_common_reader_reads_the_table_as_it_is(three_days: Lake) -> None:
    table = Path(three_days.root, "things")
    with three_days.writing(THINGS, MONDAY, {}) as partition:  # a write under way disturbs nobody
        partition.write(many(50))
        partition.flush()

        frame = pd.read_parquet(table)
        assert len(frame) == 6
        assert set(frame["snapshot_date"].astype(str)) == {"2026-03-02", "2026-03-03", "2026-03-04"}
        assert set(frame["tenant"]) == {"default"}

        arrow = pads.dataset(table, partitioning="hive")
        assert arrow.count_rows() == 6
        assert arrow.schema.field("seen_at").type == pa.timestamp("us", tz="UTC")

        rows = f"read_parquet('{table}/**/*.parquet', hive_partitioning = true)"
        found = duckdb.sql(f"SELECT snapshot_date, tenant, count(*) FROM {rows} GROUP BY ALL ORDER BY ALL").fetchall()
        assert found == [(MONDAY, "default", 3), (TUESDAY, "default", 1), (WEDNESDAY, "default", 2)]


def test_polars_reads_the_table_as_it_is(three_days: Lake) -> None:
    polars = pytest.importorskip("polars")
    table = Path(three_days.root, "things")
    with three_days.writing(THINGS, MONDAY, {}) as partition:
        partition.write(many(50))
        partition.flush()
        frame = polars.read_parquet(table)
    assert frame.height == 6
    assert frame["snapshot_date"].to_list().count(MONDAY) == 3
    assert frame.schema["seen_at"] == polars.Datetime("us", "UTC")


def test_every_common_reader_sees_the_values_that_were_written(lake: Lake) -> None:
    uri = publish(lake, MONDAY, rows_of([RICH, EMPTY])).uri

    assert lake.read("things").to_pylist() == [RICH, EMPTY]
    assert pq.read_table(uri, partitioning=None).to_pylist() == [RICH, EMPTY]

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    columns = ", ".join(RICH)
    rich, empty = connection.sql(f"SELECT {columns} FROM read_parquet('{uri}') ORDER BY id").fetchall()
    assert list(rich) == list(RICH.values())
    assert list(empty) == list(EMPTY.values())

    frame = pd.read_parquet(uri, dtype_backend="pyarrow").set_index("id")
    assert frame.loc["a", "device_name"] == RICH["device_name"]
    assert frame.loc["a", "seen_at"] == pd.Timestamp(RICH["seen_at"])
    assert frame.loc["b"].drop(["number", "observed_at", "tags", "evidence"]).isna().all()


def test_polars_sees_the_values_that_were_written(lake: Lake) -> None:
    polars = pytest.importorskip("polars")
    uri = publish(lake, MONDAY, rows_of([RICH, EMPTY])).uri

    assert polars.read_parquet(uri, hive_partitioning=False).select(list(RICH)).to_dicts() == [RICH, EMPTY]


TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TIMES = st.none() | st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31), timezones=st.just(dt.UTC))
WHOLES = st.none() | st.integers(-(2**63), 2**63 - 1)
ROWS = st.fixed_dictionaries(
    {
        "id": TEXTS,
        "number": WHOLES,
        "device_name": TEXTS,
        "score": st.none() | st.floats(allow_nan=False),
        "is_new": st.none() | st.booleans(),
        "seen_at": TIMES,
        "tags": st.none() | st.lists(TEXTS, max_size=3),
        "evidence": st.none()
        | st.lists(st.none() | st.fixed_dictionaries({"file_name": TEXTS, "size": WHOLES}), max_size=3),
        "owner": st.none() | st.fixed_dictionaries({"name": TEXTS, "since": TIMES}),
        "observed_at": TIMES,
        "extra": TEXTS,
    }
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROWS, max_size=8))
def test_what_is_written_is_read_value_by_value(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    lake = Lake(tmp_path_factory.mktemp("lake"))
    publish(lake, MONDAY, rows_of(rows))

    assert lake.read("things").to_pylist() == rows


# Damage


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"not parquet at all, but longer than a footer" * 10])
def test_a_damaged_file_is_named_with_what_to_do(three_days: Lake, damage: bytes) -> None:
    file = file_of(three_days, WEDNESDAY)
    file.write_bytes(damage)

    for attempt in (three_days.read, three_days.metadata, three_days.rows):
        with pytest.raises(UnreadableSnapshot) as refusal:
            attempt("things")
        assert str(file) in str(refusal.value)
        assert "Refresh the table for 2026-03-04 again" in str(refusal.value)
    with pytest.raises(UnreadableSnapshot):
        list(three_days.batches("things"))

    assert three_days.read("things", MONDAY).num_rows == 3
    (info,) = three_days.tables()
    assert (info.rows, info.newest, info.days) == (None, WEDNESDAY, 3)
    assert info.problem is not None
    assert str(file) in info.problem


def test_a_file_cut_off_in_the_middle_is_named(lake: Lake) -> None:
    file = Path(publish(lake, MONDAY, many(200_000)).uri)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    with pytest.raises(UnreadableSnapshot, match="is damaged or no Parquet file"):
        lake.read("things")


def test_damage_inside_an_intact_footer_is_named(lake: Lake) -> None:
    file = Path(publish(lake, MONDAY, many(200_000)).uri)
    content = bytearray(file.read_bytes())
    content[1000:3000] = b"\x00" * 2000
    file.write_bytes(content)

    with pytest.raises(UnreadableSnapshot, match="is damaged or no Parquet file"):
        lake.read("things")


def test_a_snapshot_that_is_removed_while_it_is_read_is_no_damage(three_days: Lake) -> None:
    batches = three_days.batches("things", MONDAY)
    first = file_of(three_days, MONDAY)
    second = first.with_name("part-00001.parquet")
    pq.write_table(many(1), second)
    next(batches)
    second.unlink()
    with pytest.raises(NoSnapshot, match="was removed while it was being read"):
        list(batches)


def test_a_file_where_a_table_should_be_is_named(three_days: Lake) -> None:
    Path(three_days.root, "machines").write_text("in the way")

    with pytest.raises(LakeError, match=r"machines.* is a file where the lake has a folder"):
        three_days.read("machines")
    assert [info.name for info in three_days.tables()] == ["things"]


# Notes and journals


def test_a_note_is_remembered_by_tenant_and_unseen_by_readers(tmp_path: Path) -> None:
    lake, other = Lake(tmp_path), Lake(tmp_path, "contoso")
    assert lake.note("things", "caught_up") is None
    lake.put_note("things", "caught_up", {"to": "2026-03-02T12:00:00+00:00", "devices": {"ä": 1}})
    lake.put_note("things", "caught_up", {"to": "2026-03-03"})
    publish(lake, MONDAY, many(1))

    assert lake.note("things", "caught_up") == {"to": "2026-03-03"}
    assert other.note("things", "caught_up") is None
    assert [info.name for info in lake.tables()] == ["things"]
    assert len(pd.read_parquet(tmp_path / "things")) == 1
    assert not list(tmp_path.rglob("*.writing"))


def test_a_damaged_note_is_named(lake: Lake) -> None:
    lake.put_note("things", "caught_up", {"to": "2026-03-03"})
    (note,) = Path(lake.root).rglob("caught_up.json")
    note.write_text("{")

    with pytest.raises(LakeError, match=r"caught_up\.json is damaged. Delete it"):
        lake.note("things", "caught_up")


def test_a_journal_is_kept_by_table_and_tenant(tmp_path: Path) -> None:
    Lake(tmp_path).journal("things", "answers").append(b"[1]\n")
    Lake(tmp_path).journal("things", "answers").append(b"[2]\n")

    assert list(Lake(tmp_path).journal("things", "answers").lines()) == [b"[1]\n", b"[2]\n"]
    assert list(Lake(tmp_path, "contoso").journal("things", "answers").lines()) == []
    assert Lake(tmp_path).tables() == []


def test_rows_are_those_of_the_day_also_when_their_numbers_repeat(three_days: Lake) -> None:
    assert numbers(three_days.read("things", MONDAY)) == [0, 1, 2]
    publish(three_days, MONDAY, rows_of([row(number=7)]))
    assert numbers(three_days.read("things", MONDAY)) == [7]
