"""Every tenant looked at, side by side and within a deadline, without asking the service for anything.

Here: what is looked at, and that one tenant does not keep the others from being told. Not here: what is to be said of
what is found (``tables.py``, ``runs.py``, ``expiry.py``, ``doctor/connection.py``).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta

from ..doctor import CallsLeft, Inspection, Outcome, calls_left, inspect_room, judge_quotas
from ..errors import DefenderAssetsError
from ..lake import Lake
from ..settings import Settings, connection, noting_ends
from .expiry import Expiry, expiries_of, judge_expiries
from .overview import Overview, TenantOverview
from .runs import RunHistory, TenantRuns, judge_daemon, judge_runs
from .tables import TableState, judge_tables, tables_of

_AT_ONCE = 8
_DEADLINE_SECONDS = 40.0
"""A monitor waits for a minute as a rule, and then knows nothing of anybody."""


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
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="status")
    futures = {tenant: pool.submit(_tenant, settings, tenant, now) for tenant in tenants}
    found, recorded = _recorded(history)
    _, late = wait(futures.values(), timeout=deadline_seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    runs = recorded.tenants if recorded else {}
    if recorded:
        found += judge_daemon(recorded.daemon, now)
    overviews = [
        _with_runs(_result(tenant, future, deadline_seconds), None if recorded is None else runs.get(tenant))
        for tenant, future in futures.items()
    ]
    return Overview(
        now,
        settings.late_after_hours * 3_600,
        tuple(overviews),
        tuple(found),
        is_whole=not late,
        daemon=recorded.daemon if recorded else None,
    )


def _recorded(history: Callable[[], RunHistory | None]) -> tuple[list[Inspection], RunHistory | None]:
    try:
        recorded = history()
    except DefenderAssetsError as error:
        return [_failed("dagster", error)], None
    if recorded is not None and recorded.is_cut:
        what = "there were too many runs to read them all: an earlier failure may be missing"
        return [Inspection("runs", Outcome.UNKNOWN, what, "Look at the runs in the UI.")], recorded
    return [], recorded


def _result(tenant: str, future: "Future[TenantOverview]", seconds: float) -> TenantOverview:
    if not future.done() or future.cancelled():
        what = f"nothing is known: looking took more than {seconds:.0f} seconds"
        remedy = "Look at the lake and at what its secret references lead to."
        return TenantOverview(tenant, inspections=(Inspection("status", Outcome.UNKNOWN, what, remedy),))
    return future.result()


def _with_runs(overview: TenantOverview, runs: TenantRuns | None) -> TenantOverview:
    if runs is None:
        return overview
    inspections = (*overview.inspections, *judge_runs(runs))
    return TenantOverview(overview.tenant, overview.tables, overview.quotas, overview.expiries, runs, inspections)


def _tenant(settings: Settings, tenant: str, now: datetime) -> TenantOverview:
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
    try:
        with noting_ends() as ends:
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
