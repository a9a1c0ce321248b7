"""``defender-assets doctor``: the Test button.

Here: the diagnosis in words or as JSON. Not here: making it (``api/doctor.py``).
"""

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from rich.table import Table as Grid

from ..tenant import DEFAULT_TENANT
from .console import plain, print_line, print_warnings, stdout
from .errors import FAILED, OK, guarded

if TYPE_CHECKING:
    from rich.text import Text

    from ..api import DatasetProbe, Diagnosis
    from ..lake import Lake
    from ..settings import Settings


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
        _print_diagnosis(diagnosis, settings, lake)
    sys.exit(OK if diagnosis.ok else FAILED)


def _print_diagnosis(diagnosis: "Diagnosis", settings: "Settings", lake: "Lake") -> None:
    from ..api import NOT_CHOSEN
    from ..scope import fleet_scope

    login = diagnosis.login
    if login.ok:
        print_line(f"Login: ok; the application's roles: {', '.join(login.roles) or 'none'}")
    else:
        print_line(f"Login: {login.message}", style="red")
    grid = Grid("dataset", "permission", "answer", "what to do", box=None, pad_edge=False)
    for row in diagnosis.datasets:
        grid.add_row(row.dataset, row.permission, _answer(row), plain(row.remedy or ""))
    stdout.print(grid)
    if scope := fleet_scope(settings):
        print_line(f"Scope: {scope} (docs/scope.md)")
    chosen = [row for row in diagnosis.datasets if row.reason != NOT_CHOSEN]
    readable = [row.dataset for row in chosen if row.ok]
    not_chosen = len(diagnosis.datasets) - len(chosen)
    of_these = f" that are chosen ({not_chosen} are not)" if not_chosen else ""
    print_line(
        f"The application can read {len(readable)} of {len(chosen)}{of_these}: {', '.join(readable) or 'nothing'}."
    )
    if absent := [f"{row.dataset} ({row.reason})" for row in diagnosis.datasets if row.absent]:
        print_line(f"Left out, which is no failure: {', '.join(absent)}.")
    # Without a login, every dataset failed of the same cause, which stands above.
    if login.ok and (failed := [row for row in chosen if not row.ok and not row.absent]):
        why = ", ".join(f"{row.dataset} ({_why_failed(row, settings, lake)})" for row in failed)
        print_line(f"Failed: {why}.", style="red")


def _why_failed(row: "DatasetProbe", settings: "Settings", lake: "Lake") -> str:
    """What was answered, and why that is a failure where another tenant would merely do without the dataset."""
    from ..api import LACKS
    from ..lake import LakeError
    from ..settings import DATASETS_VARIABLE, chosen_datasets

    parts = [row.reason]
    if row.reason in LACKS:
        if row.dataset in chosen_datasets(settings).demanded:
            parts.append(f"named in {DATASETS_VARIABLE}")
        # A lake that cannot be read is as one that holds nothing, as for the diagnosis itself.
        with suppress(LakeError):
            if last := lake.newest(row.dataset):
                parts.append(f"fetched before, last for {last}")
    return "; ".join(parts)


def _answer(row: "DatasetProbe") -> "Text":
    if row.ok:
        return plain("ok", style="green")
    if row.status is None and row.absent:
        return plain(row.reason, style="dim")
    return plain(f"{row.reason} ({row.status or 'no answer'})", style="yellow" if row.absent else "red")
