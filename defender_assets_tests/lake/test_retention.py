"""Which days stay and which go, and what is left of the lake when they are gone."""

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.catalog import TABLES
from defender_assets.lake import Lake, NoSnapshot, planned, remove_planned
from defender_assets.lake.retention import kept_days
from defender_assets.lake.scoped_fleet import days_with_note, note_left_out
from defender_assets.settings import Keep, Retention

TODAY = date(2026, 11, 26)  # a Thursday
A_MONTH = Retention(Keep(30))
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def captured(lake: Lake, table: str, *days: date) -> None:
    for day in days:
        with lake.writing(
            TABLES[table], day, {"observed_at": datetime.combine(day, NOON.time(), UTC).isoformat()}
        ) as rows:
            rows.write(TABLES[table].schema.empty_table())
            rows.publish()


@pytest.fixture(params=["local", "object store"])
def lake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    if request.param == "local":
        yield Lake(str(tmp_path / "lake"))
        return
    # Where partitions wait for their upload: those of other lakes on this machine would count as being written.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    root = f"memory://{uuid.uuid4().hex}/lake"
    yield Lake(root)
    store = fsspec.filesystem("memory")
    if store.exists(root):
        store.rm(root, recursive=True)


@pytest.fixture
def local(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def pruned(lake: Lake, rules: Retention, today: date = TODAY, **options) -> dict[str, tuple[date, ...]]:
    return {done.table: done.removed for done in remove_planned(lake, planned(lake, rules, today), today, **options)}


# Which days stay


def test_the_last_days_one_a_week_and_one_a_month_stay():
    held = [ago(n) for n in range(400)]
    kept = kept_days(held, Keep(15, weeks=6, months=3), TODAY, Counter(held))
    days = [ago(n) for n in range(15)]
    sundays = [date(2026, 11, 8), date(2026, 11, 1), date(2026, 10, 25)]  # and those within the 15 days
    ends_of_months = [date(2026, 10, 31), date(2026, 9, 30)]
    assert kept == {*days, *sundays, *ends_of_months}


def test_one_day_stands_for_a_week_in_all_tables():
    # given a week whose Sunday one table lacks, and whose Saturday another one lacks
    saturday, sunday = date(2026, 10, 24), date(2026, 10, 25)
    tables_of = Counter({sunday: 3, saturday: 40})
    assert kept_days([saturday, sunday], Keep(15, weeks=8), TODAY, tables_of) == {saturday}
    # then whoever lacks it keeps its own best
    assert kept_days([sunday], Keep(15, weeks=8), TODAY, tables_of) == {sunday}


_DAYS = st.sets(st.integers(0, 800).map(ago), min_size=1, max_size=60)
_KEEP = st.builds(Keep, st.integers(15, 400), st.integers(0, 60), st.integers(0, 30))


@given(_DAYS, _KEEP)
def test_what_a_rule_keeps_holds_for_every_set_of_days(held, keep):
    counted = Counter(held)
    kept = kept_days(held, keep, TODAY, counted)
    assert kept <= held
    assert {day for day in held if (TODAY - day).days < keep.days} <= kept
    # pruned again on the same day, nothing more goes
    assert kept_days(kept, keep, TODAY, counted) == kept
    # a week or month that is asked for and was not empty is not empty afterwards
    weeks = {day.isocalendar()[:2] for day in held if (TODAY - day).days < 7 * (keep.weeks - 1)}
    assert weeks <= {day.isocalendar()[:2] for day in kept}
    months = {(day.year, day.month) for day in held if (TODAY - day).days < 28 * (keep.months - 1)}
    assert months <= {(day.year, day.month) for day in kept}


@given(_DAYS, _KEEP, st.integers(1, 40))
def test_pruning_each_day_keeps_what_pruning_at_the_end_would(held, keep, later):
    """What a prune removes today no later one would have kept, but for the days that no rule keeps any more."""
    at_once = kept_days(held, keep, TODAY + timedelta(days=later), Counter(held))
    step_by_step = held
    for days in range(later + 1):
        step_by_step = kept_days(step_by_step, keep, TODAY + timedelta(days=days), Counter(step_by_step))
    assert step_by_step == at_once


@pytest.mark.parametrize("wrong", [1, 3])
def test_days_that_a_clock_months_ahead_made_do_not_make_history_old(lake, wrong):
    captured(lake, "machines", *(ago(days) for days in range(0, 60, 3)))
    ahead = [date(2027, 3, 1) + timedelta(days=days) for days in range(wrong)]
    captured(lake, "software", *ahead)
    # then what goes is what would have gone without them
    (plan, other) = planned(lake, A_MONTH, ahead[-1])
    assert (plan.counted_from, plan.kept) == (TODAY, tuple(ago(days) for days in range(27, -1, -3)))
    assert other.kept == tuple(ahead)
    # and a refresh that goes on after a pause counts
    captured(lake, "software", *(ahead[0] + timedelta(days=days) for days in range(4)))
    (plan, other) = planned(lake, A_MONTH, ahead[0] + timedelta(days=3))
    assert (plan.counted_from, plan.kept) == (date(2027, 3, 4), (TODAY,))


# What goes from the lake


def test_pruning_leaves_every_reader_with_what_stays(lake):
    captured(lake, "machines", *map(ago, (0, 10, 29, 30, 31, 90)))
    lake.files.publish("compliance_report", ago(40), "report.html", b"<p>old")
    lake.files.publish("compliance_report", ago(1), "report.html", b"<p>new")
    plans = planned(lake, A_MONTH, TODAY)
    assert {plan.table: (plan.kept, tuple(plan.removed)) for plan in plans} == {
        "compliance_report": ((ago(1),), (ago(40),)),
        "machines": ((ago(29), ago(10), ago(0)), (ago(90), ago(31), ago(30))),
    }
    assert all(plan.freed == sum(plan.removed.values()) > 0 for plan in plans)
    # given a plan, nothing has happened yet
    assert len(lake.dates("machines")) == 6
    assert pruned(lake, A_MONTH) == {"compliance_report": (ago(40),), "machines": (ago(90), ago(31), ago(30))}
    assert lake.dates("machines") == [ago(29), ago(10), ago(0)]
    assert lake.files.days("compliance_report") == [ago(1)]
    assert lake.read("machines", ago(29)).num_rows == 0
    # what is gone is told with its reason, what never was is not
    with pytest.raises(NoSnapshot, match=r"retention removed it on 2026-11-26.*there are 3"):
        lake.read("machines", ago(30))
    with pytest.raises(NoSnapshot, match=r"has no snapshot of 2026-11-06 in the lake at [^(]*; there are 3"):
        lake.read("machines", ago(20))
    # and there is nothing more to prune
    assert pruned(lake, A_MONTH) == {}


def test_the_newest_partition_stays_however_old_and_so_does_what_is_to_come(lake):
    captured(lake, "machines", ago(0), ago(200))
    captured(lake, "scan_agents", ago(300), ago(301))
    captured(lake, "software", TODAY + timedelta(days=3), ago(100), ago(101))
    assert pruned(lake, A_MONTH) == {"machines": (ago(200),), "scan_agents": (ago(301),), "software": (ago(101),)}


@pytest.mark.parametrize("clock", [TODAY, TODAY + timedelta(days=5_000)])
def test_a_refresh_that_stopped_or_a_clock_that_is_wrong_costs_no_history(lake, clock):
    captured(lake, "machines", *map(ago, (700, 705, 728, 731)))
    assert pruned(lake, A_MONTH, today=clock) == {"machines": (ago(731),)}


def test_events_that_the_service_remembers_stay_whatever_is_asked_and_the_others_unless_asked(lake):
    captured(lake, "alerts", *map(ago, (0, 20, 179, 180, 500)))
    captured(lake, "machines", ago(0))
    assert pruned(lake, A_MONTH) == {}
    asked = Retention(Keep(30), {"alerts": Keep(100)})
    (plan,) = (plan for plan in planned(lake, asked, TODAY) if plan.table == "alerts")
    assert plan.remembered_days == 180
    assert pruned(lake, asked) == {"alerts": (ago(500), ago(180))}
    longer = Retention(Keep(30), {"alerts": Keep(400)})
    assert [plan.remembered_days for plan in planned(lake, longer, TODAY)] == [None, None]


def test_other_tenants_and_what_is_no_partition_stay(local):
    other = Lake(local.root, "contoso")
    for each in (local, other):
        captured(each, "machines", ago(0), ago(90))
    strange = Path(local.root, "machines", "tenant=default", "snapshot_date=never")
    strange.mkdir()
    (strange / "part-00000.parquet").write_bytes(b"?")
    (Path(local.root) / "readme.txt").write_text("mine")
    assert pruned(local, A_MONTH) == {"machines": (ago(90),)}
    assert other.dates("machines") == [ago(90), ago(0)]
    assert strange.is_dir()
    assert (Path(local.root) / "readme.txt").exists()
    # Of all tenants together there are pages over all of them, and no tables.
    assert planned(Lake(local.root, "all"), A_MONTH, TODAY) == []


def test_days_in_work_stay_until_the_next_time(lake):
    captured(lake, "machines", ago(0), ago(60), ago(90))
    plans = planned(lake, A_MONTH, TODAY)
    (done,) = remove_planned(lake, plans, TODAY, in_use={ago(60)})
    assert (done.removed, done.in_use) == ((ago(90),), (ago(60),))
    assert lake.dates("machines") == [ago(60), ago(0)]


def test_a_table_that_is_being_written_stays_and_so_does_what_it_is_made_from(lake):
    for table in ("machines", "device_identity", "software"):
        captured(lake, table, ago(0), ago(90))
    with lake.writing(TABLES["device_identity"], ago(90), {}):
        done = {each.table: each for each in remove_planned(lake, planned(lake, A_MONTH, TODAY), TODAY)}
    assert done["software"].removed == (ago(90),)
    for table in ("machines", "device_identity"):
        assert (done[table].removed, done[table].in_use) == ((), (ago(90),))
        assert lake.dates(table) == [ago(90), ago(0)]
    # and with nobody at work they go
    assert pruned(lake, A_MONTH) == {"device_identity": (ago(90),), "machines": (ago(90),)}


def test_several_files_of_a_partition_go_together(local):
    captured(local, "machines", ago(0), ago(90))
    folder = Path(local.root, "machines", "tenant=default", f"snapshot_date={ago(90)}")
    (folder / "part-00001.parquet").write_bytes((folder / "part-00000.parquet").read_bytes())
    (folder / ".crc").write_text("another program's")
    (plan,) = planned(local, A_MONTH, TODAY)
    assert plan.freed == 2 * (folder / "part-00000.parquet").stat().st_size
    assert pruned(local, A_MONTH) == {"machines": (ago(90),)}
    assert not folder.exists()


def test_a_partition_that_was_put_elsewhere_is_unlinked_and_left_there(local, tmp_path):
    captured(local, "machines", ago(0), ago(90))
    folder = Path(local.root, "machines", "tenant=default", f"snapshot_date={ago(90)}")
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert pruned(local, A_MONTH) == {"machines": (ago(90),)}
    assert local.dates("machines") == [ago(0)]
    assert (tmp_path / "elsewhere" / "part-00000.parquet").exists()


def test_what_killed_writers_left_is_swept(local):
    captured(local, "machines", ago(0))
    root = Path(local.root)
    # given a writer that was killed, one of another machine long ago, one that is at work, and a prune that was killed
    abandoned = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, sys, pathlib\n"
            "from defender_assets.lake.draft import Draft\n"
            "draft = Draft.create(pathlib.Path(sys.argv[1]), 'software')\n"
            "print(draft.path, flush=True)\n"
            "os.kill(os.getpid(), 9)",
            local.root,
        ],
        stdout=subprocess.PIPE,
        check=False,
        text=True,
    ).stdout.strip()
    assert Path(abandoned).exists()
    old = root / ".users.elsewhere.0123456789ab.writing"
    old.touch()
    os.utime(old, (time.time() - 90_000,) * 2)
    fresh = root / ".users.elsewhere.ba9876543210.writing"
    fresh.touch()
    probe = root / ".writable.0123456789ab"
    probe.touch()
    os.utime(probe, (time.time() - 90_000,) * 2)
    (root / ".machines.0123456789ab.removing").mkdir()
    (root / ".machines.0123456789ab.removing" / "part-00000.parquet").touch()
    with local.writing(TABLES["kev"], TODAY, {}):
        at_work = next(root.glob(".kev.*.writing"))
        assert pruned(local, A_MONTH) == {}
        hidden = {path for path in root.glob(".*") if path.name != ".notes"}
        assert hidden == {fresh, at_work}


