"""A partition appears whole or not at all, and replaces its older self whole."""

import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from defender_assets import __version__
from defender_assets.catalog import Group, Table
from defender_assets.catalog.column import text, whole
from defender_assets.lake import (
    Lake,
    LakeError,
    LakeNotWritable,
    UnreadableSnapshot,
    WrongColumns,
    planned,
    remove_planned,
)
from defender_assets.settings import Keep, Retention

from .things import EMPTY, MONDAY, RICH, THINGS, TUESDAY, WEDNESDAY, file_of, many, numbers, publish, row, rows_of

A_FORTNIGHT = Retention(Keep(15))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def hidden(folder: str | Path) -> list[Path]:
    return [path for path in Path(folder).rglob("*") if path.name.startswith((".", "_"))]


def test_a_published_partition_lies_where_the_contract_says_and_holds_what_was_written(lake: Lake) -> None:
    published = publish(lake, MONDAY, rows_of([RICH, EMPTY]))

    file = Path(lake.root, "things", "tenant=default", "snapshot_date=2026-03-02", "part-00000.parquet")
    assert published.uri == str(file) == str(file_of(lake, MONDAY))
    assert (published.rows, published.bytes, published.date) == (2, file.stat().st_size, MONDAY)
    assert pq.ParquetFile(file).read().to_pylist() == [RICH, EMPTY]


def test_nothing_is_seen_before_publish_and_the_former_partition_until_then(lake: Lake) -> None:
    publish(lake, MONDAY, many(3))
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(many(5))
        partition.flush()
        assert lake.read("things").num_rows == 3
        partition.publish()
        assert lake.read("things").num_rows == 5


def test_leaving_without_publish_or_by_an_error_leaves_the_former_partition_and_no_trace(lake: Lake) -> None:
    publish(lake, MONDAY, many(3))
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(many(200_000))

    def interrupted() -> None:
        with lake.writing(THINGS, MONDAY, {}) as partition:
            partition.write(many(10))
            partition.duplicates()
            raise ConnectionError("the service went away")

    with pytest.raises(ConnectionError):
        interrupted()
    assert lake.read("things").num_rows == 3
    assert hidden(lake.root) == []


def test_a_failed_first_write_leaves_no_partition_at_all(lake: Lake) -> None:
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(many(3))

    assert lake.dates("things") == []
    assert lake.tables() == []


def test_a_partition_without_rows_is_a_partition(lake: Lake) -> None:
    with lake.writing(THINGS, MONDAY, {}) as partition:
        assert partition.publish().rows == 0

    assert lake.dates("things") == [MONDAY]
    assert lake.read("things").schema.names == THINGS.schema.names
    assert lake.rows("things") == 0


def test_files_of_other_writers_go_when_the_partition_is_replaced(lake: Lake) -> None:
    folder = Path(publish(lake, MONDAY, many(2)).uri).parent
    pq.write_table(many(3, start=100), folder / "part-00007.parquet")
    assert lake.read("things").num_rows == 5

    publish(lake, MONDAY, many(4))

    assert os.listdir(folder) == ["part-00000.parquet"]
    assert lake.read("things").num_rows == 4


def test_a_reader_that_holds_the_former_file_reads_it_to_its_end(lake: Lake) -> None:
    publish(lake, MONDAY, many(100_000))
    batches = lake.batches("things", MONDAY)
    first = next(batches)
    publish(lake, MONDAY, many(1))

    assert first.num_rows + sum(batch.num_rows for batch in batches) == 100_000
    assert lake.read("things").num_rows == 1


