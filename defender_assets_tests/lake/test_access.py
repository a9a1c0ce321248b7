"""Who may read a lake in a folder: its owner alone, or the members of its group too."""

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from defender_assets.catalog.devices import MACHINES
from defender_assets.doctor.machine import inspect_lake, inspect_readers
from defender_assets.lake import Lake
from defender_assets.settings import Settings

DAY = date(2026, 9, 10)
_READER, _GROUP = 54_321, 54_322
"""Ids that no user and no group of the machine has."""


def filled(lake: Lake) -> None:
    """Everything that a refresh leaves: a partition, a note, a journal, a file that is no table."""
    with lake.writing(MACHINES, DAY, {}) as partition:
        partition.write(MACHINES.schema.empty_table())
        partition.publish()
    lake.put_note("machines", "absent", {"reason": "x"})
    lake.journal("machines", "crawl").append(b"{}\n")
    lake.files.publish("compliance_report", DAY, "report.html", b"page")


def modes(root: Path) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {"folders": set(), "files": set()}
    for path in (root, *root.rglob("*")):
        if path.suffix != ".ndjson":
            found["folders" if path.is_dir() else "files"].add(stat.S_IMODE(path.stat().st_mode))
    return found


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    former = os.umask(request.param)
    yield
    os.umask(former)


def test_a_lake_is_its_owners_alone_whatever_the_umask(umask, tmp_path):
    filled(Lake(tmp_path / "a" / "lake"))
    assert modes(tmp_path / "a") == {"folders": {0o700}, "files": {0o600}}


def test_a_lake_for_the_group_is_read_by_it_whatever_the_umask_and_written_by_nobody_else(umask, monkeypatch, tmp_path):
    monkeypatch.setenv("DEFENDER_LAKE_MODE", "group")
    lake = Lake(tmp_path / "a" / "lake")
    filled(lake)
    assert modes(tmp_path / "a") == {"folders": {0o2750}, "files": {0o640}}
    # what is not published yet is the owner's alone
    (journal,) = Path(lake.root).rglob("*.ndjson")
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    with lake.writing(MACHINES, DAY, {}) as partition:
        partition.write(MACHINES.schema.empty_table())
        (draft,) = Path(lake.root).glob(".machines.*")
        assert stat.S_IMODE(draft.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize(("mode", "is_read"), [("private", False), ("group", True)])
def test_a_member_of_the_folders_group_reads_it_and_writes_nothing(monkeypatch, mode, is_read):
    monkeypatch.setenv("DEFENDER_LAKE_MODE", mode)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        root = Path(folder, "lake")
        root.mkdir()
        os.chown(root, -1, _GROUP)
        os.chmod(root, 0o2750)  # an administrator gave it to the group
        lake = Lake(root)
        filled(lake)
        (part,) = lake.parts("machines")

        def as_reader(*command: str) -> int:
            return subprocess.run(
                command, user=_READER, group=_READER, extra_groups=[_GROUP], capture_output=True, check=False, cwd="/"
            ).returncode

        assert (as_reader("cat", str(root / part.path)) == 0) is is_read
        assert as_reader("touch", str((root / part.path).with_name("x"))) != 0
        assert as_reader("sh", "-c", f"echo >> {root / part.path}") != 0


def test_doctor_says_who_reads_and_what_an_older_lake_needs(monkeypatch, tmp_path):
    older = Lake(tmp_path / "older")
    filled(older)
    assert inspect_readers(Settings.load(), older) == []
    monkeypatch.setenv("DEFENDER_LAKE_MODE", "group")
    (told,) = inspect_readers(Settings.load(), older)
    assert told.outcome.value == "warning"
    assert "chgrp -R GROUP" in told.remedy
    command = told.remedy.partition(": ")[2].replace("GROUP", str(os.getegid()))
    subprocess.run(["sh", "-c", command], check=True)
    filled(Lake(tmp_path / "older"))
    assert modes(tmp_path / "older") == {"folders": {0o2750}, "files": {0o640}}
    (told,) = inspect_readers(Settings.load(), older)
    assert told.outcome.value == "ok"

    made = Lake(tmp_path / "made")
    inspect_lake(made)
    assert inspect_readers(Settings.load(), made)[0].outcome.value == "ok"
    (told,) = inspect_readers(Settings.load(), Lake("memory://of-a-group"))
    assert "has no effect on an object store" in told.what