def test_lists_of_devices_out_of_the_scope_go_with_their_machines(lake):
    devices = pa.array(["a", "b"], pa.string())
    for day in (ago(0), ago(20), ago(60), ago(90)):
        captured(lake, "machines", day)
        note_left_out(lake, day, NOON, devices)
    note_left_out(lake, ago(120), NOON, devices)  # of machines that somebody removed
    note_left_out(lake, TODAY + timedelta(days=1), NOON, devices)  # of machines that are about to be published
    lake.put_note("machines", "something_else", {})
    assert pruned(lake, A_MONTH) == {"machines": (ago(90), ago(60))}
    assert days_with_note(lake) == [ago(20), ago(0), TODAY + timedelta(days=1)]
    assert lake.note("machines", "something_else") == {}


@pytest.mark.parametrize("damage", [b"{", b"[1]", b'{"machines": {"never": "2026-11-26"}}', b'{"machines": 3}'])
def test_a_damaged_note_of_what_was_pruned_hinders_nothing(local, damage):
    captured(local, "machines", ago(0), ago(90), ago(91))
    assert pruned(local, Retention(Keep(91))) == {"machines": (ago(91),)}
    (note,) = Path(local.root, ".notes", "retention").glob("*/pruned.json")
    note.write_bytes(damage)
    assert local.pruned_days() == {}
    assert pruned(local, A_MONTH) == {"machines": (ago(90),)}
    assert local.pruned_days() == {"machines": {ago(90): TODAY}}
