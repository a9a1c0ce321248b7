"""Every tenant looked at, side by side and within a deadline, without asking the service for anything.

Here: what is looked at, and that one tenant does not keep the others from being told. Not here: what is to be said of
what is found (``tables.py``, ``runs.py``, ``expiry.py``, ``doctor/connection.py``).
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from ..background import begun
from ..doctor import CallsLeft, Inspection, Outcome, calls_left, inspect_room, judge_quotas
from ..errors import DefenderAssetsError
from ..lake import Lake
from ..settings import Settings, connection, names_application, noted_expiries
from .expiry import Expiry, expiries_of, judge_expiries
from .overview import Overview, TenantOverview
from .runs import DaemonHistory, RunHistory, TenantRuns, judge_daemon, judge_runs
from .tables import TableState, judge_tables, tables_of

_AT_ONCE = 8
_DEADLINE_SECONDS = 40.0
"""A monitor waits for a minute as a rule, and then knows nothing of anybody."""
_SECONDS_OF_A_TURN = 4.0
"""A tenant that takes longer is still waited for, and the next one begins beside it: those that are silent do not keep
the others from their turn."""

NO_LOGIN = "login"
"""The area of the finding that nothing says who logs in."""
_NO_APPLICATION = (
    "no application is named here, so only the lake is judged: no quota, no end of a secret",
    "Where tables are refreshed from here, set what logs in (docs/connect.md).",
)

_log = logging.getLogger("defender_assets.status")


def survey(
    settings: Settings,
    tenants: Sequence[str],
    history: Callable[[], RunHistory | None],
    *,
    now: datetime | None = None,
    deadline_seconds: float = _DEADLINE_SECONDS,
) -> Overview:
    """The status of these tenants. What is wrong is a finding, never an error.

    ``history`` reads Dagster's history; it answers None where none is kept. The service and the login are not asked;
    secret references are followed, because a tenant's quota and its certificate are known by them.
    """
    now = now or datetime.now(UTC)
    end = time.monotonic() + deadline_seconds
    reading = begun(partial(_recorded, history), "status of the runs")
    futures = _looks(tenants, partial(_tenant, settings, now=now), end)
    looks: list[Future[Any]] = [reading, *futures.values()]
    _, late = wait(looks, timeout=max(0.0, end - time.monotonic()))
    found, recorded = _history(reading, deadline_seconds)
    runs = recorded.tenants if recorded else {}
    daemon = recorded.daemon if recorded else None
    if daemon:
        found += judge_daemon(daemon, now)
    overviews = [
        _with_history(_result(tenant, futures.get(tenant), deadline_seconds), runs.get(tenant), daemon)
        for tenant in tenants
    ]
    return Overview(
        now,
        settings.late_after_hours * 3_600,
        tuple(overviews),
        tuple(found),
        is_whole=not late and len(futures) == len(tenants),
        daemon=daemon,
    )


def _looks(
    tenants: Sequence[str], look: Callable[[str], TenantOverview], end: float
) -> "dict[str, Future[TenantOverview]]":
    """The looks that had their turn before ``end`` (of the monotonic clock); they may still go on."""
    futures: dict[str, Future[TenantOverview]] = {}
    turns: dict[Future[TenantOverview], float] = {}
    for tenant in tenants:
        while len(turns) >= _AT_ONCE and time.monotonic() < end:
            until = min(*turns.values(), end)
            wait(turns, timeout=max(0.0, until - time.monotonic()), return_when=FIRST_COMPLETED)
            now = time.monotonic()
            turns = {future: until for future, until in turns.items() if not future.done() and until > now}
        if time.monotonic() >= end:
            break
        futures[tenant] = begun(partial(look, tenant), f"status of {tenant}")
        turns[futures[tenant]] = time.monotonic() + _SECONDS_OF_A_TURN
    return futures


def _recorded(history: Callable[[], RunHistory | None]) -> tuple[list[Inspection], RunHistory | None]:
    try:
        recorded = history()
    except DefenderAssetsError as error:
        return [_failed("dagster", error)], None
    if recorded is not None and recorded.is_cut:
        what = "there were too many runs to read them all: an earlier failure may be missing"
        return [Inspection("runs", Outcome.UNKNOWN, what, "Look at the runs in the UI.")], recorded
    return [], recorded


def _history(
    future: "Future[tuple[list[Inspection], RunHistory | None]]", seconds: float
) -> tuple[list[Inspection], RunHistory | None]:
    if not future.done():
        what = f"nothing is known of the runs: reading Dagster's history took more than {seconds:.0f} seconds"
        return [Inspection("dagster", Outcome.UNKNOWN, what, "Look at the database that keeps it.")], None
    if error := future.exception():
        return [_unforeseen("dagster", "the runs", error)], None
    return future.result()


def _result(tenant: str, future: "Future[TenantOverview] | None", seconds: float) -> TenantOverview:
    if future is None or not future.done():
        what = f"nothing is known: looking took more than {seconds:.0f} seconds"
        remedy = "Look at the lake and at what its secret references lead to."
        return TenantOverview(tenant, inspections=(Inspection("status", Outcome.UNKNOWN, what, remedy),))
    if error := future.exception():
        return TenantOverview(tenant, inspections=(_unforeseen("status", tenant, error),))
    return future.result()


def _unforeseen(area: str, subject: str, error: BaseException) -> Inspection:
    """Of its text nothing is told: it may hold anything."""
    _log.error("The look at %s ended unexpectedly", subject, exc_info=error)
    what = f"nothing is known: an unexpected {type(error).__name__} ended the look"
    return Inspection(area, Outcome.UNKNOWN, what, "The log has the details; please report it.")


def _with_history(overview: TenantOverview, runs: TenantRuns | None, daemon: DaemonHistory | None) -> TenantOverview:
    inspections = overview.inspections
    if daemon is not None and daemon.heard_at is not None:
        # Where Dagster's daemon works, tables are fetched, and nothing can be without a login.
        inspections = tuple(
            replace(each, outcome=Outcome.FAILED) if each.area == NO_LOGIN else each for each in inspections
        )
    if runs is not None:
        inspections = (*inspections, *judge_runs(runs))
    return replace(overview, runs=runs, inspections=inspections)


def _tenant(settings: Settings, tenant: str, *, now: datetime) -> TenantOverview:
    lake = Lake(settings.lake, tenant)
    found: list[Inspection] = []
    tables: tuple[TableState, ...] = ()
    expiries: tuple[Expiry, ...] = ()
    quotas: tuple[CallsLeft, ...] = ()
    try:
        tables = tuple(tables_of(settings, lake))
        found += judge_tables(tables, now, timedelta(hours=settings.late_after_hours))
        found += inspect_room(lake)
    except DefenderAssetsError as error:
        found.append(_failed("lake", error))
    if not names_application(settings):
        found.append(Inspection(NO_LOGIN, Outcome.NOT_USED, *_NO_APPLICATION))
        return TenantOverview(tenant, tables, inspections=tuple(found))
    try:
        with noted_expiries() as ends:
            connected = connection(settings, tenant=tenant)
        expiries = tuple(expiries_of(connected, ends))
        found += judge_expiries(connected, expiries, now)
        quotas = tuple(calls_left(connected, settings))
        found += judge_quotas(quotas)
    except DefenderAssetsError as error:
        found.append(_failed("connection", error))
    return TenantOverview(tenant, tables, quotas, expiries, inspections=tuple(found))


def _failed(area: str, error: DefenderAssetsError) -> Inspection:
    return Inspection(area, Outcome.FAILED, error.what, error.remedy)