def test_folders_are_the_owners_alone_and_so_are_files(lake: Lake) -> None:
    publish(lake, MONDAY, many(1))

    root = Path(lake.root)
    for path in (root, *root.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_hidden_file_is_the_owners_alone_while_it_is_written(lake: Lake) -> None:
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(many(1))
        (draft,) = hidden(lake.root)
        assert stat.S_IMODE(draft.stat().st_mode) == 0o600


# The file itself


def test_row_groups_have_one_size_whatever_comes(lake: Lake) -> None:
    sizes = [1, 70_000, 0, 131_072, 5, 190_000]
    with lake.writing(THINGS, MONDAY, {}) as partition:
        start = 0
        for size in sizes:
            partition.write(many(size, start))
            start += size
        assert partition.rows == start
        published = partition.publish()

    footer = pq.read_metadata(published.uri)
    groups = [footer.row_group(number).num_rows for number in range(footer.num_row_groups)]
    assert groups == [131_072, 131_072, start - 2 * 131_072]
    assert lake.read("things", columns=["number"])["number"].to_pylist() == list(range(start))


def test_rows_of_uncommon_size_end_a_row_group_early(lake: Lake) -> None:
    wide = rows_of([row(id=str(number), number=number, extra="x" * 1_000_000) for number in range(10)])
    with lake.writing(THINGS, MONDAY, {}) as partition:
        for _ in range(40):
            partition.write(wide)
            assert partition.waiting_bytes < 150 * 2**20
        published = partition.publish()

    assert pq.read_metadata(published.uri).num_row_groups == 3


def test_batches_and_tables_are_both_taken(lake: Lake) -> None:
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(many(3).to_batches()[0])
        partition.write(many(3, start=3))
        partition.publish()

    assert numbers(lake.read("things")) == [0, 1, 2, 3, 4, 5]


def test_the_file_is_zstd_with_dictionaries_on_strings_but_ids(lake: Lake) -> None:
    group = pq.read_metadata(publish(lake, MONDAY, rows_of([RICH])).uri).row_group(0)

    columns = {group.column(number).path_in_schema: group.column(number) for number in range(group.num_columns)}
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    dictionaries = {path for path, column in columns.items() if column.has_dictionary_page}
    strings = {"device_name", "tags.list.element", "evidence.list.element.file_name", "owner.name", "extra"}
    assert dictionaries == strings


def test_a_key_of_one_column_has_no_dictionary(lake: Lake) -> None:
    table = Table(
        name="verdicts",
        title="Verdicts",
        description="",
        group=Group.COMPLIANCE,
        key=("device_id",),
        columns=(text("deviceId", "Which."), text("verdict", "What."), whole("count", "How many.")),
    )
    rows = pa.table({"device_id": ["a"], "verdict": ["compliant"], "count": [1]})
    group = pq.read_metadata(publish(lake, MONDAY, rows, table).uri).row_group(0)

    assert [group.column(number).has_dictionary_page for number in range(3)] == [False, True, False]


def test_the_file_tells_what_it_is_and_what_its_columns_mean(lake: Lake) -> None:
    with lake.writing(
        THINGS, MONDAY, {"observed_at": "2026-03-02T12:00:00Z", "api_host": "api.example.com"}
    ) as partition:
        partition.write(many(1))
        published = partition.publish()

    assert lake.metadata("things", MONDAY) == {
        "dataset": "things",
        "tenant": "default",
        "snapshot_date": "2026-03-02",
        "observed_at": "2026-03-02T12:00:00Z",
        "api_host": "api.example.com",
        "package_version": __version__,
    }
    schema = pq.read_schema(published.uri)
    assert schema.metadata[b"api_host"] == b"api.example.com"
    assert schema.field("id").metadata[b"description"] == b"Which thing."
    assert schema.field("device_name").metadata[b"personal"] == b"true"
    assert schema.field("seen_at").type == pa.timestamp("us", tz="UTC")
    assert schema.remove_metadata().equals(THINGS.schema.remove_metadata())


# Rows that do not fit


def test_columns_are_put_in_order_and_cast_where_nothing_is_lost(lake: Lake) -> None:
    rows = many(2).select(list(reversed(THINGS.schema.names)))
    rows = rows.set_column(0, "extra", pa.array(["{}", None], pa.large_string()))
    rows = rows.set_column(rows.schema.get_field_index("number"), "number", pa.array([7, 8], pa.int16()))
    publish(lake, MONDAY, rows)

    stored = lake.read("things")
    assert stored.schema.remove_metadata().equals(THINGS.schema.remove_metadata())
    assert stored["number"].to_pylist() == [7, 8]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (many(1).drop_columns(["score"]), "lack score"),
        (many(1).append_column("surprise", pa.array([1])), "undeclared surprise"),
        (many(1).append_column("score", pa.array([1.0])), "a column twice"),
        (many(1).set_column(1, "number", pa.array([1.5])), "column number is declared int64"),
        (many(1).set_column(1, "number", pa.array(["one"])), "column number is declared int64"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_name(lake: Lake, rows: pa.Table, says: str) -> None:
    with lake.writing(THINGS, MONDAY, {}) as partition, pytest.raises(WrongColumns, match=says) as refusal:
        partition.write(rows)
    assert str(refusal.value).startswith("things: ")


def test_no_column_may_be_called_like_a_folder(lake: Lake) -> None:
    table = Table(
        name="clash",
        title="",
        description="",
        group=Group.REPORTS,
        key=("tenant",),
        columns=(text("tenant", "Taken."),),
    )
    with pytest.raises(ValueError, match="clash: no column may be called tenant"), lake.writing(table, MONDAY, {}):
        pass


@pytest.mark.parametrize("tenant", ["../other", "a/b", "", ".hidden", "x=y", "a\x00b", "-x"])
def test_names_that_would_leave_their_folder_are_refused(tmp_path: Path, tenant: str) -> None:
    with pytest.raises(LakeError, match="cannot be the name of a tenant"):
        publish(Lake(tmp_path / "lake", tenant), MONDAY, many(1))
    assert list(tmp_path.rglob("*.parquet")) == []


def test_a_finished_file_takes_no_more_rows_and_is_published_once(lake: Lake) -> None:
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(many(1))
        partition.duplicates()
        with pytest.raises(ValueError, match="finished"):
            partition.write(many(1))
        partition.publish()
        with pytest.raises(ValueError, match="already published"):
            partition.publish()
    assert lake.rows("things") == 1


def test_a_finished_file_can_be_looked_at_before_it_is_published(lake: Lake) -> None:
    publish(lake, MONDAY, many(3))
    with lake.writing(THINGS, MONDAY, {}) as partition:
        partition.write(many(5))
        partition.write(many(1))
        assert pq.read_metadata(partition.finish()).num_rows == 6
        with pytest.raises(ValueError, match="finished"):
            partition.write(many(1))
        partition.drop_exact_duplicates()
        assert pq.read_table(partition.finish())["number"].to_pylist() == [0, 1, 2, 3, 4]
        assert lake.rows("things") == 3
        partition.publish()
        with pytest.raises(ValueError, match="already published"):
            partition.finish()
    assert lake.rows("things") == 5


# Places that cannot be written


def test_a_lake_that_can_be_written_says_nothing_and_leaves_nothing(lake: Lake) -> None:
    lake.check_writable()

    assert os.listdir(lake.root) == []
    assert stat.S_IMODE(Path(lake.root).stat().st_mode) == 0o700


@pytest.mark.parametrize("below", ["", "/deeper/lake"])
def test_a_file_where_the_lake_should_be_is_reported_before_any_work(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("in the way")
    lake = Lake(str(tmp_path / "file") + below)

    with pytest.raises(LakeNotWritable, match=r"cannot be written: .*file.*DEFENDER_LAKE"):
        lake.check_writable()
    with pytest.raises(LakeNotWritable), lake.writing(THINGS, MONDAY, {}):
        pytest.fail("no rows should be asked for")
    with pytest.raises(LakeError, match="is a file where the lake has a folder"):
        lake.tables()


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """A folder of an ordinary user, and this process as that user: root may write everywhere."""
    nobody, root = 65534, os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        if root:
            os.chown(folder, nobody, nobody)
            os.seteuid(nobody)
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)


def test_a_folder_without_the_right_to_write_is_reported_before_any_work(own_folder: Path) -> None:
    own_folder.chmod(0o500)
    with pytest.raises(LakeNotWritable, match=r"Permission denied.*the right to write"):
        Lake(own_folder / "lake").check_writable()
    with pytest.raises(LakeNotWritable, match=r"Permission denied.*the right to write"):
        Lake(own_folder).check_writable()


def test_a_table_without_the_right_to_write_keeps_what_should_be_pruned(own_folder: Path) -> None:
    lake = Lake(own_folder / "lake")
    later = WEDNESDAY + timedelta(days=30)
    for day in (MONDAY, later):
        publish(lake, day, many(1))
    (own_folder / "lake" / "things" / "tenant=default").chmod(0o500)
    with pytest.raises(LakeNotWritable, match=r"snapshot_date=2026-03-02: Permission denied.*the right to write"):
        list(remove_planned(lake, planned(lake, A_FORTNIGHT, later), later))
    assert lake.read("things", MONDAY).num_rows == 1


def test_a_table_without_the_right_to_write_is_reported_before_any_work(own_folder: Path) -> None:
    lake = Lake(own_folder)
    publish(lake, MONDAY, many(1))
    Path(lake.root, "things", "tenant=default").chmod(0o500)
    assert publish(lake, MONDAY, many(2)).rows == 2
    with pytest.raises(LakeNotWritable, match=r"things/.*: Permission denied"), lake.writing(THINGS, TUESDAY, {}):
        pytest.fail("no rows should be asked for")


def test_a_file_without_the_right_to_read_is_named(own_folder: Path) -> None:
    lake = Lake(own_folder)
    file = Path(publish(lake, MONDAY, many(1)).uri)
    file.chmod(0)
    with pytest.raises(UnreadableSnapshot, match=r"part-00000\.parquet may not be read by this user"):
        lake.read("things")
    (own_folder / "things").chmod(0)
    with pytest.raises(LakeError, match=r"cannot be read \(Permission denied\)"):
        lake.dates("things")


def test_a_place_where_nothing_can_be_made_is_reported_before_any_work() -> None:
    if not os.path.isdir("/proc/self"):
        pytest.skip("needs /proc, in which no folder can be made")
    with pytest.raises(LakeNotWritable, match="The lake at /proc/self/lake cannot be written"):
        Lake("/proc/self/lake").check_writable()


def test_a_folder_in_place_of_the_file_is_reported(lake: Lake) -> None:
    Path(publish(lake, TUESDAY, many(1)).uri.replace("2026-03-03", "2026-03-02")).mkdir(parents=True)

    with pytest.raises(LakeNotWritable, match=r"part-00000\.parquet"):
        publish(lake, MONDAY, many(1))
    assert lake.dates("things") == [TUESDAY]
    assert hidden(lake.root) == []


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk with no more room: the write that goes beyond fails (EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_fails_the_refresh_and_not_the_lake(lake: Lake) -> None:
    publish(lake, MONDAY, many(3))
    noise = [row(id=os.urandom(20).hex(), number=number) for number in range(140_000)]

    def write_it() -> None:
        with files_of_at_most(500_000), lake.writing(THINGS, MONDAY, {}) as partition:
            partition.write(rows_of(noise))
            partition.publish()

    says = r"things: its rows for 2026-03-02 .* Raise the limit of a file's size .*; the former partition is as it was"
    with pytest.raises(LakeNotWritable, match=says):
        write_it()
    assert lake.rows("things") == 3
    assert hidden(lake.root) == []


# Killed writers, and those that live

KILLED = """
    import sys
    from pathlib import Path
    from defender_assets.lake import Lake
    from defender_assets_tests.lake.things import MONDAY, THINGS, many

    with Lake(sys.argv[1]).writing(THINGS, MONDAY, {}) as partition:
        partition.write(many(300_000))
        print("half written", flush=True)
        sys.stdin.read()
"""


@contextmanager
def running(script: str, lake: Lake) -> Iterator[subprocess.Popen[str]]:
    """The script in a process of its own, after it printed a line; killed (-9) at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), lake.root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline()
        reading = threading.Thread(target=process.stdout.read)
        reading.start()
        yield process
        process.send_signal(signal.SIGKILL)
        reading.join()


def test_a_killed_writer_leaves_the_former_partition_and_is_swept_up_by_the_next(lake: Lake) -> None:
    publish(lake, MONDAY, many(3))
    with running(KILLED, lake):
        pass

    assert len(hidden(lake.root)) == 1
    assert lake.read("things").num_rows == 3
    assert lake.dates("things") == [MONDAY]
    assert [info.name for info in lake.tables()] == ["things"]

    publish(lake, TUESDAY, many(4))

    assert hidden(lake.root) == []
    assert lake.dates("things") == [MONDAY, TUESDAY]


def test_a_living_writer_is_never_swept_up(lake: Lake) -> None:
    with running(KILLED, lake):
        (draft,) = hidden(lake.root)
        os.utime(draft, (0, 0))
        with lake.writing(THINGS, MONDAY, {}) as here:
            here.write(many(1))
            publish(lake, TUESDAY, many(2))
            here.publish()
        assert hidden(lake.root) == [draft]

    assert numbers(lake.read("things", MONDAY)) == [0]


def test_leftovers_of_other_machines_go_after_a_day(lake: Lake) -> None:
    publish(lake, MONDAY, many(1))
    young, old, foreign = (
        Path(lake.root, name)
        for name in (
            ".things.otherhost.000000000001.writing",
            ".things.otherhost.000000000002.writing",
            ".machines.otherhost.000000000003.writing",
        )
    )
    for path in (young, old, foreign):
        path.write_bytes(b"PAR1")
    two_days_ago = time.time() - 2 * 24 * 60 * 60
    os.utime(old, (two_days_ago, two_days_ago))
    os.utime(foreign, (two_days_ago, two_days_ago))

    publish(lake, MONDAY, many(1))

    assert set(hidden(lake.root)) == {young, foreign}  # the other table sweeps its own


def test_where_there_are_no_locks_age_alone_tells(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("defender_assets.lake.draft.fcntl", None)
    publish(lake, MONDAY, many(1))
    host = "".join(letter if letter.isalnum() else "-" for letter in socket.gethostname())
    left = Path(lake.root, f".things.{host}.000000000001.writing")
    left.write_bytes(b"PAR1")
    publish(lake, MONDAY, many(1))
    assert left.exists()
    os.utime(left, (0, 0))
    publish(lake, MONDAY, many(1))
    assert not left.exists()


REPLACING = """
    import sys
    from defender_assets.lake import Lake
    from defender_assets_tests.lake.things import MONDAY, many, publish, row, rows_of

    lake = Lake(sys.argv[1])
    for version in range(1, 100_000):
        publish(lake, MONDAY, rows_of([row(id=str(n), number=version) for n in range(200)]))
        print(version, flush=True)
"""


def test_readers_see_one_version_whole_however_often_it_is_replaced_and_killed(lake: Lake) -> None:
    versions = set()
    with running(REPLACING, lake):
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            rows = lake.read("things", MONDAY)
            assert rows.num_rows == 200
            (version,) = set(rows["number"].to_pylist())
            versions.add(version)

    assert len(versions) > 3
    rows = lake.read("things", MONDAY)
    assert (rows.num_rows, len(set(rows["number"].to_pylist()))) == (200, 1)
    assert not any(path.suffix == ".parquet" for path in hidden(lake.root))
