"""Lakes on Azure storage and S3, by the stores' own libraries and protocols: Azurite and moto's server."""

import base64
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest

from defender_assets.lake import Lake, LakeError, LakeNotWritable, NoSnapshot, adopt_tables, planned, remove_planned
from defender_assets.lake.scoped_fleet import days_with_note, note_left_out
from defender_assets.lake.store_access import store_access
from defender_assets.queries import query
from defender_assets.report import newest_report
from defender_assets.settings import Keep, Retention
from defender_assets.simulator import Simulator

from ..cli.program import COMMAND
from .stores import Store, running
from .things import EMPTY, MONDAY, NOON, RICH, THINGS, TUESDAY, many, numbers, publish, row, rows_of
from .uploads import another_writer, gate

pytestmark = [
    pytest.mark.slow,
    # Azure's library hands a whole block to aiohttp, which remarks on its size.
    pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning"),
]


@pytest.fixture(scope="module", params=["azure", "s3"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as store:
        yield store


@pytest.fixture
def store(served: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store, and the variables that reach it."""
    for name, value in served.environment.items():
        monkeypatch.setenv(name, value)
    return served


@pytest.fixture
def lake(store: Store, request: pytest.FixtureRequest) -> Lake:
    return Lake(store.url(request.node.originalname))


def test_a_lake_from_end_to_end(lake: Lake) -> None:
    assert lake.tables() == []
    lake.check_writable()
    publish(lake, MONDAY, many(3))
    publish(lake, TUESDAY, rows_of([RICH, EMPTY]))
    publish(lake, MONDAY, many(4))

    assert lake.dates("things") == [MONDAY, TUESDAY]
    assert lake.read("things").to_pylist() == [RICH, EMPTY]
    assert lake.rows("things", MONDAY) == 4
    assert lake.source("things", [MONDAY]).count_rows() == 4
    counted = query(lake, "SELECT snapshot_date, count(*) AS n FROM things_history GROUP BY ALL ORDER BY 1")
    assert counted.read_all().to_pylist() == [{"snapshot_date": MONDAY, "n": 4}, {"snapshot_date": TUESDAY, "n": 2}]
    lake.put_note("things", "seen", {"to": "x"})
    assert lake.note("things", "seen") == {"to": "x"}
    journal = lake.journal("things", "answers")
    journal.append(b"[1]\n")
    journal.append(b"[2]\n")
    journal.flush()
    assert list(lake.journal("things", "answers").lines()) == [b"[1]\n", b"[2]\n"]
    journal.clear()
    assert list(lake.journal("things", "answers").lines()) == []


def test_what_retention_does_not_keep_is_removed(lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # tables of other lakes would count as being written
    later = TUESDAY + timedelta(days=40)
    for day in (MONDAY, TUESDAY, later):
        publish(lake, day, many(2))
    lake.files.publish("compliance_report", MONDAY, "report.html", b"<p>")
    note_left_out(lake, MONDAY, NOON, pa.array(["a"], pa.string()))
    plans = planned(lake, Retention(Keep(15)), later)
    assert {plan.table: list(plan.removed) for plan in plans} == {"compliance_report": [], "things": [MONDAY, TUESDAY]}
    assert sum(plan.freed for plan in plans) == sum(part.size for part in lake.parts("things", last=TUESDAY))
    assert [done.removed for done in remove_planned(lake, plans, later)] == [(MONDAY, TUESDAY)]
    assert lake.dates("things") == [later]
    assert lake.rows("things") == 2
    with pytest.raises(NoSnapshot, match=f"retention removed it on {later}"):
        lake.read("things", MONDAY)
    assert days_with_note(lake) == [MONDAY], "there are no machines by which it could be out of date"
    assert [done.removed for done in remove_planned(lake, planned(lake, Retention(Keep(15)), later), later)] == []


def test_a_missing_bucket_is_no_empty_lake(store: Store) -> None:
    lake = Lake(store.url("lake", bucket="nowhere"))
    word = "container" if store.kind == "azure" else "bucket"
    reads = (lake.tables, lambda: lake.dates("things"), lambda: lake.note("things", "x"), lambda: lake.read("things"))
    for reading in reads:
        with pytest.raises(LakeError, match=f"there is no {word} nowhere. Make the {word}, or correct DEFENDER_LAKE"):
            reading()
    for writing_there in (lake.check_writable, lambda: publish(lake, MONDAY, many(1))):
        with pytest.raises(LakeNotWritable, match=f"there is no {word} nowhere"):
            writing_there()
    # A folder that is not there yet is an empty lake.
    with pytest.raises(NoSnapshot, match="things has no snapshot"):
        Lake(store.url("not-yet")).read("things")


def test_credentials_reach_the_library_from_dotenv_and_as_secret_references(
    served: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "AZURE_STORAGE_CONNECTION_STRING" if served.kind == "azure" else "AWS_SECRET_ACCESS_KEY"
    (tmp_path / "secret").write_text(served.environment[secret] + "\n")
    lines = served.environment | {secret: f"file:{tmp_path / 'secret'}"}
    for name in lines:
        monkeypatch.delenv(name, raising=False)
    Path(".env").write_text("".join(f"{name}='{value}'\n" for name, value in lines.items()))
    lake = Lake(served.url("from-dotenv"))
    publish(lake, MONDAY, many(2))
    assert lake.rows("things") == 2
    assert f"{secret} of .env" in lake.storage.identity
    assert served.environment[secret] not in repr(vars(lake.storage).get("_access"))

    (tmp_path / "secret").unlink()
    with pytest.raises(LakeError, match=f"{secret} is a secret reference that cannot be followed: the file"):
        Lake(served.url("from-dotenv")).tables()


SECONDS = 90
CHOSEN = "machines,software_inventory,software_vulnerabilities,vulnerabilities,av_health,alerts,machine_users"
WHEN = {"observed_at", "as_of", "listed_at", "oldest_answer_at"}
"""Columns that tell when a refresh asked."""
PUBLISH = """
import sys
from defender_assets.lake import Lake
from defender_assets_tests.lake.test_stores import incompressible
from defender_assets_tests.lake.things import MONDAY, publish

url, count = sys.argv[1:]
publish(Lake(url), MONDAY, incompressible(int(count)))
"""
MANY, BLOCKS = 24, 84
"""Rows that fill the buffers between two programs; rows that Azure's library sends in blocks."""


def incompressible(count: int, first: int = 0) -> pa.Table:
    """Rows of a megabyte each."""
    text = [base64.b64encode(os.urandom(10**6)).decode() for _ in range(count)]
    return rows_of([row(id="a", number=first + place, extra=each) for place, each in enumerate(text)])


def test_a_writer_that_is_killed_half_way_leaves_the_former_partition(store: Store, lake: Lake) -> None:
    publish(lake, MONDAY, many(3))
    arguments = (PUBLISH, lake.root, str(MANY))
    with gate(store, passes=200_000) as held, another_writer(held.before(store), *arguments) as other:
        assert held.reached.wait(SECONDS)
        assert numbers(lake.read("things")) == [0, 1, 2]
        other.kill()
        other.wait()
        held.opened.set()
    assert numbers(lake.read("things")) == [0, 1, 2]
    assert len(lake.parts("things")) == 1
    publish(lake, MONDAY, many(4))
    assert lake.rows("things") == 4


@pytest.mark.parametrize("count", [MANY, BLOCKS])
def test_of_two_writers_at_the_same_time_one_wins_whole(store: Store, count: int) -> None:
    if count == BLOCKS and store.kind == "s3":
        pytest.skip("S3's library sends parts of an upload under an id of its own, and those of 24 MB in one request")
    lake = Lake(store.url(f"two-writers-{count}"))
    arguments = (PUBLISH, lake.root, str(count))
    with gate(store, passes=count * 2**18) as held, another_writer(held.before(store), *arguments) as other:
        assert held.reached.wait(SECONDS)
        publish(lake, MONDAY, incompressible(count, first=1000))
        assert numbers(lake.read("things", columns=["number"])) == list(range(1000, 1000 + count))
        held.opened.set()
        exit_code = other.wait(SECONDS)
    # Whoever came too late says so; no rows of the two are mixed, and each can be read.
    first = 0 if exit_code == 0 else 1000
    rows = lake.read("things")
    assert numbers(rows) == list(range(first, first + count))
    assert rows["extra"].null_count == 0


def test_a_partition_that_is_replaced_while_it_is_read_is_no_mixture(lake: Lake) -> None:
    with lake.writing(THINGS, MONDAY, {}) as partition:
        for group in range(3):
            partition.write(incompressible(12, first=12 * group))
            partition.flush()
        partition.publish()
    batches = lake.batches("things", MONDAY, rows=1)
    assert next(batches)["number"].to_pylist() == [0]
    publish(lake, MONDAY, incompressible(36, first=1000))
    read: list[int] = []
    with pytest.raises(LakeError, match=r"was replaced while it was being read\. Read it again"):
        read.extend(batch["number"].to_pylist()[0] for batch in batches)
    assert read == list(range(1, 1 + len(read)))
    assert numbers(lake.read("things")) == list(range(1000, 1036))


def test_a_partition_that_is_removed_while_it_is_read_says_so(lake: Lake) -> None:
    with lake.writing(THINGS, MONDAY, {}) as partition:
        for group in range(3):
            partition.write(incompressible(12, first=12 * group))
            partition.flush()
        partition.publish()
    batches = lake.batches("things", MONDAY, rows=1)
    next(batches)
    lake.storage.remove_partition("things", f"things/tenant=default/snapshot_date={MONDAY}")
    # moto answers 412 where S3 answers 404.
    with pytest.raises(LakeError, match=r"was (removed|replaced) while it was being read\. Read"):
        list(batches)
    with pytest.raises(NoSnapshot, match="things has no snapshot"):
        lake.read("things")


def test_a_lake_is_given_to_another_tenant_and_a_move_that_was_stopped_goes_on(lake: Lake) -> None:
    for day in (MONDAY, TUESDAY):
        publish(lake, day, many(3))
    lake.put_note("things", "caught_up", {"to": "x"})
    store, base = fsspec.core.url_to_fs(lake.root, **store_access(lake.root).options)
    former = f"{base}/{lake.parts('things')[0].path}"
    store.cp_file(former, former.replace("tenant=default", "tenant=contoso"))
    adopt_tables(lake.root, "default", "contoso")
    contoso = Lake(lake.root, "contoso")
    assert contoso.dates("things") == [MONDAY, TUESDAY]
    assert contoso.rows("things", MONDAY) == 3
    assert contoso.note("things", "caught_up") == {"to": "x"}
    with pytest.raises(LakeError, match="holds no table of a tenant named default"):
        adopt_tables(lake.root, "default", "contoso")


@pytest.fixture(scope="module")
def on_disk(shared_simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """What a refresh of the simulated tenant leaves in a folder."""
    folder = tmp_path_factory.mktemp("disk")
    assert refresh(shared_simulator, str(folder / "lake"), folder).returncode == 0
    return Lake(str(folder / "lake"))


def refresh(simulator: Simulator, lake: str, folder: Path) -> subprocess.CompletedProcess[str]:
    own = {"DEFENDER_LAKE": lake, "DEFENDER_BUDGET_FILE": str(folder / "calls.sqlite"), "DEFENDER_DATASETS": CHOSEN}
    with subprocess.Popen(
        [*COMMAND, "refresh"],
        env={**os.environ, **simulator.settings, **own, "PYTHONFAULTHANDLER": "1"},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            out, told = process.communicate(timeout=600)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # the stacks of all its threads, on stderr
            out, told = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, told)


def test_a_refresh_leaves_the_same_as_on_disk(
    store: Store, on_disk: Lake, shared_simulator: Simulator, tmp_path: Path
) -> None:
    url = store.url("refreshed")
    result = refresh(shared_simulator, url, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    there = Lake(url)
    names = [info.name for info in on_disk.tables()]
    assert [info.name for info in there.tables()] == names
    assert {"machines", "alerts", "patch_findings", "fleet_summary"} <= set(names)
    for name in names:
        assert there.dates(name) == on_disk.dates(name)
        assert contents(there, name) == contents(on_disk, name), name
    sql = "SELECT verdict, count(*) AS devices FROM patch_compliance GROUP BY verdict ORDER BY verdict"
    assert query(there, sql).read_all() == query(on_disk, sql).read_all()
    report = newest_report(there)
    assert report is not None
    assert report.startswith(url)
    page = there.storage.read_bytes(report.removeprefix(f"{url}/"))
    assert page is not None
    assert b"</html>" in page


def contents(lake: Lake, table: str) -> list[str]:
    """The rows of all days, without when they were asked for; means are summed in no order."""
    rows = query(lake, f"SELECT * FROM {table}_history").read_all()
    kept = rows.drop_columns([name for name in rows.column_names if name in WHEN]).to_pylist()
    rounded = ({n: round(v, 6) if isinstance(v, float) else v for n, v in each.items()} for each in kept)
    return sorted(map(str, rounded))
