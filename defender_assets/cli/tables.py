"""``defender-assets tables``: what the lake holds.

Here: the grid. Not here: reading the lake (``lake/``).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import click
from rich.table import Table as Grid

from ..quantity import size
from ..sanitize import redacted
from ..tenant import DEFAULT_TENANT, of_tenant
from .console import plain, print_line, stdout
from .errors import guarded
from .read_lake import lake_to_read

if TYPE_CHECKING:
    from ..lake import Lake

_DESCRIPTIONS_FROM_COLUMNS = 120
"""A narrower terminal has no room for them beside the longest names."""


@click.command()
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="Which tenant's tables.")
@guarded
def tables(tenant: str) -> None:
    """The tables: rows, newest snapshot, size, description; of event tables, rows and size of all their days."""
    from ..catalog import TABLES
    from ..refresh import known_absences
    from ..settings import Settings

    settings = Settings.load()
    lake = lake_to_read(settings, tenant)
    print_tables(lake, left_out=known_absences(TABLES, settings, lake))


def print_tables(lake: "Lake", *, left_out: Mapping[str, str] = MappingProxyType({})) -> None:
    """Prints the tables of a lake as a grid, with those of the catalog that it does not hold yet. ``left_out``: table
    -> why there will be no new rows of it. Raises NoSnapshot for a lake without any."""
    from ..catalog import EVENT_TABLES, TABLES
    from ..lake import NoSnapshot
    from ..scope.left_out import SCOPE, left_out_in

    held = {info.name: info for info in lake.tables()}
    if not held:
        raise NoSnapshot(
            f"There is no table{of_tenant(lake.tenant)} in the lake at {lake.root} yet. Fill it (defender-assets "
            "refresh), or set DEFENDER_LAKE to where the lake is."
        )
    grid = Grid(box=None, pad_edge=False)
    for column in ("table", "rows", "newest", "days", "size"):
        grid.add_column(column, justify="left" if column in ("table", "newest") else "right", no_wrap=True)
    if has_descriptions := stdout.width >= _DESCRIPTIONS_FROM_COLUMNS:
        grid.add_column("description")
    remarks: list[str] = []
    for name in [*TABLES, *sorted(set(held) - set(TABLES))]:
        info = held.get(name)
        title = TABLES[name].title if name in TABLES else ""
        if name in left_out:
            title += f" (left out: {left_out[name]})"
            remarks.append(f"{name} is left out: {left_out[name]}")
        description = plain(title)
        if info is None:
            cells = [name, "-", "never", "0", "-"]
        else:
            rows = "-" if info.rows is None else f"{info.rows:,}"
            cells = [name, rows, str(info.newest), str(info.days), size(info.bytes)]
            if info.rows is None:
                description = plain(info.problem or "unreadable", style="red")
                remarks.append(f"{name}: {description.plain}")
        grid.add_row(*cells, *([description] if has_descriptions else []), style="dim" if info is None else None)
    stdout.print(grid)
    for remark in [] if has_descriptions else remarks:
        print_line(remark, indent="  ")
    if events := sorted(EVENT_TABLES & held.keys()):
        print_line(f"Rows and size are those of the newest day; of {' and '.join(events)}, of all days.", indent="")
    if lake.tenant is not None and "machines" in held and held["machines"].problem is None:
        facts = lake.metadata("machines")
        if scope := facts.get(SCOPE):
            out_of_it = left_out_in(facts)
            machines = "not known" if out_of_it is None else f"{out_of_it.out_of_scope:,}"
            print_line(f"A part of the tenant: {redacted(scope)}. Machine records out of it: {machines}.")
