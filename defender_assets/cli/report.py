"""``defender-assets report``: where the newest compliance report is.

Here: printing its path, opening it. Not here: making it (``report/``).
"""

import sys
import webbrowser
from pathlib import Path

import click

from ..tenant import DEFAULT_TENANT
from .console import print_error
from .errors import FAILED, guarded
from .read_lake import lake_to_read


@click.command()
@click.option("--open", "in_browser", is_flag=True, help="Open it in the browser, too.")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="Which tenant's report.")
@guarded
def report(in_browser: bool, tenant: str) -> None:
    """The path of the newest compliance report."""
    from ..lake import NoSnapshot
    from ..report import newest_report
    from ..settings import Settings

    lake = lake_to_read(Settings.load(), tenant)
    address = newest_report(lake)
    if address is None:
        raise NoSnapshot(
            f"There is no compliance report in the lake at {lake.root} yet. Make one (defender-assets refresh), or set "
            "DEFENDER_LAKE to where the lake is."
        )
    click.echo(address)
    if in_browser and not webbrowser.open(address if "://" in address else Path(address).as_uri()):
        print_error("defender-assets: no browser could be started here; open the file yourself.")
        sys.exit(FAILED)
