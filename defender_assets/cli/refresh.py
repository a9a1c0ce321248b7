"""``defender-assets refresh``: the tables without the UI.

Here: what a refresh begins with, in which order, and its exit code. Not here: which runs it consists of
(``orchestration/local_runs.py``), the lines about its tables (``outcomes.py``), what is in work (``progress.py``),
the numbers at the end (``summary.py``).
"""

import sys
import time
from collections.abc import Collection
from contextlib import ExitStack
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING

import click

from ..tenant import ALL_TENANTS, DEFAULT_TENANT
from .all_tenants import summaries, write_report
from .checked_settings import checked_settings
from .console import print_line, print_warnings
from .errors import FAILED, OK, guarded
from .log_lines import log_if_for_programs, shown_or_logged
from .outcomes import PrintedOutcomes
from .refresh_all import TENANTS_SIDE_BY_SIDE, refresh_all
from .stopping import until_stopped
from .summary import print_summary

if TYPE_CHECKING:
    from dagster import DagsterInstance, Definitions

    from ..api import DefenderClient
    from ..refresh import Window
    from ..settings import Settings


class _DayRange(click.ParamType):  # type: ignore[type-arg]  # Click makes it generic from 8.4 on
    """``2026-11-01``, or ``2026-11-01..2026-11-20``, both ends included."""

    name = "DAY or FIRST..LAST"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> "Window":
        from ..refresh import Window

        first, dots, last = value.partition("..")
        try:
            days = Window(date.fromisoformat(first), date.fromisoformat(last if dots else first))
        except ValueError:
            self.fail(f"{value!r} is neither a day (2026-11-01) nor a range (2026-11-01..2026-11-20).", param, ctx)
        if days.last < days.first:
            self.fail(f"{value!r} ends before it begins.", param, ctx)
        return days


@click.command()
@click.option(
    "--select", "selection", metavar="SELECTION", help="Assets in Dagster's selection syntax; all by default."
)
@click.option(
    "--tenant",
    default=DEFAULT_TENANT,
    show_default=True,
    help="Which of several tenants to refresh; `all` for every one, side by side.",
)
@click.option(
    "--at-a-time",
    default=TENANTS_SIDE_BY_SIDE,
    show_default=True,
    type=click.IntRange(1, 64),
    help="With --tenant all: how many tenants at a time, each in a process of its own.",
)
@click.option(
    "--date",
    "days",
    type=_DayRange(),
    help="One day's partition, or those of a range (2026-11-01..2026-11-20), instead of up to date.",
)
@click.option(
    "--metrics/--no-metrics", default=True, help="Whether DEFENDER_METRICS_FILE is written at the end, if it is set."
)
@guarded
def refresh(selection: str | None, tenant: str, at_a_time: int, days: "Window | None", metrics: bool) -> None:
    """Fetch the tables and compute what is made from them, without the UI.

    After a change of the policy, --select tag:days=derived computes everything that it decides again, with --date for
    any days that are in the lake.
    """
    from ..orchestration.memory import give_memory_back

    # Before anything imports Arrow.
    give_memory_back()
    if tenant == ALL_TENANTS and (tenants := _listed()):
        settings = log_if_for_programs()
        # What is wrong for all of them is told once.
        checked_settings(tenant=None, writes=True)
        _check_words(settings, selection, days)
        options = [
            *(("--select", selection) if selection else ()),
            *(("--date", f"{days.first}..{days.last}") if days else ()),
        ]
        succeeded = until_stopped(lambda: refresh_all(tenants, [*options, "--no-metrics"], at_a_time=at_a_time))
        _write_metrics(settings)
        if not options:
            _write_report_of_all(settings)
        sys.exit(OK if succeeded else FAILED)
    tenant = DEFAULT_TENANT if tenant == ALL_TENANTS else tenant
    with shown_or_logged(tenant):
        succeeded = until_stopped(lambda: refresh_tables(selection, tenant=tenant, days=days, metrics=metrics))
    sys.exit(OK if succeeded else FAILED)


def _listed() -> tuple[str, ...]:
    """The tenants of the list; none where there is no list. Raises SettingsError."""
    from ..settings import Settings, SettingsError, tenant_entries

    try:
        return tuple(tenant_entries(Settings.load()))
    except SettingsError:
        # Whatever else is wrong is told with it, and for programs as a line of the log.
        log_if_for_programs()
        checked_settings(tenant=None, writes=True)
        raise


