"""``defender-assets diff``: what changed between two days.

Here: the options and the printed lines. Not here: the comparison (``queries/``), what another policy would change
(``policy.py``).
"""

import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..quantity import quantity
from ..sanitize import printable
from ..tenant import DEFAULT_TENANT
from .closed_pipe import ignoring_closed_pipe
from .console import print_error, print_line
from .errors import guarded
from .output import chosen_format, output_options
from .read_lake import lake_to_read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..queries.between_days import DayChanges

_DAY = click.DateTime(["%Y-%m-%d"])
_ADDED = ("added", "entered the scope", "added or entered the scope")
_REMOVED = ("removed", "left the scope", "removed or left the scope")


@click.command("diff")
@click.argument("earlier", type=_DAY, required=False)
@click.argument("later", type=_DAY, required=False)
@click.option("--table", metavar="TABLE", help="The rows of one table that were added, removed or changed, by its key.")
@output_options
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="Which tenant's days.")
@guarded
def diff_days(
    earlier: datetime | None,
    later: datetime | None,
    table: str | None,
    output_format: str | None,
    output: Path | None,
    tenant: str,
) -> None:
    """What changed between two days: devices that were added or removed or changed their verdict; findings that were
    added, were removed or fell due. What only left the scope of the lake, or entered it, is told apart. By default the
    two newest days; with one day, that and the newest. In a file, or a format other than the table, each change is a
    row."""
    from ..queries import write_result
    from ..queries.between_days import changes, day_changes, table_changes, two_days
    from ..queries.output_file import write_file
    from ..settings import Settings
    from .display import write_table

    chosen = chosen_format(output_format, output)
    lake = lake_to_read(Settings.load(), tenant)
    one, other = two_days(lake, earlier.date() if earlier else None, later.date() if later else None, table)
    with ignoring_closed_pipe():
        if table is None and chosen is None:
            _print_changes(day_changes(lake, one, other))
            return
        rows = changes(lake, one, other) if table is None else table_changes(lake, table, one, other)
        if chosen is None:
            print_line(f"{table}: {one} -> {other}", style="bold")
            write_table(rows, sys.stdout)
        elif output is not None:
            number = write_file(rows, chosen, output)
            print_error(f"{quantity(number, 'change')} from {one} to {other} in {printable(str(output))}")
        else:
            write_result(rows, chosen, sys.stdout)


def _print_changes(found: "DayChanges") -> None:
    print_line(f"{found.earlier} -> {found.later}", style="bold")
    for note in found.notes:
        print_line(note, style="yellow")
    totals: Counter[tuple[str, str]] = Counter()
    for (what, change, _, _), number in found.counts.items():
        totals[what, change] += number
    for what, kinds in (
        ("device", _ADDED + _REMOVED),
        ("patch verdict", ("changed",)),
        ("agent verdict", ("changed",)),
        ("policy verdict", ("changed",)),
        ("finding", (*_ADDED, *_REMOVED, "fell due")),
    ):
        print_line()
        if what in found.not_compared:
            print_line(f"{what}: not compared; {found.not_compared[what]}", style="yellow")
            continue
        noun = "device" if what.endswith("verdict") else what
        for kind in kinds:
            number = totals[what, kind]
            if not number and kind.endswith("the scope"):
                continue
            print_line(f"{what}s {kind}: {quantity(number, noun) if number else 'none'}", style="bold")
            if number:
                _print_kind(found, what, kind, number)


def _print_kind(found: "DayChanges", what: str, kind: str, number: int) -> None:
    moved = [
        (before, after, rows)
        for (topic, change, before, after), rows in found.counts.items()
        if (topic, change) == (what, kind) and what.endswith("verdict")
    ]
    for before, after, rows in moved:
        print_line(f"  {before} -> {after}: {rows:,}")
    shown: Sequence[Mapping[str, Any]] = found.examples.get((what, kind), ())
    for row in shown:
        print_line(f"    {_in_words(what, row)}")
    if number > len(shown):
        print_line(f"    and {number - len(shown):,} more; --format csv or --output FILE has them all")


def _in_words(what: str, row: "Mapping[str, Any]") -> str:
    name = row["device_name"] or row["device_id"]
    if what == "device":
        return f"{name} ({row['after'] or row['before']})"
    if what != "finding":
        return f"{name}: {row['before']} -> {row['after']}"
    due = f", due {row['due_at']:%Y-%m-%d}" if row["due_at"] else ""
    product = f"{row['software_vendor']} {row['software_name']} {row['software_version']}"
    return f"{name}: {row['severity'] or 'unrated'} {row['cve_id']} in {product}{due}"
