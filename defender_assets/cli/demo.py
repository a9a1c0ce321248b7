"""``defender-assets demo``: everything once, without a tenant of one's own.

Here: the steps, and what is printed. Not here: the simulated tenant's process, the past days and the folder
(``demo/``), the UI (``serve/``).
"""

import logging
import os
import shlex
import shutil
import sys
import webbrowser
from contextlib import chdir, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..quantity import quantity
from .console import print_line
from .errors import FAILED, OK, guarded
from .progress import show_progress
from .refresh import refresh_tables
from .serve import HOST, PORT, log_supervision
from .stopping import until_stopped, unwound_by_sigterm
from .tables import print_tables

if TYPE_CHECKING:
    from ..demo.folder import DemoFolder, Demonstration
    from ..demo.tenant import TenantProcess
    from ..lake import Lake
    from ..serve import ListenAddress

_MACHINES, _DAYS = 200, 5


@click.command()
@click.option("--machines", type=click.IntRange(10, 100_000), help=f"Size of the fleet; {_MACHINES} by default.")
@click.option("--days", type=click.IntRange(1, 60), help=f"Days captured, today included; {_DAYS} by default.")
@click.option("--ui", is_flag=True, help="Open the Dagster UI on the demo and stay.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(1, 65_535), help="Port of the UI.")
@click.option("--again", is_flag=True, help="Make the demo anew, although it is there.")
@guarded
def demo(machines: int | None, days: int | None, ui: bool, port: int, again: bool) -> None:
    """Start a simulated tenant, refresh everything from it, and show what came of it.

    It is made once, in the folder demo, and shown as it is from then on, unless another size is asked for.
    """
    from ..demo.folder import DemoFolder, Demonstration
    from ..demo.tenant import simulated_tenant
    from ..serve import ListenAddress, check_free
    from ..settings import usable_home

    folder, address, program = DemoFolder(Path("demo").absolute()), ListenAddress(HOST, port), _program()
    if ui:
        check_free(address)
    usable_home(folder.root, named="demo", remedy="run the demo in another folder")
    # In its own folder, where no .env has a say.
    with folder.held(), chdir(folder.root), unwound_by_sigterm():
        _keep_connection_out(folder)
        shown = None if again else _as_asked_for(folder.demonstration(), machines, days)
        is_new = shown is None
        if shown is None:
            _check_settings()
            shown = Demonstration.ending_now(machines or _MACHINES, days or _DAYS)
            folder.begin(shown)
        else:
            print_line(_age(shown))
        succeeded = True
        if is_new or ui:
            print_line(f"Starting a simulated tenant of {shown.machines:,} machines (a real HTTPS server here) …")
            with simulated_tenant(shown.machines, as_of=shown.begins_at, as_documented=True) as tenant:
                # The simulated tenant answers at once, so the demo need not stop at the default of 1,000 calls.
                os.environ |= tenant.settings | {"DEFENDER_USER_CALLS": str(shown.machines)}
                if is_new:
                    succeeded = _make(shown, folder, tenant)
                    _print_what_is_there(folder, program)
                else:
                    _let_days_pass(shown, tenant)
                if ui:
                    _serve_ui(folder, address)
        else:
            _print_what_is_there(folder, program)
    sys.exit(OK if succeeded else FAILED)


def _as_asked_for(former: "Demonstration | None", machines: int | None, days: int | None) -> "Demonstration | None":
    """The former demonstration; None where it is not finished, or another version's, or not of the size asked for."""
    from ..version import __version__

    if former is None or former.made_at is None or former.version != __version__:
        return None
    return former if machines in (None, former.machines) and days in (None, former.days) else None


def _age(shown: "Demonstration") -> str:
    made_at = shown.made_at or shown.moments[-1]
    minutes = int((datetime.now(UTC) - made_at).total_seconds() // 60)
    if minutes >= 1_440:
        age = f"{quantity(minutes // 1_440, 'day')} ago, so its newest day is {shown.moments[-1].date()}"
    elif minutes >= 60:
        age = f"{quantity(minutes // 60, 'hour')} ago"
    else:
        age = f"{quantity(minutes, 'minute')} ago" if minutes else "just now"
    size = f"{quantity(shown.machines, 'machine')}, {quantity(shown.days, 'day')}"
    return f"The demo is there, made {age} ({size}); --again makes it anew."


def _keep_connection_out(folder: "DemoFolder") -> None:
    """The demo is about the simulated tenant, whatever connection the environment has."""
    from ..settings import CONNECTION_FIELDS, HOME_VARIABLE, variable

    for field in (*CONNECTION_FIELDS, "tenants"):
        os.environ.pop(variable(field), None)
    os.environ |= {variable("lake"): str(folder.lake), HOME_VARIABLE: str(folder.dagster)}


def _check_settings() -> None:
    """Before what is there is removed. Raises SettingsError with everything that is wrong."""
    from ..doctor import read_settings
    from ..settings import SettingsError

    if problems := read_settings()[1]:
        raise SettingsError(*problems)


def _make(shown: "Demonstration", folder: "DemoFolder", tenant: "TenantProcess") -> bool:
    """Captures the past days and refreshes today; False if a table of today failed."""
    with show_progress():
        succeeded = until_stopped(lambda: _refresh_days(shown, tenant))
    if succeeded:
        folder.finish(shown)
    print_line()
    return succeeded


def _refresh_days(shown: "Demonstration", tenant: "TenantProcess") -> bool:
    from ..orchestration.memory import give_memory_back

    give_memory_back()
    if past := shown.moments[:-1]:
        from ..demo.history import capture_past
        from ..orchestration.dagster_home import dagster_instance

        print_line(f"Capturing the tenant as it was on {_before_today(len(past))} …")

        def begin_day(number: int, day: date) -> None:
            print_line(f"  {day} (day {number} of {shown.days}) …")

        with dagster_instance() as instance:
            capture_past(
                past,
                machines=shown.machines,
                instance=instance,
                on_day=begin_day,
                advance_one_day=lambda: tenant.live_one_day(shown.machines),
            )
    print_line("Refreshing everything of today …")
    return refresh_tables(metrics=False)


def _before_today(days: int) -> str:
    return "the day before today" if days == 1 else f"each of the {days} days before today"


def _let_days_pass(shown: "Demonstration", tenant: "TenantProcess") -> None:
    """Brings the tenant to the day that the lake ends with, and from there to today."""
    for _ in range(shown.days - 1 + shown.days_since_its_last):
        tenant.live_one_day(shown.machines)


def _print_what_is_there(folder: "DemoFolder", program: str) -> None:
    from ..lake import Lake

    lake = Lake(str(folder.lake))
    print_tables(lake)
    _print_compliance(lake)
    _print_next_steps(lake, program)


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


def _print_next_steps(lake: "Lake", program: str) -> None:
    from ..report import newest_report

    name = _noncompliant_device(lake)
    explain = f"\n  DEFENDER_LAKE=demo/lake {program} explain {name}" if name else ""
    print_line(f"""
The report:
  {newest_report(lake)}
The Parquet files:
  {lake.root}/TABLE/tenant=default/snapshot_date=YYYY-MM-DD/
Ask them something (DEFENDER_LAKE=demo/lake lets each command find them):
  DEFENDER_LAKE=demo/lake {program} query --list
  DEFENDER_LAKE=demo/lake {program} query @overdue-servers{explain}
See it in the UI:
  {program} demo --ui
Your own tenant (the page "Connect a tenant" of the documentation tells how):
  {program} init       then fill in .env
  {program} doctor     tests the connection
  {program} refresh    fetches everything""")


def _noncompliant_device(lake: "Lake") -> str | None:
    """The name of one, as a shell takes it, so that there is something to explain."""
    from ..queries import query

    if lake.newest("devices") is None:
        return None
    # A name that two devices have would have to be told apart first.
    sql = """
        SELECT device_name FROM devices GROUP BY device_name
        HAVING count(*) = 1 AND bool_and(policy_verdict = 'noncompliant') ORDER BY device_name LIMIT 1"""
    found = query(lake, sql).read_all().column("device_name").to_pylist()
    return shlex.quote(found[0]) if found and found[0] else None


def _program() -> str:
    """What the reader types to call this program from the working directory."""
    if shutil.which("defender-assets"):
        return "defender-assets"
    return os.path.relpath(sys.argv[0]) if sys.argv[0] else "defender-assets"


def _serve_ui(folder: "DemoFolder", address: "ListenAddress") -> None:
    """Serves the UI until Ctrl-C or SIGTERM. Its address is the last line, and is opened once it answers."""
    from ..serve import keep_serving

    def is_starting() -> None:
        print_line("\nStarting the Dagster UI …")

    def is_ready() -> None:
        _open(address.graph_url)
        print_line(f"The demo is at {address.url} (Ctrl-C ends it)")

    log_supervision(logging.WARNING)
    keep_serving(folder.dagster, named="demo/dagster", address=address, on_start=is_starting, on_ready=is_ready)
    print_line("Ended.")


def _open(url: str) -> None:
    with suppress(webbrowser.Error):
        browser = webbrowser.get()
        # A browser of the terminal would take it over until somebody closes it.
        if type(browser) is not webbrowser.GenericBrowser:
            browser.open(url)
