"""What Dagster's history tells a monitor: each tenant's last run, the tables that fail, the daemon, the ticks.

Here: reading it. Not here: what is to be said of it (``monitoring/runs.py``), messages about failed runs
(``notifications/``).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg
from dagster._core.scheduler.instigation import TickStatus  # not exported; what a tick's status is compared with

from ..monitoring import DaemonHistory, FailingTable, RunHistory, TenantRuns
from ..refresh import table_refreshes
from ..sanitize import redacted
from .newest_ended_tick import newest_ended_tick
from .notifications.message import FailedTable, failed_table, failure_message, tick_failure
from .partitions import tenant_and_day
from .run_tags import partitions_of

_MOST_RUNS = 2_000
_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)


def run_history(instance: dg.DagsterInstance, tenants: Sequence[str], since: datetime) -> RunHistory:
    """The history of all ``tenants``, in the order of their list, since then."""
    filters = dg.RunsFilter(statuses=list(_ENDED), updated_after=since)
    records = instance.get_run_records(filters, limit=_MOST_RUNS + 1)
    of_tenants = {tenant: _Runs() for tenant in tenants}
    # Of each tenant the newest first: of a table the last attempt counts.
    for record in sorted(records[:_MOST_RUNS], key=_ended_at, reverse=True):
        run = record.dagster_run
        of_run = {tenant for tenant, _ in partitions_of(run.tags, tuple(of_tenants))} & of_tenants.keys()
        unsettled = [tenant for tenant in of_run if not of_tenants[tenant].settled.issuperset(_tables(run))]
        failed = list(failed_tables(instance, run)) if unsettled else []
        told = _told_of(instance, run) if failed and len(of_run) > 1 else set()
        for tenant in of_run:
            of_tenant = [each for each in failed if not each.tenants or tenant in each.tenants]
            of_tenant = [each for each in of_tenant if (each.table, tenant) not in told]
            of_tenants[tenant].note(run, _ended_at(record), of_tenant, succeeded=bool(failed) and not of_tenant)
    return RunHistory(
        {tenant: runs.summed_up() for tenant, runs in of_tenants.items()},
        DaemonHistory(_heard_at(instance), _failed_ticks(instance)),
        is_cut=len(records) > _MOST_RUNS,
    )


@dataclass
class _Runs:
    """A tenant's runs so far. ``settled``: the tables whose last attempt is known."""

    last_end: datetime | None = None
    last_succeeded: bool | None = None
    failing: list[FailingTable] = field(default_factory=list)
    settled: set[str] = field(default_factory=set)

    def note(self, run: dg.DagsterRun, ended_at: datetime, failed: Collection[FailedTable], *, succeeded: bool) -> None:
        """``succeeded``: although the run failed, for other tenants alone."""
        if self.last_end is None:
            self.last_end = ended_at
            self.last_succeeded = succeeded or run.status is dg.DagsterRunStatus.SUCCESS
        for table in failed:
            if table.table not in self.settled:
                what = redacted(table.what)
                self.failing.append(FailingTable(table.table, table.reason, what, redacted(table.remedy), ended_at))
        self.settled |= _tables(run)

    def summed_up(self) -> TenantRuns:
        return TenantRuns(self.last_end, self.last_succeeded, tuple(self.failing))


def _tables(run: dg.DagsterRun) -> set[str]:
    """The tables that a run was to make."""
    selected = run.step_keys_to_execute or [key.to_user_string() for key in run.asset_selection or ()]
    return set(selected) or set(table_refreshes())


def failed_tables(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[FailedTable]:
    """The tables that a run was to make and did not, with the reasons; all of them where it crashed."""
    if run.status is not dg.DagsterRunStatus.FAILURE:
        return
    entries = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    events = [entry.dagster_event for entry in entries if entry.dagster_event is not None]
    if events:
        yield from (failed_table(event) for event in events)
        return
    (crash,) = failure_message(run.run_id, run.job_name, run.tags, (), ui_url="").tables
    yield from (FailedTable(name, crash.reason, crash.what, crash.remedy) for name in sorted(_tables(run)))


def _told_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> set[tuple[str, str]]:
    """Table and tenant of what a run of several tenants made, or said why not, before the step failed for others."""
    kinds = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION}
    events = (entry.dagster_event for entry in instance.all_logs(run.run_id, of_type=kinds))
    return {
        (event.asset_key.to_user_string(), tenant_and_day(event.partition)[0])
        for event in events
        if event is not None and event.asset_key is not None and event.partition is not None
    }


def _ended_at(record: dg.RunRecord) -> datetime:
    if record.end_time is not None:
        return datetime.fromtimestamp(record.end_time, UTC)
    return record.update_timestamp.astimezone(UTC)


def _heard_at(instance: dg.DagsterInstance) -> datetime | None:
    """Of the daemons that this Dagster needs the one that was heard of longest ago: a thread may die alone."""
    needed = instance.get_required_daemon_types()
    beats = [beat.timestamp for daemon, beat in instance.get_daemon_heartbeats().items() if daemon in needed]
    return datetime.fromtimestamp(min(beats), UTC) if beats else None


def _failed_ticks(instance: dg.DagsterInstance) -> dict[str, str]:
    failed: dict[str, str] = {}
    for state in instance.all_instigator_state():
        tick = newest_ended_tick(instance, state) if state.is_running else None
        if tick is not None and tick.status is TickStatus.FAILURE:
            failed[state.instigator_name] = tick_failure(tick.error)
    return failed