def _write_report_of_all(settings: "Settings") -> None:
    """Writes the report over all tenants, and says where it is and, in the last line, the sums. That it cannot be made
    is no failure of the refresh: each tenant's own is written."""
    from ..errors import DefenderAssetsError
    from ..refresh import stop_requested
    from ..report.tenants import in_one_line

    if stop_requested():
        return
    try:
        if (found := summaries(settings)) is not None:
            print_line(f"The report over all tenants: {write_report(settings, found)}")
            print_line(in_one_line(found), style="yellow" if found.not_counted else "")
    except DefenderAssetsError as error:
        print_warnings([f"there is no report over all tenants: {error.sentence}"])


def refresh_tables(
    selection: str | None = None,
    *,
    tenant: str = DEFAULT_TENANT,
    days: "Window | None" = None,
    metrics: bool = True,
) -> bool:
    """Refreshes the selected tables (None: all) and prints the outcome of each; False if any of them failed.
    ``metrics``: whether the file of metrics is written at the end, if there is to be one."""
    from ..api import open_client
    from ..catalog import DATASETS
    from ..lake import Lake
    from ..orchestration.fetched import Fetched, fetch
    from ..refresh import progress_listener, stop_requested, table_refreshes
    from ..settings import connection
    from .arrow_alone import keep_pandas_out

    # Wrong settings are reported at once: before Dagster is loaded, and before anything is fetched. What is only
    # computed needs no connection, and which tables a selection names Dagster has to say.
    settings = checked_settings(tenant=tenant, connects=selection is None, writes=True)
    tenant_connection = cache(lambda: connection(settings, tenant=tenant))
    lake = Lake(settings.lake, tenant)
    keep_pandas_out()

    started, tables = time.monotonic(), 0
    printed = PrintedOutcomes(settings)
    clients: list[DefenderClient] = []
    with ExitStack() as stack:
        stack.enter_context(progress_listener(printed.note))

        @cache
        def client() -> "DefenderClient":
            clients.append(stack.enter_context(open_client(tenant_connection(), settings)))
            return clients[0]

        def begin(names: Collection[str]) -> Fetched:
            if not DATASETS.keys().isdisjoint(names):
                # Before the others: where it is refused, it is told once, and nothing is begun.
                client().login.token()
            return stack.enter_context(fetch(names, client=client, lake=lake, days=days))

        # Dagster takes two seconds to load. Where it need not be asked for the names, they are used to fetch.
        known = table_refreshes().keys() if selection is None else {selection} & table_refreshes().keys()
        fetched = begin(known) if known and days is None else None

        from ..definitions import build_defs
        from ..orchestration.dagster_home import dagster_instance
        from ..orchestration.local_runs import refresh_runs

        if days:
            _check_days(settings, days)
        defs = build_defs()
        names = _names_selected(defs, selection)
        instance = stack.enter_context(dagster_instance())
        fetched = fetched or begin(names)
        for outcome in refresh_runs(defs, instance, fetched, lake=lake, tenant=tenant):
            tables += 1
            # What fails because of a request to stop is no news.
            if outcome.ok or not stop_requested():
                printed.add(outcome)
        if metrics:
            _write_metrics(settings, instance)
    printed.print_reasons()
    if not stop_requested():
        traffic = clients[0].traffic.total if clients else None
        print_summary(printed.totals, tables, time.monotonic() - started, traffic)
    return not printed.totals.failed and not printed.totals.not_made


def _check_words(settings: "Settings", selection: str | None, days: "Window | None") -> None:
    """Raises UsageError for a selection that names nothing, or days that cannot be. Dagster, which takes two seconds to
    load, is asked only where a selection is no table's name."""
    from ..refresh import table_refreshes

    if days:
        _check_days(settings, days)
    if selection is not None and selection not in table_refreshes():
        from ..definitions import build_defs

        _names_selected(build_defs(), selection)


def _check_days(settings: "Settings", days: "Window") -> None:
    from ..orchestration.first_day import first_possible_day
    from ..settings import tenant_names

    today = datetime.now(UTC).date()
    earliest = first_possible_day(settings, tenant_names(settings))
    for day in (days.first, days.last):
        if not earliest <= day <= today:
            raise click.UsageError(
                f"--date: there can be partitions from {earliest} to {today} (today, UTC), not of {day}."
            )


def _names_selected(defs: "Definitions", selection: str | None) -> set[str]:
    from ..orchestration.selection import WrongSelection, selected

    try:
        return {key.to_user_string() for key in selected(defs, selection)}
    except WrongSelection as error:
        raise click.UsageError(str(error)) from None


def _write_metrics(settings: "Settings", instance: "DagsterInstance | None" = None) -> None:
    """Writes the file of metrics, if there is to be one. That it cannot be written is no failure of the refresh."""
    from ..monitoring import MetricsNotWritten

    if settings.metrics_file is None:
        return
    from ..orchestration.status_of_tenants import write_metrics_file

    try:
        write_metrics_file(settings, instance)
    except MetricsNotWritten as error:
        print_warnings([error.sentence])
