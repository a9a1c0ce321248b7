"""Runs requested because something changed in the service, within minutes.

Here: the two sensors, which put the parts together. Not here: querying the service (``probe.py``), deciding
(``decision.py``), messages about failed runs (``orchestration/notifications/``).

If the service or the lake cannot be queried, the tick is skipped with the reason, never with "nothing changed". What is
stale is compared with what was published, so a failed refresh is requested again, a bounded number of times for the
same change. The cursor only counts these attempts.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from ...api import LoginError, Unreachable
from ...catalog import DATASETS
from ...errors import DefenderAssetsError
from ...refresh import consecutive
from ...settings import ALERT_CHANGES, EXPORT_CHANGES, Settings
from ..default_status import sensor_status
from ..failures import failure_of
from ..partitions import TenantDays
from .all_tenants import SECONDS_OF_A_LOOK, TenantLooks
from .cursor import SensorCursor
from .decision import Decision, ExportVersion, RefreshAttempt, decide, export_version, lacks_version
from .exported_tables import change_feeds_of, exported_tables, shortest_interval
from .in_flight import RunsInFlight
from .listed_tenants import listed_tenants
from .pauses import after_failure, paused
from .probe import TenantProbe, TenantProbes
from .run_requests import one_day, run_request

_LATE = timedelta(minutes=10)


def change_sensors(
    probes: TenantProbes,
    settings: Settings,
    switched_on: frozenset[str],
    partitions: TenantDays,
) -> list[dg.SensorDefinition]:
    """``alert_changes`` and ``export_changes``, of tables with these ``partitions``."""
    exports = exported_tables()
    of_alerts, of_exports = TenantLooks["_TenantTick"](), TenantLooks["_TenantTick"]()

    @dg.sensor(
        name=ALERT_CHANGES,
        target=dg.AssetSelection.assets("alerts"),
        minimum_interval_seconds=settings.alert_interval_seconds,
        default_status=sensor_status(ALERT_CHANGES, switched_on),
        description="Refreshes the days of the alerts that changed since they were published; the first time, and once "
        "a day, all that the service remembers.",
    )
    def alert_changes(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return _evaluate(context, probes, partitions, of_alerts, _request_alerts)

    @dg.sensor(
        name=EXPORT_CHANGES,
        target=dg.AssetSelection.assets(*exports, *(feed for table in exports for feed in change_feeds_of(table))),
        minimum_interval_seconds=max(settings.export_interval_seconds, round(shortest_interval(exports.values()))),
        default_status=sensor_status(EXPORT_CHANGES, switched_on),
        description="Refreshes the tables of which the service has made a new assessment, and today's changes to it.",
    )
    def export_changes(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return _evaluate(context, probes, partitions, of_exports, _request_exports)

    return [alert_changes, export_changes]


@dataclass
class _TenantTick:
    """One tenant in one evaluation of a sensor: what it starts from, and what it collects."""

    now: datetime
    partitions: TenantDays
    in_flight: RunsInFlight
    attempts: Mapping[str, RefreshAttempt]
    exports: Mapping[str, ExportVersion]
    run_requests: list[dg.RunRequest] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    failure: str = ""
    """Why nothing is known of the tenant."""

    def decide(
        self, tenant: str, stale: Mapping[str, str], in_flight: Collection[str], unknown: Collection[str] = ()
    ) -> Decision:
        """Decides, remembers the attempts and says what is not requested. For ``unknown``, about which the service
        could not be asked, nothing is requested and nothing forgotten."""
        decision = decide(stale, in_flight, self.attempts)
        kept = {name: self.attempts[name] for name in unknown if name in self.attempts}
        self.attempts = kept | dict(decision.attempts)
        if decision.in_flight:
            self.messages.append(f"{tenant}: being refreshed: {', '.join(decision.in_flight)}")
        if decision.given_up:
            self.messages.append(
                f"{tenant}: asked for often enough, waiting for a newer change or the daily refresh: "
                f"{', '.join(decision.given_up)}"
            )
        return decision


def _evaluate(
    context: dg.SensorEvaluationContext,
    probes: TenantProbes,
    partitions: TenantDays,
    looks: TenantLooks[_TenantTick],
    request: Callable[[_TenantTick, TenantProbe], None],
) -> dg.SensorResult:
    """One tick over all tenants; a tenant that cannot be queried does not hold up the others, and is asked less
    often."""
    cursor, now, in_flight = (
        SensorCursor.from_json(context.cursor),
        datetime.now(UTC),
        RunsInFlight(context, partitions),
    )
    listed = listed_tenants(probes, partitions)

    def look(tenant: str) -> _TenantTick:
        tick = _TenantTick(now, partitions, in_flight, cursor.attempts.get(tenant, {}), cursor.exports.get(tenant, {}))
        try:
            with probes.open(tenant) as probe:
                request(tick, probe)
        except DefenderAssetsError as error:
            tick.failure = failure_of(error).description or ""
            tick.messages.append(f"{tenant}: the look failed: {tick.failure}")
        return tick

    pauses = {
        tenant: pause
        for tenant in listed.tenants
        if (pause := cursor.pauses.get(tenant)) and not probes.is_corrected(tenant)
    }
    passed_over = {tenant: pause for tenant in pauses if (pause := paused(pauses, tenant, now))}
    asked = [tenant for tenant in listed.tenants if tenant not in passed_over]
    first = {tenant: position for position, tenant in enumerate(cursor.unanswered)}
    asked.sort(key=lambda tenant: first.get(tenant, len(first)))
    looked = looks.look(asked, look, is_recent=lambda tick: _is_recent(tick, now))
    ticks, silent = looked.results, looked.silent
    no_time = tuple(tenant for tenant in asked if tenant not in ticks and tenant not in silent)
    messages = [*listed.messages]
    messages += [message for tenant in listed.tenants if tenant in ticks for message in ticks[tenant].messages]
    messages += [f"{tenant}: {pause.in_words}" for tenant, pause in passed_over.items()]
    no_answer = f"no answer in {SECONDS_OF_A_LOOK:.0f} s"
    if silent:
        messages.append(f"{no_answer}: {', '.join(silent)}")
    if no_time:
        messages.append(f"no time in this tick, first in the next: {', '.join(no_time)}")
    failures = {tenant: tick.failure for tenant, tick in ticks.items() if tick.failure}
    failures |= dict.fromkeys(silent, no_answer)
    next_cursor = SensorCursor(
        dict(cursor.attempts) | {tenant: tick.attempts for tenant, tick in ticks.items()},
        dict(cursor.exports) | {tenant: tick.exports for tenant, tick in ticks.items()},
        no_time + silent,
        # Without a turn a pause stays as it was.
        {tenant: pause for tenant, pause in pauses.items() if tenant in passed_over or tenant in no_time}
        | {tenant: after_failure(pauses.get(tenant), now, why) for tenant, why in failures.items()},
    ).to_json()
    if run_requests := [each for tenant in listed.tenants if tenant in ticks for each in ticks[tenant].run_requests]:
        for message in messages:
            context.log.info(message)
        return dg.SensorResult(run_requests=run_requests, cursor=next_cursor)
    return dg.SensorResult(skip_reason="\n".join(messages) or "Nothing changed.", cursor=next_cursor)


def _is_recent(tick: _TenantTick, now: datetime) -> bool:
    """Whether a look that took longer than its tick can be used: what it requests are today's partitions."""
    return tick.now.date() == now.date() and now - tick.now < _LATE


