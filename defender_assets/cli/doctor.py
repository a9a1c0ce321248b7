"""``defender-assets doctor``: the Test button.

Here: the diagnosis in words or as JSON. Not here: making it (``api/doctor.py``).
"""

import sys
from typing import TYPE_CHECKING

import click
from rich.table import Table as Grid

from ..tenant import DEFAULT_TENANT
from .console import plain, print_line, print_warnings, stdout
from .errors import FAILED, OK, guarded

if TYPE_CHECKING:
    from rich.text import Text

    from ..api import DatasetProbe, Diagnosis


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the diagnosis as JSON.")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="Which of several tenants to test.")
@guarded
def doctor(as_json: bool, tenant: str) -> None:
    """Test the connection: log in, then ask for one row of each dataset."""
    from ..api import examine
    from ..lake import Lake
    from ..refresh import was_fetched
    from ..settings import Settings, connection, unknown_settings

    settings = Settings.load()
    print_warnings(unknown_settings(settings))
    lake = Lake(settings.lake, tenant)
    diagnosis = examine(connection(settings, tenant=tenant), settings, was_fetched=was_fetched(lake))
    if as_json:
        click.echo(diagnosis.to_json())
    else:
        _print_diagnosis(diagnosis)
    sys.exit(OK if diagnosis.ok else FAILED)


def _print_diagnosis(diagnosis: "Diagnosis") -> None:
    login = diagnosis.login
    if login.ok:
        print_line(f"Login: ok; the application's roles: {', '.join(login.roles) or 'none'}")
    else:
        print_line(f"Login: {login.message}", style="red")
    grid = Grid("dataset", "permission", "answer", "what to do", box=None, pad_edge=False)
    for row in diagnosis.datasets:
        grid.add_row(row.dataset, row.permission, _answer(row), plain(row.remedy or ""))
    stdout.print(grid)
    readable = [row.dataset for row in diagnosis.datasets if row.ok]
    print_line(
        f"The application can read {len(readable)} of {len(diagnosis.datasets)}: {', '.join(readable) or 'nothing'}."
    )
    if absent := [f"{row.dataset} ({row.reason})" for row in diagnosis.datasets if row.absent]:
        print_line(f"Left out, which is no failure: {', '.join(absent)}.")


def _answer(row: "DatasetProbe") -> "Text":
    if row.ok:
        return plain("ok", style="green")
    if row.status is None and row.absent:
        return plain(row.reason, style="dim")
    return plain(f"{row.reason} ({row.status or 'no answer'})", style="yellow" if row.absent else "red")
