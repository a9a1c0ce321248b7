"""Removing partitions, and what killed writers left.

Here: the removal, and the note of what was removed, by which Dagster and a reader's error can tell it from what never
was. Not here: which partitions go (``retention.py``), Dagster's own history (``orchestration/history_retention.py``).

A partition is there or not: one step takes it out of the readers' sight. A prune that is killed has removed some whole
partitions and no part of one; the next one goes on. On a disk, whoever opened a file before can read it to its end; in
an object store it is gone in the middle, which is an error that says so.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from ..catalog import DERIVED
from ..catalog.devices import MACHINES
from ..tenant import ALL_TENANTS
from .lake import Lake
from .layout import partition_folder
from .retention import TablePlan
from .scoped_fleet import days_with_note, forget_left_out
from .staging import staging_folder, sweep_staging


@dataclass(frozen=True)
class Pruned:
    """What was removed of a table, with the bytes of its files; ``in_use`` stay until the next time, because somebody
    reads or writes them."""

    table: str
    removed: tuple[date, ...]
    bytes: int
    in_use: tuple[date, ...] = ()


def remove_planned(
    lake: Lake,
    plans: Iterable[TablePlan],
    today: date,
    *,
    in_use: Collection[date] = (),
    staging: str | None = None,
) -> Iterator[Pruned]:
    """Removes what the plans say, table by table, the oldest day first, and then what killed writers left, in
    ``staging`` too, where the settings name one outside the lake.

    Days ``in_use`` stay, because runs read or write them; and so do all days of a table that a process of this machine
    is writing, or is computing another one from. Raises LakeError.
    """
    for plan in plans:
        if plan.removed:
            yield _prune_table(lake, plan, today, in_use)
    lake.storage.sweep()
    for place in {staging_folder(lake.root), staging_folder(lake.root, staging)}:
        sweep_staging(place)
    if lake.tenant is not None:
        _sweep_notes(lake)


def _prune_table(lake: Lake, plan: TablePlan, today: date, in_use: Collection[date]) -> Pruned:
    # Looked at for each table: pruning a lake of years takes longer than a refresh takes to begin.
    written = lake.storage.tables_in_work()
    if plan.table in written or any(plan.table in _inputs(table) for table in written):
        return Pruned(plan.table, (), 0, tuple(plan.removed))
    going = [day for day in plan.removed if day not in in_use]
    # Of the pages over all tenants there are no notes: a page of a day is made anew when somebody asks for it.
    if going and lake.tenant is not None:
        # First the note: what is noted and still there is no harm, what vanished without a word is.
        lake.note_pruned(plan.table, going, today)
    for day in going:
        lake.storage.remove_partition(plan.table, partition_folder(plan.table, lake.tenant or ALL_TENANTS, day))
    freed = sum(plan.removed[day] for day in going)
    return Pruned(plan.table, tuple(going), freed, tuple(day for day in plan.removed if day in in_use))


def _inputs(table: str) -> tuple[str, ...]:
    derived = DERIVED.get(table)
    return () if derived is None else (*derived.inputs, *derived.optional_inputs)


def _sweep_notes(lake: Lake) -> None:
    """Removes the lists of devices out of the scope of those days whose machines are gone. Not the newest: it is
    written before its machines are."""
    newest = lake.newest(MACHINES.name)
    held = set(lake.dates(MACHINES.name))
    for day in days_with_note(lake):
        if newest is not None and day < newest and day not in held:
            forget_left_out(lake, day)
