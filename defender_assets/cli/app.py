"""The command line: ``defender-assets``.

Here: options, exit codes, and what a person sees. Not here: doing the work. Dagster and DuckDB are imported by the
verbs that need them, so that ``--help`` answers at once.

Exit codes: 0 all well; 1 the answer is "no" (a refusal, a failed asset, a failed check); 2 wrong use or wrong settings.
"""

import json
import os
import shutil
import subprocess
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid
from rich.text import Text

from .. import __version__
from ..errors import DefenderAssetsError

if TYPE_CHECKING:
    from ..orchestration.local_runs import AssetOutcome
    from ..refresh.progress import Progress as Told

NO, WRONG_USE = 1, 2

# Elsewhere than on a terminal nothing is cut off to fit a width that nobody has.
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str, *, to: Console | None = None, style: str | None = None) -> None:
    """One line of plain text; control characters of foreign names never reach the terminal."""
    (to or out).print(Text(printable(line), style=style or ""))


def printable(text: str) -> str:
    """The text with control characters (terminal escapes, NUL) made visible."""
    return "".join(char if char.isprintable() or char == "\n" else f"\\x{ord(char):02x}" for char in text)


def one_sentence(function: Callable) -> Callable:
    """Expected errors become one sentence on standard error and the contract's exit code, never a stack trace."""

    @wraps(function)
    def guarded(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except DefenderAssetsError as error:
            say(f"defender-assets: {error.sentence}", to=err)
            sys.exit(_exit_code(error))
        except KeyboardInterrupt:
            say("defender-assets: stopped; what was published stays, what was under way is discarded", to=err)
            sys.exit(130)

    return guarded


def _exit_code(error: DefenderAssetsError) -> int:
    from ..lake import LakeNotWritable
    from ..query import QueryError
    from ..settings import SettingsError

    return WRONG_USE if isinstance(error, SettingsError | LakeNotWritable | QueryError) else NO


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="defender-assets")
def main() -> None:
    """Microsoft Defender for Endpoint metadata as Parquet tables, and what they say about compliance."""


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the diagnosis as JSON.")
@click.option("--tenant", default="default", show_default=True, help="Which of several tenants to test.")
@one_sentence
def doctor(as_json: bool, tenant: str) -> None:
    """Test the connection: log in, then ask for one row of each dataset."""
    from ..api import Budget, examine
    from ..catalog import DATASETS
    from ..settings import Settings, connection

    settings = Settings.load()
    there = connection(settings, tenant=tenant)
    with Budget.of(there, path=settings.budget_file, pacing=settings.pacing) as budget:
        diagnosis = examine(there, DATASETS.values(), budget=budget)
    if as_json:
        click.echo(diagnosis.to_json())
        sys.exit(0 if diagnosis.ok else NO)
    login = diagnosis.login
    if login.ok:
        say(f"Login: ok; the application's roles: {', '.join(login.roles) or 'none'}")
    else:
        say(f"Login: {login.message}", style="red")
    grid = Grid("dataset", "permission", "answer", "what to do", box=None, pad_edge=False)
    for row in diagnosis.datasets:
        answer = (
            Text("ok", style="green") if row.ok else Text(f"{row.reason} ({row.status or 'no answer'})", style="red")
        )
        grid.add_row(row.dataset, row.permission, answer, Text(printable(row.remedy or "")))
    out.print(grid)
    readable = [row.dataset for row in diagnosis.datasets if row.ok]
    say(f"The application can read {len(readable)} of {len(diagnosis.datasets)}: {', '.join(readable) or 'nothing'}.")
    sys.exit(0 if diagnosis.ok else NO)


