"""Runs requested by the clock: every table each morning, the inventory each hour.

Here: the schedules, and what one tick requests. Not here: derived tables, which follow their inputs
(``conditions.py``), and changes in the service (``sensors.py``).

A tick requests today's partition by name, and leaves out the tables that are being refreshed for today already.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from ...catalog import DATASETS, Days
from ...errors import DefenderAssetsError
from ...refresh import consecutive, left_out_by_choice
from ...settings import DAILY_REFRESH, HOURLY_INVENTORY, Settings
from ..default_status import schedule_status
from ..failures import failure_of
from ..partitions import TenantDays
from .all_tenants import by_tenant
from .daily_hours import is_needed, stand_in_hour
from .in_flight import RunsInFlight
from .listed_tenants import listed_tenants
from .probe import TenantProbes
from .refusals import told_refusals
from .run_requests import one_day, run_request

_HOURLY_TABLES = ("av_health", "machine_users", "machines")
_EVENT_TABLES = tuple(dataset for dataset in DATASETS.values() if dataset.days is Days.EVENT)


def schedules(
    fetched: Collection[str],
    probes: TenantProbes,
    settings: Settings,
    switched_on: frozenset[str],
    partitions: TenantDays,
) -> list[dg.ScheduleDefinition]:
    """Both schedules. ``fetched`` are the tables that come from outside (datasets and public feeds), with
    these ``partitions``; the derived tables follow them by ``compliance_automation``."""
    hour, zone = settings.refresh_hour, settings.time_zone
    stand_in = stand_in_hour(hour, zone, datetime.now(UTC).date())

    @dg.schedule(
        name=DAILY_REFRESH,
        cron_schedule=f"0 {hour} * * *" if stand_in is None else [f"0 {hour} * * *", f"0 {stand_in} * * *"],
        execution_timezone=zone,
        target=dg.AssetSelection.assets(*fetched),
        default_status=schedule_status(DAILY_REFRESH, switched_on),
        description="Fetches every table of today, and the past days of event tables that changed since or were not "
        "read for a day." + ("" if stand_in is None else _about_stand_in(hour, stand_in, zone)),
    )
    def daily_refresh(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        day = _day_of(context)
        if day is None:
            yield dg.SkipReason("The day of this tick has passed, so its partitions can no longer be captured.")
            return
        if stand_in is not None and not is_needed(context.scheduled_execution_time, hour, zone):
            yield dg.SkipReason(f"{hour} o'clock ({zone}) comes on {day}; this tick is for days on which it does not.")
            return
        in_flight = RunsInFlight(context, partitions)
        listed = listed_tenants(probes, partitions)
        tenants = listed.tenants
        for message in listed.messages:
            context.log.warning(message)
        chosen = set(fetched) - left_out_by_choice(Settings.load()).keys()
        past_days = by_tenant(tenants, lambda tenant: _past_days(probes, in_flight, tenant, day, partitions))
        requests: list[dg.RunRequest] = []
        for tenant in tenants:
            tables = chosen - in_flight.tables(fetched, tenant, day)
            if tables:
                requests.append(run_request(DAILY_REFRESH, tables, tenant, one_day(day), day.isoformat(), partitions))
            found = past_days.get(tenant, _PastDays(problems=(f"{tenant}: past days were not looked at: no time",)))
            requests += found.requests
            for problem in found.problems:
                context.log.warning(problem)
        yield from requests
        if not requests:
            yield dg.SkipReason(f"Every table of {day} is being refreshed already.")

    @dg.schedule(
        name=HOURLY_INVENTORY,
        # Not on the hour, when the daily refresh begins and everybody else calls the service too.
        cron_schedule="30 * * * *",
        execution_timezone="UTC",
        target=dg.AssetSelection.assets(*_HOURLY_TABLES),
        default_status=schedule_status(HOURLY_INVENTORY, switched_on),
        description="Refreshes today's machines, antivirus health and users (these within their call budget). A tenant "
        "that refuses, or does not answer, has no run after the one that told of it.",
    )
    def hourly_inventory(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        day = _day_of(context)
        due = context.scheduled_execution_time.astimezone(UTC)
        if day is None or datetime.now(UTC) - due >= timedelta(hours=1):
            yield dg.SkipReason("The hour of this tick has passed; the next one does its work.")
            return
        in_flight = RunsInFlight(context, partitions)
        listed = listed_tenants(probes, partitions)
        for message in listed.messages:
            context.log.warning(message)
        chosen = set(_HOURLY_TABLES) - left_out_by_choice(Settings.load()).keys()
        tables_by_tenant = {tenant: chosen - in_flight.tables(_HOURLY_TABLES, tenant, day) for tenant in listed.tenants}
        due_tenants = [tenant for tenant, tables in tables_by_tenant.items() if tables]
        told = told_refusals(context, probes, due_tenants, partitions)
        passed_over = [
            f"{tenant}: no run, because the last one failed as this one would: {why}" for tenant, why in told.items()
        ]
        for message in passed_over:
            context.log.warning(message)
        requested = [tenant for tenant in due_tenants if tenant not in told]
        for tenant in requested:
            tables, reason = tables_by_tenant[tenant], f"{due:%Y-%m-%dT%H}"
            yield run_request(HOURLY_INVENTORY, tables, tenant, one_day(day), reason, partitions)
        if not requested:
            being_refreshed = "Machines, antivirus health and users are being refreshed already."
            yield dg.SkipReason("\n".join(passed_over) or being_refreshed)

    return [daily_refresh, hourly_inventory]


def _about_stand_in(hour: int, stand_in: int, zone: str) -> str:
    return (
        f" When clocks change, {hour} o'clock in {zone} leaves out a day (UTC) each year: that day is fetched at "
        f"{stand_in} o'clock."
    )


def _day_of(context: dg.ScheduleEvaluationContext) -> date | None:
    """The UTC day of the tick; None when it has passed (the daemon makes up for ticks it missed)."""
    day = context.scheduled_execution_time.astimezone(UTC).date()
    return day if day >= datetime.now(UTC).date() else None


@dataclass(frozen=True)
class _PastDays:
    """Runs for the past days of a tenant's event tables; in ``problems``, why some were not looked at."""

    requests: Sequence[dg.RunRequest] = ()
    problems: Sequence[str] = ()


def _past_days(
    probes: TenantProbes, in_flight: RunsInFlight, tenant: str, today: date, partitions: TenantDays
) -> _PastDays:
    """Runs for the stale days of event tables before today: late yesterday, changes since then, and of the alerts once
    a day everything that the service remembers, so that what was published wrong does not stay. Where ``alert_changes``
    is on, that may have been done already."""
    requests: list[dg.RunRequest] = []
    problems: list[str] = []
    for dataset in _EVENT_TABLES:
        try:
            with probes.open(tenant) as probe:
                if probe.absence(dataset.name):
                    continue
                staleness = probe.stale_days(dataset, datetime.now(UTC))
        except DefenderAssetsError as error:
            # The run of today's partition will fail for the same reason, and a message is sent about that.
            problems.append(
                f"{tenant}: past days of {dataset.name} were not looked at: {failure_of(error).description}"
            )
            continue
        days = {day for day in staleness.days if day < today} - in_flight.days(dataset.name, tenant)
        for window in consecutive(sorted(days)):
            reason = f"{today}:{dataset.name}:{window.first}:{window.last}"
            requests.append(run_request(DAILY_REFRESH, [dataset.name], tenant, window, reason, partitions))
    return _PastDays(requests, problems)