def _request_alerts(tick: _TenantTick, probe: TenantProbe) -> None:
    """One run for each stretch of consecutive stale days."""
    alerts = DATASETS["alerts"]
    if absence := probe.absence(alerts.name):
        tick.messages.append(f"{probe.tenant}: {alerts.name} is left out: {absence.sentence}")
        return
    stale = {day.isoformat(): change for day, change in probe.stale_days(alerts, tick.now).days.items()}
    in_flight = {day.isoformat() for day in tick.in_flight.days(alerts.name, probe.tenant)}
    decision = tick.decide(probe.tenant, stale, in_flight)
    for window in consecutive([date.fromisoformat(day) for day in decision.to_request]):
        attempts = [decision.to_request[day.isoformat()] for day in window.dates]
        newest_change = max(attempt.change for attempt in attempts)
        reason = f"{window.first}:{window.last}:{newest_change}"
        number = max(attempt.number for attempt in attempts)
        tick.run_requests.append(
            run_request(ALERT_CHANGES, [alerts.name], probe.tenant, window, reason, tick.partitions, number)
        )


def _request_exports(tick: _TenantTick, probe: TenantProbe) -> None:
    """One run for all stale tables, so that what is computed from several of them is computed once."""
    versions = dict(tick.exports)
    stale: dict[str, str] = {}
    unknown: list[str] = []
    failed: list[str] = []
    answered = False
    left_out = {
        name: absence.sentence
        for table in exported_tables()
        for name in (table, *change_feeds_of(table))
        if (absence := probe.absence(name))
    }
    tick.messages += [f"{probe.tenant}: {name} is left out: {why}" for name, why in left_out.items()]
    for table, files in exported_tables().items():
        watched = [name for name in (table, *change_feeds_of(table)) if name not in left_out]
        if not watched:
            continue
        try:
            listed = probe.export_generated(table, files)
        except DefenderAssetsError as error:
            why = failure_of(error).description or ""
            tick.messages.append(f"{probe.tenant}: the look at {table} failed: {why}")
            unknown += watched
            failed.append(why)
            if isinstance(error, LoginError | Unreachable):
                # The others would be told the same, each after a while.
                unknown += [name for each in exported_tables() for name in (each, *change_feeds_of(each))]
                break
            continue
        answered = True
        if listed is None:
            tick.messages.append(f"{probe.tenant}: the service does not say when the export of {table} was made")
            continue
        generated, generated_at = listed
        versions[table] = export_version(generated, generated_at, tick.now, versions.get(table))
        for name in watched:
            if lacks_version(probe.observed_at(name), versions[table]):
                stale[name] = generated
    if failed and not answered:
        tick.failure = failed[0]
    tick.exports = versions
    today = tick.now.date()
    decision = tick.decide(probe.tenant, stale, tick.in_flight.tables(stale, probe.tenant, today), unknown)
    if decision.to_request:
        number = max(attempt.number for attempt in decision.to_request.values())
        changes = ",".join(f"{name}@{attempt.change}" for name, attempt in decision.to_request.items())
        reason = f"{today}:{changes}"
        tick.run_requests.append(
            run_request(
                EXPORT_CHANGES, decision.to_request, probe.tenant, one_day(today), reason, tick.partitions, number
            )
        )
