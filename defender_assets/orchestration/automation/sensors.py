"""The outside world: what changed in the service is refreshed within minutes.

Here: thin shells that look, decide and ask for runs. Not here: looking (``looks.py``), deciding (``decisions.py``),
telling about failures (``notices.py``).

A look that fails is a skip with its reason, never "nothing changed". The memory is what was published, so a refresh
that failed is asked for again (a bounded number of times for the same change). The cursor only counts.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime

import dagster as dg

from ...catalog import DATASETS
from ...errors import DefenderAssetsError
from ...refresh import consecutive
from ...settings import Settings
from ..failures import failure_of
from .in_flight import UnderWay
from .policy import Decision, Memory, Sighting, decide, export_behind, sighted
from .probe import Looker, Service, exported_datasets, feeds_of, generated, look_for_changes, observed, slowest_needed
from .run_requests import one_day, run_request

ALERTS, EXPORTS = "alert_changes", "export_changes"


def change_sensors(looker: Looker, settings: Settings, running: Collection[str]) -> list[dg.SensorDefinition]:
    """``alert_changes`` and ``export_changes``."""
    exports = exported_datasets()

    @dg.sensor(
        name=ALERTS,
        target=dg.AssetSelection.assets("alerts"),
        minimum_interval_seconds=settings.alert_interval_seconds,
        default_status=_status(ALERTS, running),
        description="Refreshes the days of the alerts that changed since they were published; the first time, "
        "all that the service remembers.",
    )
    def alert_changes(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return _tick(context, looker, _alert_requests)

    @dg.sensor(
        name=EXPORTS,
        target=dg.AssetSelection.assets(*exports, *(feed for table in exports for feed in feeds_of(table))),
        minimum_interval_seconds=max(settings.export_interval_seconds, round(slowest_needed(exports.values()))),
        default_status=_status(EXPORTS, running),
        description="Refreshes the tables of which the service has made a new assessment, and today's changes to it.",
    )
    def export_changes(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return _tick(context, looker, _export_requests)

    return [alert_changes, export_changes]


def _status(name: str, running: Collection[str]) -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if name in running else dg.DefaultSensorStatus.STOPPED


class _Tick:
    """One tick of a sensor: what it knows, and what it comes to."""

    def __init__(self, context: dg.SensorEvaluationContext) -> None:
        self.now = datetime.now(UTC)
        self.making = UnderWay(context)
        self.memory = Memory.read(context.cursor)
        self.asked = dict(self.memory.asked)
        self.seen = dict(self.memory.seen)
        self.requests: list[dg.RunRequest] = []
        self.words: list[str] = []

    def decide(
        self, service: Service, behind: dict[str, str], under_way: Collection[str], unknown: Collection[str] = ()
    ) -> Decision:
        """``unknown``: what could not be looked at; nothing is asked for it, and nothing forgotten."""
        former = self.asked.get(service.tenant, {})
        decision = decide(behind, under_way, former)
        self.asked[service.tenant] = {what: former[what] for what in unknown if what in former} | dict(decision.asked)
        if decision.under_way:
            self.words.append(f"{service.tenant}: being refreshed: {', '.join(decision.under_way)}")
        if decision.given_up:
            self.words.append(
                f"{service.tenant}: asked for often enough, waiting for a newer change or the daily refresh: "
                f"{', '.join(decision.given_up)}"
            )
        return decision


def _tick(context: dg.SensorEvaluationContext, looker: Looker, look) -> dg.SensorResult:
    tick = _Tick(context)
    try:
        tenants = looker.tenants()
    except DefenderAssetsError as error:
        return dg.SensorResult(skip_reason=failure_of(error).description, cursor=context.cursor)
    for tenant in tenants:
        try:
            with looker.at(tenant) as service:
                look(tick, service)
        except DefenderAssetsError as error:
            tick.words.append(f"{tenant}: the look failed: {failure_of(error).description}")
    cursor = Memory(tick.asked, tick.seen).written()
    if tick.requests:
        for words in tick.words:
            context.log.info(words)
        return dg.SensorResult(run_requests=tick.requests, cursor=cursor)
    return dg.SensorResult(skip_reason="\n".join(tick.words) or "Nothing changed.", cursor=cursor)


def _alert_requests(tick: _Tick, service: Service) -> None:
    alerts = DATASETS["alerts"]
    staleness = look_for_changes(service, alerts, tick.now)
    making = {day.isoformat() for day in tick.making.days(alerts.name, service.tenant)}
    decision = tick.decide(service, {day.isoformat(): change for day, change in staleness.days.items()}, making)
    for window in consecutive([date.fromisoformat(day) for day in decision.request]):
        because = [decision.request[day.isoformat()] for day in window.dates]
        newest = max(asked.change for asked in because)
        reason = f"{window.first}:{window.last}:{newest}"
        attempt = max(asked.attempts for asked in because)
        tick.requests.append(run_request(ALERTS, [alerts.name], service.tenant, window, reason, attempt))


def _export_requests(tick: _Tick, service: Service) -> None:
    seen: dict[str, Sighting] = dict(tick.seen.get(service.tenant, {}))
    behind: dict[str, str] = {}
    unknown: list[str] = []
    for table, files in exported_datasets().items():
        try:
            told = generated(service, table, files)
        except DefenderAssetsError as error:
            tick.words.append(f"{service.tenant}: the look at {table} failed: {failure_of(error).description}")
            unknown += [table, *feeds_of(table)]
            continue
        if told is None:
            tick.words.append(f"{service.tenant}: the service does not say when the export of {table} was made")
            continue
        seen[table] = sighted(*told, tick.now, seen.get(table))
        for made_of_it in (table, *feeds_of(table)):
            if export_behind(seen[table], observed(service.lake, made_of_it)):
                behind[made_of_it] = told[0]
    tick.seen[service.tenant] = seen
    today = tick.now.date()
    decision = tick.decide(service, behind, tick.making.tables(behind, service.tenant, today), unknown)
    if decision.request:
        # One run for all of them: what is computed from several is then computed once.
        attempt = max(asked.attempts for asked in decision.request.values())
        reason = ",".join(f"{table}@{asked.change}" for table, asked in decision.request.items())
        tick.requests.append(
            run_request(EXPORTS, decision.request, service.tenant, one_day(today), f"{today}:{reason}", attempt)
        )
