"""``defender-assets demo``: everything once, without a tenant of one's own.

Here: the steps, and what is printed. Not here: the simulated tenant's process and the past days (``demo/``).
"""

import os
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .console import print_line
from .errors import FAILED, OK, guarded
from .progress import show_progress
from .refresh import refresh_tables
from .simulate import until_interrupted
from .stopping import until_stopped
from .tables import print_tables

if TYPE_CHECKING:
    from ..demo.tenant import TenantProcess
    from ..lake import Lake

_UI_ADDRESS = "http://127.0.0.1:3000"
_UI_STOP_TIMEOUT_SECONDS = 30


@click.command()
@click.option("--machines", default=200, show_default=True, type=click.IntRange(10, 100_000), help="Size of the fleet.")
@click.option("--days", default=5, show_default=True, type=click.IntRange(1, 60), help="Days captured, today included.")
@click.option("--ui", is_flag=True, help="Open the Dagster UI on the demo and stay.")
@guarded
def demo(machines: int, days: int, ui: bool) -> None:
    """Start a simulated tenant, refresh everything from it, and show what came of it."""
    from ..demo.tenant import simulated_tenant
    from ..settings import usable_home

    home = Path("demo").absolute()
    usable_home(home / "dagster", named="demo/dagster", remedy="run the demo in another folder")
    print_line(f"Starting a simulated tenant of {machines:,} machines (a real HTTPS server on this machine) …")
    with simulated_tenant(machines, days_ago=days - 1) as tenant:
        os.environ |= tenant.settings | {
            "DEFENDER_LAKE": str(home / "lake"),
            "DAGSTER_HOME": str(home / "dagster"),
            # The simulated tenant answers at once, so the demo need not stop at the default of 1,000 calls.
            "DEFENDER_USER_CALLS": str(machines),
        }
        with show_progress():
            succeeded = until_stopped(lambda: _refresh_days(days, tenant))

        from ..lake import Lake

        lake = Lake(str(home / "lake"))
        print_line()
        print_tables(lake)
        _print_compliance(lake)
        _print_next_steps(home, lake)
        if ui:
            _run_ui()
    sys.exit(OK if succeeded else FAILED)


def _refresh_days(days: int, tenant: "TenantProcess") -> bool:
    """Refreshes the past days, as the tenant was on each of them, and today; False if a table of today failed."""
    if days > 1:
        from ..demo.history import capture_past
        from ..doctor import read_settings
        from ..orchestration.dagster_home import dagster_instance
        from ..settings import SettingsError

        if problems := read_settings(connects=True)[1]:
            raise SettingsError(*problems)
        print_line(f"Capturing the tenant as it was on each of the {days - 1} days before today …")
        with dagster_instance() as instance:
            capture_past(days - 1, instance=instance, advance_one_day=tenant.advance_one_day)
    print_line("Refreshing everything of today …")
    return refresh_tables()


def _print_compliance(lake: "Lake") -> None:
    """Prints the headline numbers of the newest day, each with its denominator."""
    from ..catalog import DERIVED
    from ..compliance import engine_of, headline_numbers
    from ..refresh import headlines_in_words
    from ..settings import Settings

    engine = engine_of(Settings.load())
    for name in ("patch_compliance", "agent_compliance", "policy_compliance"):
        if (day := lake.newest(name)) is None:
            continue
        table = DERIVED[name]
        print_line(f"\n{table.title} on {day}:")
        numbers = headline_numbers(name, lake.source(name, [day]), engine=engine)
        for words, number in headlines_in_words(table, numbers).items():
            print_line(f"  {words:<28}{number}")


def _print_next_steps(home: Path, lake: "Lake") -> None:
    from ..report import newest_report

    program = _program()
    print_line(f"""
The report:        {newest_report(lake)}
The Parquet files: {home / "lake"}/TABLE/tenant=default/snapshot_date=YYYY-MM-DD/
Ask them something:  DEFENDER_LAKE={home / "lake"} \\
                     {program} query "SELECT os_platform, count(*) FROM machines GROUP BY 1"
See it in the UI:    {program} demo --ui
Your own tenant:     set DEFENDER_TENANT_ID, DEFENDER_CLIENT_ID and DEFENDER_CLIENT_SECRET (copy .env.example to .env),
                     then {program} doctor, then {program} refresh.
                     README.md says how to register the application.""")


def _program() -> str:
    """What the reader types to call this program from the working directory."""
    if shutil.which("defender-assets"):
        return "defender-assets"
    return os.path.relpath(sys.argv[0]) if sys.argv[0] else "defender-assets"


def _run_ui() -> None:
    """Runs ``dagster dev`` until Ctrl-C."""
    program = Path(sys.executable).with_name("dagster")
    host, port = _UI_ADDRESS.removeprefix("http://").split(":")
    print_line(f"\nStarting the Dagster UI on {_UI_ADDRESS} (Ctrl-C ends it) …")
    process = subprocess.Popen([program, "dev", "-m", "defender_assets.definitions", "-h", host, "-p", port])
    with until_interrupted():
        webbrowser.open(f"{_UI_ADDRESS}/asset-groups")
        process.wait()
    # Ctrl-C reaches the processes of the UI too; they get time to finish what they are doing.
    try:
        process.wait(timeout=_UI_STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
