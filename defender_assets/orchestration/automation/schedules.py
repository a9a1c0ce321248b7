"""The clock: every morning in full, every hour the inventory.

Here: schedules, and what a tick asks for. Not here: what follows from what was refreshed (``automation.py``), what
happens in the outside world (``sensors.py``).

A tick asks for today's partition by name, and leaves out the tables that a run is making for it at that moment.
"""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from ...catalog import DATASETS, Days
from ...errors import DefenderAssetsError
from ...refresh import consecutive
from ...settings import Settings
from ..failures import failure_of
from .in_flight import UnderWay
from .probe import Looker, look_for_changes
from .run_requests import one_day, run_request

DAILY, HOURLY = "daily_refresh", "hourly_inventory"
HOURLY_TABLES = ("av_health", "machine_users", "machines")
_EVENTS = tuple(dataset for dataset in DATASETS.values() if dataset.days is Days.EVENT)


def schedules(
    fetched: Collection[str], looker: Looker, settings: Settings, running: Collection[str]
) -> list[dg.ScheduleDefinition]:
    """Both schedules. ``fetched``: the tables that are fetched (datasets and public feeds), which is what the clock is
    for; what is computed from them follows by ``compliance_automation``."""

    @dg.schedule(
        name=DAILY,
        cron_schedule=f"0 {settings.refresh_hour} * * *",
        execution_timezone=settings.time_zone,
        target=dg.AssetSelection.assets(*fetched),
        default_status=_status(DAILY, running),
        description="Fetches every table of today, and the past days of event tables that changed since.",
    )
    def daily_refresh(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        day = _day_of(context)
        if day is None:
            yield dg.SkipReason("The day of this tick has passed, so its partitions can no longer be captured.")
            return
        making = UnderWay(context)
        requests: list[dg.RunRequest] = []
        for tenant in looker.tenants():
            free = set(fetched) - making.tables(fetched, tenant, day)
            if free:
                requests.append(run_request(DAILY, free, tenant, one_day(day), day.isoformat()))
            requests += _past_events(context, looker, making, tenant, day)
        yield from requests
        if not requests:
            yield dg.SkipReason(f"Every table of {day} is being refreshed already.")

    @dg.schedule(
        name=HOURLY,
        # Not on the hour, when the daily refresh begins and the rest of the world asks too.
        cron_schedule="30 * * * *",
        execution_timezone="UTC",
        target=dg.AssetSelection.assets(*HOURLY_TABLES),
        default_status=_status(HOURLY, running),
        description="Refreshes today's machines, antivirus health and users (these within their call budget).",
    )
    def hourly_inventory(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        day = _day_of(context)
        due = context.scheduled_execution_time.astimezone(UTC)
        if day is None or datetime.now(UTC) - due >= timedelta(hours=1):
            yield dg.SkipReason("The hour of this tick has passed; the next one does its work.")
            return
        making = UnderWay(context)
        free_by_tenant = {
            tenant: set(HOURLY_TABLES) - making.tables(HOURLY_TABLES, tenant, day) for tenant in looker.tenants()
        }
        for tenant, free in free_by_tenant.items():
            if free:
                yield run_request(HOURLY, free, tenant, one_day(day), f"{due:%Y-%m-%dT%H}")
        if not any(free_by_tenant.values()):
            yield dg.SkipReason("Machines, antivirus health and users are being refreshed already.")

    return [daily_refresh, hourly_inventory]


def _status(name: str, running: Collection[str]) -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if name in running else dg.DefaultScheduleStatus.STOPPED


def _day_of(context: dg.ScheduleEvaluationContext) -> date | None:
    """The UTC day of the tick; None when it has passed (the daemon makes up for ticks it missed)."""
    day = context.scheduled_execution_time.astimezone(UTC).date()
    return day if day >= datetime.now(UTC).date() else None


def _past_events(
    context: dg.ScheduleEvaluationContext, looker: Looker, making: UnderWay, tenant: str, today: date
) -> Iterator[dg.RunRequest]:
    """Runs for the days before today that are behind: what happened late yesterday, what changed since, and the first
    time everything that the service remembers. Where ``alert_changes`` is on, little is left for the alerts."""
    for dataset in _EVENTS:
        try:
            with looker.at(tenant) as service:
                staleness = look_for_changes(service, dataset, datetime.now(UTC))
        except DefenderAssetsError as error:
            # The run of today's partition fails for the same reason, and is told about.
            context.log.warning("%s: past days were not looked at: %s", dataset.name, failure_of(error).description)
            continue
        days = {day for day in staleness.days if day < today} - making.days(dataset.name, tenant)
        for window in consecutive(sorted(days)):
            reason = f"{today}:{dataset.name}:{window.first}:{window.last}"
            yield run_request(DAILY, [dataset.name], tenant, window, reason)