@main.command()
@click.option(
    "--select", "selection", metavar="SELECTION", help="Assets in Dagster's selection syntax; all by default."
)
@click.option("--tenant", default="default", show_default=True, help="Which of several tenants to refresh.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="One day's partition, instead of up to date.")
@one_sentence
def refresh(selection: str | None, tenant: str, day: datetime | None) -> None:
    """Fetch the tables and compute what is made from them, without the UI."""
    ok = _refresh(selection, tenant, day.date() if day else None)
    sys.exit(0 if ok else NO)


def _refresh(selection: str | None, tenant: str, day: date | None) -> bool:
    from ..api import Budget, DefenderClient
    from ..catalog import DATASETS
    from ..lake import Lake
    from ..orchestration.local_runs import WrongSelection, refresh_runs, selected
    from ..settings import Settings, connection

    # What is wrong with the settings is said before Dagster is loaded and before anything is fetched.
    settings = Settings.load()
    there = connection(settings, tenant=tenant)
    lake = Lake(settings.lake, tenant)
    lake.writable()

    from ..definitions import build_defs

    defs = build_defs()
    try:
        keys = selected(defs, selection)
    except WrongSelection as error:
        raise click.UsageError(str(error)) from None
    budget = Budget.of(there, path=settings.budget_file, pacing=settings.pacing)
    with budget, _instance() as instance, DefenderClient(there, budget=budget) as client:
        if any(key.to_user_string() in DATASETS for key in keys):
            client.login.token()
        outcomes: list[AssetOutcome] = []
        with _progress():
            for outcome in refresh_runs(defs, instance, keys, client=client, lake=lake, tenant=tenant, day=day):
                outcomes.append(outcome)
                _print_outcome(outcome)
    failed = [outcome.asset for outcome in outcomes if not outcome.ok]
    if failed:
        others = " The others are written." if len(failed) < len(outcomes) else ""
        say(f"{len(failed)} of {len(outcomes)} tables failed: {', '.join(failed)}.{others}", to=err)
    return not failed


def _print_outcome(outcome: "AssetOutcome") -> None:
    if not outcome.ok:
        # Most errors begin with the table they are about.
        say(f"FAILED  {outcome.asset}: {outcome.message.removeprefix(f'{outcome.asset}: ')}", to=err, style="red")
        return
    days = f"{outcome.dates[0]} to {outcome.dates[-1]}" if len(outcome.dates) > 1 else "".join(map(str, outcome.dates))
    rows = f"{outcome.rows:>12,} rows" if outcome.rows is not None else " " * 17
    say(f"ok      {outcome.asset:<32}{rows}  {days}{outcome.message}")
    for warning in outcome.warnings:
        say(f"        warning: {warning}", style="yellow")


@contextmanager
def _instance() -> Iterator[Any]:
    """The Dagster instance of DAGSTER_HOME, so that the UI knows of the run; else one that is forgotten."""
    import dagster as dg

    if os.environ.get("DAGSTER_HOME"):
        Path(os.environ["DAGSTER_HOME"]).mkdir(parents=True, exist_ok=True)
        with dg.DagsterInstance.get() as instance:
            yield instance
    else:
        with dg.DagsterInstance.ephemeral() as instance:
            yield instance


@contextmanager
def _progress() -> Iterator[None]:
    """A bar per table on a terminal; elsewhere a line now and then."""
    from ..refresh.progress import listening

    if not err.is_terminal:
        with listening(_Lines()):
            yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(told: "Told") -> None:
            if told.table not in tasks:
                tasks[told.table] = bars.add_task(told.table, total=told.total, state="")
            of = f" of {told.total:,}" if told.total else ""
            bars.update(
                tasks[told.table], completed=told.done, total=told.total, state=f"{told.done:,}{of} {told.unit}"
            )

        with listening(show):
            yield


_TOLD_EVERY = {"rows": 250_000, "devices": 250}


class _Lines:
    """Tells every so many rows, so that a log shows that long work goes on."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def __call__(self, told: "Told") -> None:
        step = _TOLD_EVERY.get(told.unit)
        if step and told.done >= self._next.get(told.table, step):
            self._next[told.table] = (told.done // step + 1) * step
            say(f"        {told.table}: {told.done:,} {told.unit}", to=err)


@main.command()
@click.argument("sql")
@click.option(
    "--format", "shape", type=click.Choice(["table", "csv", "json", "parquet"]), default="table", show_default=True
)
@click.option("--tenant", default="default", show_default=True, help="Which tenant's tables; `all` for every one.")
@one_sentence
def query(sql: str, shape: str, tenant: str) -> None:
    """Read-only SQL over the newest snapshot of every table; TABLE_history holds all snapshots."""
    from ..lake import Lake
    from ..query import Format, write_result
    from ..query import query as ask
    from ..settings import Settings
    from .display import write_table

    try:
        answer = ask(Lake(Settings.load().lake, tenant), sql)
        if shape == "table":
            write_table(answer, sys.stdout)
        else:
            write_result(answer, cast(Format, shape), sys.stdout)
    except BrokenPipeError:
        # The reader (head, less) has seen enough; Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@main.command()
@click.option("--tenant", default="default", show_default=True, help="Which tenant's tables.")
@one_sentence
def tables(tenant: str) -> None:
    """The tables: rows, newest snapshot, size, description."""
    from ..lake import Lake
    from ..settings import Settings

    print_tables(Lake(Settings.load().lake, tenant))


@main.command()
@click.option("--open", "open_it", is_flag=True, help="Open it in the browser, too.")
@click.option("--tenant", default="default", show_default=True, help="Which tenant's report.")
@one_sentence
def report(open_it: bool, tenant: str) -> None:
    """The path of the newest compliance report."""
    from ..lake import Lake
    from ..report import newest_report
    from ..settings import Settings

    lake = Lake(Settings.load().lake, tenant)
    address = newest_report(lake)
    if address is None:
        say(
            f"defender-assets: there is no compliance report in the lake at {lake.root} yet. Make one "
            "(defender-assets refresh), or set DEFENDER_LAKE to where the lake is.",
            to=err,
        )
        sys.exit(NO)
    click.echo(address)
    if open_it and not webbrowser.open(address if "://" in address else Path(address).as_uri()):
        say("defender-assets: no browser could be started here; open the file yourself.", to=err)
        sys.exit(NO)


def print_tables(lake: Any) -> None:
    """The tables of a lake as a grid; those of the catalog that are not there yet too."""
    from ..catalog import TABLES

    there = {info.name: info for info in lake.tables()}
    grid = Grid("table", "rows", "newest", "days", "size", "description", box=None, pad_edge=False)
    for name in [*TABLES, *sorted(set(there) - set(TABLES))]:
        info = there.get(name)
        title = TABLES[name].title if name in TABLES else ""
        if info is None:
            grid.add_row(name, "-", "never", "0", "-", title, style="dim")
        elif info.rows is None:
            damaged = Text(printable(info.problem or "unreadable"), style="red")
            grid.add_row(name, "-", str(info.newest), str(info.partitions), _size(info.bytes), damaged)
        else:
            grid.add_row(name, f"{info.rows:,}", str(info.newest), str(info.partitions), _size(info.bytes), title)
    for column in (1, 3, 4):
        grid.columns[column].justify = "right"
    out.print(grid)


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1000
    raise AssertionError


@main.command()
@click.option("--machines", default=200, show_default=True, type=click.IntRange(10, 100_000), help="Size of the fleet.")
@click.option("--port", default=0, type=click.IntRange(0, 65_535), help="Port of the API; any free one by default.")
@one_sentence
def simulate(machines: int, port: int) -> None:
    """Serve a simulated tenant in the foreground and print the settings that reach it."""
    with simulated(machines, port) as settings:
        say(f"A simulated tenant of {machines:,} machines is served until you press Ctrl-C. These settings reach it:\n")
        for name, value in settings.items():
            say(f"export {name}={value}")
        with _until_stopped():
            settings.process.wait()


class SimulatedSettings(dict[str, str]):
    """The settings that reach a simulated tenant, and the process that serves it."""

    process: subprocess.Popen

    def tell(self, verb: str, **named: Any) -> None:
        """Uses one of the simulator's controls."""
        import ssl
        import urllib.request

        trust = ssl.create_default_context(cafile=self["DEFENDER_CA_BUNDLE"])
        request = urllib.request.Request(
            f"{self['DEFENDER_API_URL']}/_control/{verb}", json.dumps({"named": named}).encode(), method="POST"
        )
        urllib.request.urlopen(request, context=trust, timeout=60).close()


@contextmanager
def simulated(machines: int, port: int = 0, days_ago: int = 0) -> Iterator[SimulatedSettings]:
    """A simulated tenant in a process of its own (so that serving does not take the client's time)."""
    import tempfile
    import time

    with tempfile.TemporaryDirectory(prefix="defender-simulator-") as folder:
        ready = Path(folder) / "ready.json"
        command = [sys.executable, "-m", "defender_assets.simulator", "--machines", str(machines)]
        command += ["--days-ago", str(days_ago)]
        process = subprocess.Popen([*command, "--port", str(port), "--ready-file", str(ready)])
        try:
            while not ready.exists():
                if process.poll() is not None:
                    raise click.ClickException(f"the simulated tenant did not start (exit {process.returncode})")
                time.sleep(0.05)
            settings = SimulatedSettings(json.loads(ready.read_text()))
            settings.process = process
            yield settings
        finally:
            process.terminate()
            process.wait(timeout=10)


@contextmanager
def _until_stopped() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say("\nstopped")


@main.command()
@click.option("--machines", default=200, show_default=True, type=click.IntRange(10, 100_000), help="Size of the fleet.")
@click.option("--days", default=5, show_default=True, type=click.IntRange(1, 60), help="Days captured, today included.")
@click.option("--ui", is_flag=True, help="Open the Dagster UI on the demo and stay.")
@one_sentence
def demo(machines: int, days: int, ui: bool) -> None:
    """Start a simulated tenant, refresh everything from it, and show what came of it."""
    home = Path("demo").absolute()
    say(f"Starting a simulated tenant of {machines:,} machines (a real HTTPS server on this machine) …")
    with simulated(machines, days_ago=days - 1) as settings:
        (home / "dagster").mkdir(parents=True, exist_ok=True)
        os.environ |= settings | {
            "DEFENDER_LAKE": str(home / "lake"),
            "DAGSTER_HOME": str(home / "dagster"),
            # The simulated tenant answers as fast as it is asked, so the demo need not stop at the default 1,000.
            "DEFENDER_USER_CALLS": str(machines),
        }
        if days > 1:
            say(f"Capturing the tenant as it was on each of the {days - 1} days before today …")
            _capture_past(days - 1, settings)
        say("Refreshing everything of today …")
        ok = _refresh(None, "default", None)
        say("")
        from ..lake import Lake

        lake = Lake(str(home / "lake"))
        print_tables(lake)
        _print_compliance(lake)
        _epilogue(home, lake)
        if ui:
            _ui()
    sys.exit(0 if ok else NO)


def _capture_past(days: int, simulator: SimulatedSettings) -> None:
    from ..api import Budget, DefenderClient
    from ..definitions import build_defs
    from ..demo.history import capture_past
    from ..lake import Lake
    from ..settings import Settings, connection

    settings = Settings.load()
    there = connection(settings)
    budget = Budget.of(there, path=settings.budget_file, pacing=settings.pacing)
    with budget, _instance() as instance, DefenderClient(there, budget=budget) as client, _progress():
        lake = Lake(settings.lake)
        capture_past(build_defs(), instance, client, lake, settings, days, lambda: simulator.tell("advance", days=1))


def _print_compliance(lake: Any) -> None:
    """The headline numbers of today, each with its denominator."""
    from ..catalog import DERIVED
    from ..compliance import summarize
    from ..orchestration.derived_assets import headlines_in_words

    for name in ("patch_compliance", "agent_compliance", "policy_compliance"):
        if (day := lake.newest(name)) is None:
            continue
        table = DERIVED[name]
        say(f"\n{table.title} on {day}:")
        for words, number in headlines_in_words(table, summarize(name, lake.input(name, day))).items():
            say(f"  {words:<28}{number}")


def _epilogue(home: Path, lake: Any) -> None:
    from ..report import newest_report

    say(f"""
The report:        {newest_report(lake)}
The Parquet files: {home / "lake"}/TABLE/tenant=default/snapshot_date=YYYY-MM-DD/
Ask them something:  DEFENDER_LAKE={home / "lake"} \\
                     {_program()} query "SELECT os_platform, count(*) FROM machines GROUP BY 1"
See it in the UI:    {_program()} demo --ui
Your own tenant:     set DEFENDER_TENANT_ID, DEFENDER_CLIENT_ID and DEFENDER_CLIENT_SECRET (copy .env.example to .env),
                     then {_program()} doctor, then {_program()} refresh.
                     README.md says how to register the application.""")


def _program() -> str:
    """How the reader can call this program from where they are."""
    if shutil.which("defender-assets"):
        return "defender-assets"
    return os.path.relpath(sys.argv[0]) if sys.argv[0] else "defender-assets"


def _ui() -> None:
    dagster = Path(sys.executable).with_name("dagster")
    say("\nStarting the Dagster UI on http://127.0.0.1:3000 (Ctrl-C ends it) …")
    process = subprocess.Popen([dagster, "dev", "-m", "defender_assets.definitions", "-h", "127.0.0.1", "-p", "3000"])
    with _until_stopped():
        webbrowser.open("http://127.0.0.1:3000/asset-groups")
        process.wait()
    # Ctrl-C reaches its processes too; they are given time to end what they do.
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
