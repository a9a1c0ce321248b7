"""Lakes on Azure storage and S3, by the stores' own libraries and protocols: Azurite and moto's server."""

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from defender_assets.lake import Lake, LakeError, LakeNotWritable, NoSnapshot, planned, remove_planned
from defender_assets.lake.scoped_fleet import days_with_note, note_left_out
from defender_assets.queries import query
from defender_assets.settings import Keep, Retention

from .stores import Store, running
from .things import EMPTY, MONDAY, NOON, RICH, TUESDAY, many, publish, rows_of

pytestmark = pytest.mark.slow


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
    assert {plan.table: list(plan.goes) for plan in plans} == {"compliance_report": [], "things": [MONDAY, TUESDAY]}
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
