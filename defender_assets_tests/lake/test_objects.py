"""A lake that is not on a local disk: an object store, played by fsspec's own in memory."""

import datetime as dt
import os
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dagster import DagsterExecutionInterruptedError
from fsspec.implementations.memory import MemoryFileSystem

from defender_assets.compliance import EngineError, Limits
from defender_assets.compliance.engine import DuckDBEngine
from defender_assets.compliance.errors import EngineErrorKind
from defender_assets.lake import Lake, LakeError, LakeNotWritable, NoSnapshot, UnreadableSnapshot, publish_all
from defender_assets.lake.object_reading import ArrowHandler
from defender_assets.queries import QueryError, connect, query

from .things import EMPTY, MONDAY, RICH, THINGS, TUESDAY, many, numbers, publish, row, rows_of

ENGINE = DuckDBEngine(Limits(memory="256MB", threads=1))


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where partitions wait for their upload."""
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def lake(spool: Path) -> Iterator[Lake]:
    root = f"memory://{uuid.uuid4().hex}/lake"
    yield Lake(root)
    store = fsspec.filesystem("memory")
    if store.exists(root):
        store.rm(root, recursive=True)


def objects(lake: Lake) -> list[str]:
    return [
        name.removeprefix(lake.root.removeprefix("memory:/")) for name in fsspec.filesystem("memory").find(lake.root)
    ]


def test_a_lake_in_memory_from_end_to_end(lake: Lake, spool: Path) -> None:
    assert lake.tables() == []
    assert lake.dates("things") == []
    lake.check_writable()
    assert objects(lake) == []

    publish(lake, MONDAY, many(3))
    published = publish(lake, TUESDAY, rows_of([RICH, EMPTY]))
    assert published.uri == f"{lake.root}/things/tenant=default/snapshot_date=2026-03-03/part-00000.parquet"
    assert objects(lake) == [
        "/things/tenant=default/snapshot_date=2026-03-02/part-00000.parquet",
        "/things/tenant=default/snapshot_date=2026-03-03/part-00000.parquet",
    ]
    assert os.listdir(spool) == []

    assert lake.dates("things") == [MONDAY, TUESDAY]
    assert lake.read("things").to_pylist() == [RICH, EMPTY]
    assert lake.read("things", MONDAY, ["number"])["number"].to_pylist() == [0, 1, 2]
    assert lake.source("things", [TUESDAY]).count_rows() == 2
    assert sum(batch.num_rows for batch in lake.batches("things", MONDAY)) == 3
    assert lake.metadata("things")["snapshot_date"] == "2026-03-03"
    (info,) = lake.tables()
    assert (info.rows, info.bytes, info.days) == (2, published.bytes, 2)


def test_nothing_is_uploaded_before_publish_nor_after_a_failure(lake: Lake, spool: Path) -> None:
    publish(lake, MONDAY, many(3))
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(many(5))
        assert len(os.listdir(spool)) == 1
        assert lake.rows("things") == 3
    assert os.listdir(spool) == []
    assert len(objects(lake)) == 1
    assert lake.rows("things") == 3


def test_duplicates_are_dropped_before_the_upload(lake: Lake, spool: Path) -> None:
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(rows_of([row(number=1), row(number=1), row(number=2)]))
        assert partition.duplicates().conflicting_keys == 0
        partition.drop_exact_duplicates()
        partition.publish()

    assert numbers(lake.read("things")) == [1, 2]
    assert os.listdir(spool) == []


def test_days_are_uploaded_one_by_one(lake: Lake) -> None:
    with lake.writing_days(THINGS, [MONDAY, TUESDAY], "seen_at", {}) as days:
        days.write(rows_of([RICH]))
        for writer in days.writers.values():
            writer.publish()

    assert lake.read("things", MONDAY).to_pylist() == [RICH]
    assert lake.rows("things", TUESDAY) == 0


def test_sql_sees_the_views_and_nothing_else(lake: Lake) -> None:
    publish(lake, MONDAY, many(3))
    publish(lake, TUESDAY, rows_of([RICH]))
    other = publish(Lake(lake.root, "contoso"), MONDAY, many(1)).uri
    fsspec.filesystem("memory").pipe_file("/elsewhere.csv", b"a\n1\n")

    assert query(lake, "SELECT id FROM things").read_all().to_pylist() == [{"id": "a"}]
    history = query(lake, "SELECT snapshot_date, count(*) AS n FROM things_history GROUP BY ALL ORDER BY 1")
    assert history.read_all().to_pylist() == [{"snapshot_date": MONDAY, "n": 3}, {"snapshot_date": TUESDAY, "n": 1}]
    with connect(lake) as connection:
        assert connection.sql("SELECT id FROM things").fetchall() == [("a",)]
        for sql in (
            f"FROM read_parquet('{other}')",
            "FROM read_csv('memory://elsewhere.csv')",
            "FROM glob('memory://**')",
        ):
            with pytest.raises(QueryError, match="nothing else"):
                query(lake, sql)
            with pytest.raises(duckdb.Error, match="disabled by configuration"):
                connection.execute(sql)


def test_a_source_is_read_with_the_lakes_own_credentials(lake: Lake) -> None:
    publish(lake, MONDAY, many(3))
    publish(lake, TUESDAY, many(4))
    source = lake.source("things", [MONDAY, TUESDAY])
    assert duckdb.from_arrow(source).aggregate("count(*)").fetchall() == [(7,)]
    assert lake.source("things", [TUESDAY + dt.timedelta(days=1)]) == []


def test_notes_and_journals_are_kept_there_too(lake: Lake, spool: Path) -> None:
    lake.put_note("things", "caught_up", {"to": "x"})
    lake.put_note("things", "caught_up", {"to": "y"})
    journal = lake.journal("things", "answers")
    journal.append(b"[1]\n")
    journal.append(b"[2]\n")
    assert list(lake.journal("things", "answers").lines()) == []  # lines of a moment are saved together
    journal.flush()

    assert lake.note("things", "caught_up") == {"to": "y"}
    assert list(lake.journal("things", "answers").lines()) == [b"[1]\n", b"[2]\n"]
    journal.append(b"x" * 2**20)
    assert len(objects(lake)) == 3  # nor do many bytes wait
    assert lake.tables() == []
    assert os.listdir(spool) == []


def test_files_of_other_writers_go_when_the_partition_is_replaced(lake: Lake) -> None:
    uri = publish(lake, MONDAY, many(2)).uri
    fsspec.filesystem("memory").copy(uri, uri.replace("part-00000", "part-00001"))
    assert lake.rows("things") == 4
    publish(lake, MONDAY, many(5))

    assert lake.rows("things") == 5
    assert len(objects(lake)) == 1


def test_a_damaged_object_is_named(lake: Lake) -> None:
    uri = publish(lake, MONDAY, many(2)).uri
    fsspec.filesystem("memory").pipe_file(uri, b"PAR1 and no more")

    with pytest.raises(UnreadableSnapshot, match=r"part-00000\.parquet is damaged"):
        lake.read("things")
    with pytest.raises(QueryError, match=r"part-00000\.parquet is damaged"):
        query(lake, "FROM things").read_all()


def test_a_page_that_is_damaged_is_told_by_an_engine_in_one_sentence(lake: Lake) -> None:
    uri = publish(lake, MONDAY, many(3)).uri
    store = fsspec.filesystem("memory")
    content = store.cat_file(uri)
    group = pq.read_metadata(pa.BufferReader(content)).row_group(0)
    (chunk,) = [group.column(n) for n in range(group.num_columns) if group.column(n).path_in_schema == "owner.name"]
    middle = chunk.data_page_offset + chunk.total_compressed_size // 2
    store.pipe_file(uri, content[:middle] + b"\xaa" * 40 + content[middle + 40 :])
    with ENGINE.session() as session:
        session.register(THINGS, lake.source("things", [MONDAY]))
        with pytest.raises(EngineError) as raised:
            session.fetch("SELECT * FROM things")
    assert raised.value.kind is EngineErrorKind.INPUT_UNREADABLE
    assert "Python" not in str(raised.value)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, DagsterExecutionInterruptedError])
def test_an_interrupt_while_an_engine_reads_is_one(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, interrupt: type[BaseException]
) -> None:
    publish(lake, MONDAY, many(3))
    source = lake.source("things", [MONDAY])

    def interrupted(*_: object) -> None:
        raise interrupt

    with ENGINE.session() as session:
        session.register(THINGS, source)
        monkeypatch.setattr(ArrowHandler, "open_input_file", interrupted)
        with pytest.raises(KeyboardInterrupt):
            session.fetch("SELECT * FROM things")


def test_an_absent_table_says_what_to_do(lake: Lake) -> None:
    with pytest.raises(NoSnapshot, match="things has no snapshot in the lake at memory://"):
        lake.read("things")


def test_a_store_that_refuses_is_reported_in_a_sentence_without_its_secrets(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("AuthorizationFailure https://example.com/c?sig=TOPSECRET\nRequestId:1")

    publish(lake, MONDAY, many(2))
    for name in ("put_file", "pipe_file"):
        monkeypatch.setattr(MemoryFileSystem, name, refuse)
    for attempt in (
        lake.check_writable,
        lambda: publish(lake, MONDAY, many(3)),
        lambda: lake.put_note("things", "x", {}),
    ):
        with pytest.raises(LakeNotWritable, match=r"AuthorizationFailure.*the right to write") as refusal:
            attempt()
        assert "TOPSECRET" not in str(refusal.value)
        assert refusal.value.__cause__ is None
    monkeypatch.undo()
    assert lake.rows("things") == 2

    for name in ("find", "ls", "cat_file"):
        monkeypatch.setattr(MemoryFileSystem, name, refuse)
    for attempt in (lake.tables, lambda: lake.dates("things"), lambda: lake.note("things", "x")):
        with pytest.raises(LakeError, match="cannot be read: RuntimeError: AuthorizationFailure") as refusal:
            attempt()
        assert "TOPSECRET" not in str(refusal.value)
    monkeypatch.undo()


def test_a_store_that_fails_while_it_is_read_is_reported(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the network went away")

    publish(lake, MONDAY, many(2))
    monkeypatch.setattr(MemoryFileSystem, "open", fail)
    with pytest.raises(LakeError, match="cannot be read: RuntimeError: the network went away"):
        lake.read("things")
    monkeypatch.undo()


def test_no_room_for_the_spool_is_reported(lake: Lake, spool: Path) -> None:
    spool.rmdir()
    with pytest.raises(LakeNotWritable, match=r"No file can be made in .*TMPDIR"):
        publish(lake, MONDAY, many(1))


@pytest.mark.parametrize(
    ("root", "says"),
    [
        ("sftp://host.example.com/lake", "files would be seen there before they are whole"),
        ("nosuch://bucket/lake", "Protocol not known: nosuch"),
        ("gs://lake/lake", "needs a library that is not installed. Install its library .pip install gcsfs."),
    ],
)
def test_a_place_that_cannot_be_reached_says_why(root: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)  # as if it were not installed
    lake = Lake(root)  # nothing is touched before it is used
    with pytest.raises(LakeError, match=says):
        lake.check_writable()


def test_the_address_never_shows_a_password() -> None:
    assert Lake("s3://key:TOPSECRET@bucket/lake").root == "s3://bucket/lake"
    assert "TOPSECRET" not in repr(Lake("s3://key:TOPSECRET@bucket/lake?sig=TOPSECRET"))
    assert Lake("abfss://lake@contoso.dfs.core.windows.net/x").root == "abfss://lake@contoso.dfs.core.windows.net/x"


def test_a_file_url_is_a_folder_of_this_machine(tmp_path: Path) -> None:
    lake = Lake(f"file://{tmp_path}/my%20lake")
    assert publish(lake, MONDAY, many(1)).uri.startswith(f"{tmp_path}/my lake/things/")


def test_a_block_of_cached_listings_sees_its_own_publications_and_no_others(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(lake, MONDAY, many(1))
    asked: list[str] = []
    find = MemoryFileSystem.find

    def counted(store: MemoryFileSystem, path: str, **options: object) -> object:
        asked.append(path)
        return find(store, path, **options)

    monkeypatch.setattr(MemoryFileSystem, "find", counted)
    with lake.storage.cached_listings():
        assert lake.dates("things") == [MONDAY]
        assert lake.rows("things", MONDAY) == 1
        assert len(asked) == 1
        publish(lake, TUESDAY, many(2))
        assert lake.dates("things") == [MONDAY, TUESDAY]
        asked.clear()
        assert lake.newest("things") == TUESDAY
        assert asked == []
    assert lake.dates("things") == [MONDAY, TUESDAY]
    assert len(asked) == 1


def test_days_that_are_uploaded_together_are_seen_within_a_block_of_cached_listings(lake: Lake) -> None:
    with lake.storage.cached_listings(), lake.writing_days(THINGS, [MONDAY, TUESDAY], "seen_at", {}) as days:
        assert lake.dates("things") == []
        publish_all(list(days.writers.values()))
        assert lake.dates("things") == [MONDAY, TUESDAY]


def test_a_day_beside_one_that_is_refused_counts_no_row_twice(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in (MONDAY, TUESDAY):
        uri = publish(lake, day, many(2)).uri
        fsspec.filesystem("memory").copy(uri, uri.replace("part-00000", "other"))
    put_file = MemoryFileSystem.put_file

    def refuse_tuesday(store: MemoryFileSystem, path: str, target: str, **options: object) -> None:
        if str(TUESDAY) in target:
            raise RuntimeError("the network went away")
        put_file(store, path, target, **options)

    monkeypatch.setattr(MemoryFileSystem, "put_file", refuse_tuesday)
    with lake.writing_days(THINGS, [MONDAY, TUESDAY], "seen_at", {}) as days:
        days.write(rows_of([RICH]))
        with pytest.raises(LakeNotWritable, match="the network went away"):
            publish_all(list(days.writers.values()))
    assert lake.read("things", MONDAY).to_pylist() == [RICH]
    assert lake.rows("things", TUESDAY) == 4


def test_what_was_pruned_is_not_forgotten_while_the_store_does_not_answer(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.note_pruned("things", [MONDAY], TUESDAY)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the network went away")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, "cat_file", fail)
        for attempt in (lake.pruned_days, lambda: lake.note_pruned("things", [TUESDAY], TUESDAY)):
            with pytest.raises(LakeError, match="cannot be read: RuntimeError: the network went away"):
                attempt()
    assert lake.pruned_days() == {"things": {MONDAY: TUESDAY}}
