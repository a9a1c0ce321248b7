"""``defender-assets report``: where the newest compliance report is; that over all tenants is made.

Here: printing its path, opening it. Not here: making it (``report/``), whose numbers are summed (``all_tenants.py``).
"""

import sys
import webbrowser
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..tenant import ALL_TENANTS, DEFAULT_TENANT
from .all_tenants import summaries, write_report
from .console import print_error, print_warnings
from .errors import FAILED, guarded
from .read_lake import lake_to_read

if TYPE_CHECKING:
    from ..settings import Settings


@click.command()
@click.option("--open", "in_browser", is_flag=True, help="Open it in the browser, too.")
@click.option(
    "--tenant",
    default=DEFAULT_TENANT,
    show_default=True,
    help="Which tenant's report; `all` writes one over all of them, which links to theirs.",
)
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The report of this day; by default the newest.")
@guarded
def report(in_browser: bool, tenant: str, day: datetime | None) -> None:
    """The path of the newest compliance report.

    With --tenant all it is made now: the sums over all tenants, and the tenants side by side.
    """
    from ..settings import Settings

    settings = Settings.load()
    of_day = day.date() if day else None
    address = _of_all(settings, of_day) if tenant == ALL_TENANTS else _of_one(settings, tenant, of_day)
    click.echo(address)
    if in_browser and not webbrowser.open(address if "://" in address else Path(address).as_uri()):
        print_error("defender-assets: no browser could be started here; open the file yourself.")
        sys.exit(FAILED)


def _of_one(settings: "Settings", tenant: str, day: date | None) -> str:
    from ..lake import NoSnapshot
    from ..report import newest_report, report_of

    lake = lake_to_read(settings, tenant)
    address = newest_report(lake) if day is None else report_of(lake, day)
    if address is None:
        of_day = f" of {day}" if day else ""
        raise NoSnapshot(
            f"There is no compliance report{of_day} in the lake at {lake.root} yet. Make one (defender-assets "
            "refresh), or set DEFENDER_LAKE to where the lake is."
        )
    return address


def _of_all(settings: "Settings", day: date | None) -> str:
    from ..lake import Lake, LakeNotWritable, NoSnapshot
    from ..report import newest_report
    from ..report.tenants import in_one_line

    found = summaries(settings, day)
    if found is None:
        by_then = f" up to {day}" if day else ""
        raise NoSnapshot(
            f"No tenant was judged{by_then} in the lake at {Lake(settings.lake).root}: none has a fleet_summary. Make "
            "them (defender-assets refresh --tenant all), or set DEFENDER_LAKE to where the lake is."
        )
    try:
        address = write_report(settings, found)
    except LakeNotWritable as error:
        # Who may only read the lake is shown what was made for them.
        newest = newest_report(Lake(settings.lake, ALL_TENANTS))
        if newest is None:
            raise
        print_warnings([f"it cannot be made anew, so this is the newest that was made. {error.sentence}"])
        address = newest
    print_error(in_one_line(found), style="yellow" if found.not_counted else "")
    return address
