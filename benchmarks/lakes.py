"""Lakes to be read: a refreshed one of a simulated tenant, and the same over many days.

Here: making each once in the folder that is kept between runs. Not here: what is read from them (``reading.py``),
what they weigh (``growth.py``), lakes of generated inputs (``compliance_inputs.py``).
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from defender_assets.demo.tenant import simulated_tenant
from defender_assets.lake import Lake

from .measure import PROGRAM, run, say

DAYS_OF_A_YEAR = 365


def refreshed(folder: Path, machines: int) -> Path:
    """The root of a lake after one whole refresh of a simulated tenant of so many machines."""
    with made_once(folder / f"tenant_{machines}") as unfinished:
        if unfinished is not None:
            say(f"  refreshing a simulated tenant of {machines:,} machines")
            with simulated_tenant(machines, prepare_exports=True) as tenant:
                own = {"DEFENDER_LAKE": str(unfinished), "DEFENDER_BUDGET_FILE": str(unfinished / ".calls.sqlite")}
                run([PROGRAM, "refresh"], tenant.settings | own)
    return folder / f"tenant_{machines}"


def of_many_days(lake: Path, days: int = DAYS_OF_A_YEAR) -> Path:
    """A lake with the newest day of each table of ``lake`` on as many days: hard links to one file, so that a year
    takes the room of a day. It stands beside the other."""
    root = lake.with_name(f"{lake.name}_{days}_days")
    with made_once(root) as unfinished:
        if unfinished is not None:
            for table in Lake(lake).table_names():
                for part in Lake(lake).newest_parts(table):
                    for back in range(days):
                        link_to_day(lake / part.path, unfinished, table, part.date - timedelta(days=back))
    return root


def link_to_day(file: Path, root: Path, table: str, day: date) -> None:
    """The file as the partition of a day of the lake at ``root``."""
    target = root / table / "tenant=default" / f"snapshot_date={day}" / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(file, target)


@contextmanager
def made_once(root: Path) -> Iterator[Path | None]:
    """A folder that becomes ``root`` at the end of the block; None where that is there already."""
    if root.exists():
        yield None
        return
    unfinished = root.with_name(f"{root.name}_unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    yield unfinished
    unfinished.rename(root)
