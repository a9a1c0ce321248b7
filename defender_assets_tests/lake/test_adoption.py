"""A lake that is given to another tenant, by a process that is killed at any step."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from defender_assets.lake import Lake, LakeError, adopt_tables

from .things import MONDAY, THINGS, TUESDAY, many, publish

_STEPS = ((MemoryFileSystem, "cp_file"), (MemoryFileSystem, "rm_file"), (os, "rename"))


class Killed(BaseException):
    pass


@pytest.fixture(params=["disk", "store"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "disk":
        yield str(tmp_path / "lake")
        return
    yield "memory://adopting"
    fsspec.filesystem("memory").rm("/adopting", recursive=True)


def fill(root: str) -> None:
    lake = Lake(root)
    for day in (MONDAY, TUESDAY):
        publish(lake, day, many(3))
    lake.put_note("things", "caught_up", {"to": "x"})
    lake.put_note("things", "left_out", {"of": "y"})
    journal = lake.journal("answers", "crawl")
    journal.append(b"[1]\n")
    journal.flush()
    lake.note_pruned("things", [MONDAY.replace(year=2020)], TUESDAY)


def assert_given(root: str, name: str) -> None:
    lake, former = Lake(root, name), Lake(root)
    assert former.dates("things") == []
    assert former.notes("things") == []
    assert former.pruned_days() == {}
    assert lake.dates("things") == [MONDAY, TUESDAY]
    assert lake.rows("things", MONDAY) == lake.rows("things", TUESDAY) == 3
    assert lake.note("things", "caught_up") == {"to": "x"}
    assert lake.note("things", "left_out") == {"of": "y"}
    assert list(lake.journal("answers", "crawl").lines()) == [b"[1]\n"]
    assert lake.pruned_days() == {"things": {MONDAY.replace(year=2020): TUESDAY}}


@contextmanager
def killed_at(step: int) -> Iterator[None]:
    """Before the step of that number, counted from 0, of those that change anything."""
    steps = itertools.count()

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*given: Any, **named: Any) -> Any:
            if next(steps) == step:
                raise Killed
            return change(*given, **named)

        return changed

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in _STEPS:
            patch.setattr(owner, name, counted(getattr(owner, name)))
        yield


def test_all_partitions_notes_and_journals_are_given(root: str) -> None:
    fill(root)
    adopted = adopt_tables(root, "default", "contoso")
    assert (adopted.tables, adopted.partitions) == (("things",), 2)
    assert_given(root, "contoso")
    with pytest.raises(LakeError, match="holds no table of a tenant named default"):
        adopt_tables(root, "default", "contoso")


def test_what_was_killed_at_any_step_is_finished_by_doing_it_again(root: str) -> None:
    for step in itertools.count():
        tenant = f"tenant{step}"
        fill(root)
        try:
            with killed_at(step):
                adopt_tables(root, "default", tenant)
        except Killed:
            adopt_tables(root, "default", tenant)
            assert_given(root, tenant)
        else:
            break
    assert_given(root, tenant)
    assert step >= 5


def test_two_different_partitions_of_a_day_are_no_move_that_was_stopped(root: str) -> None:
    fill(root)
    with Lake(root, "contoso").writing(THINGS, MONDAY, {}) as partition:
        partition.write(many(3))
        partition.publish()
    with pytest.raises(LakeError, match=f"default and contoso both have things of {MONDAY}"):
        adopt_tables(root, "default", "contoso")
    assert Lake(root).dates("things") == [MONDAY, TUESDAY]


def test_notes_of_a_tenant_that_was_refreshed_since_stay(root: str) -> None:
    fill(root)
    Lake(root, "contoso").put_note("things", "caught_up", {"to": "z"})
    adopt_tables(root, "default", "contoso")
    lake = Lake(root, "contoso")
    assert lake.note("things", "caught_up") == {"to": "z"}
    assert lake.notes("things") == ["caught_up"]
    assert lake.dates("things") == [MONDAY, TUESDAY]
