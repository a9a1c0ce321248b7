"""What a monitor is told of the runs: of each tenant's tables the last attempt counts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.types import DaemonHeartbeat
from dagster_shared.error import SerializableErrorInfo

from defender_assets.monitoring import RunHistory
from defender_assets.monitoring.runs import judge_daemon
from defender_assets.orchestration.partitions import TenantDays, single_run_backfills
from defender_assets.orchestration.run_history import run_history
from defender_assets.orchestration.run_tags import PARTITION, RANGE_END, RANGE_START

TENANTS = ("contoso", "fabrikam", "tailspin")
TODAY = datetime.now(UTC).date()
DAYS = TenantDays(TODAY - timedelta(days=2), TENANTS)


def run(instance: dg.DagsterInstance, broken: set[str], **tags: str) -> None:
    """A run over these partitions whose one step fails for the tenants that are broken."""
    with single_run_backfills() as one_run:

        @dg.asset(partitions_def=DAYS.definition, output_required=False, backfill_policy=one_run)
        def machines(context: dg.AssetExecutionContext) -> Iterator[dg.AssetMaterialization]:
            for key in context.partition_keys:
                if key.rpartition("|")[2] not in broken:
                    yield dg.AssetMaterialization("machines", partition=key)
            if broken:
                raise dg.Failure("machines: refused", metadata={"dataset": "machines", "reason": "missing_role"})

    job = dg.Definitions([machines]).resolve_implicit_global_asset_job_def()
    job.execute_in_process(instance=instance, raise_on_error=False, tags=tags)


def of_all(first: str, last: str) -> dict[str, str]:
    return {RANGE_START: DAYS.key(first, TODAY), RANGE_END: DAYS.key(last, TODAY)}


def told(instance: dg.DagsterInstance) -> RunHistory:
    return run_history(instance, TENANTS, datetime.now(UTC) - timedelta(hours=1))


def failing(history: RunHistory) -> dict[str, list[tuple[str, str]]]:
    return {tenant: [(each.table, each.reason) for each in runs.failing] for tenant, runs in history.tenants.items()}


def test_a_run_of_several_tenants_failed_for_those_for_whom_nothing_was_made(instance: dg.DagsterInstance) -> None:
    run(instance, {"fabrikam"}, **of_all("contoso", "tailspin"))
    refused = [("machines", "missing_role")]
    assert failing(told(instance)) == {"contoso": [], "fabrikam": refused, "tailspin": []}
    succeeded = {tenant: runs.last_succeeded for tenant, runs in told(instance).tenants.items()}
    assert succeeded == {"contoso": True, "fabrikam": False, "tailspin": True}

    run(instance, set(), **{PARTITION: DAYS.key("contoso", TODAY)})
    assert failing(told(instance))["fabrikam"] == refused
    run(instance, set(), **{PARTITION: DAYS.key("fabrikam", TODAY)})
    settled = told(instance)
    assert failing(settled) == {"contoso": [], "fabrikam": [], "tailspin": []}
    assert settled.tenants["fabrikam"].last_succeeded is True
    assert not settled.is_cut


def test_a_run_that_nobody_saw_end_has_failed_for_each_of_its_tables(instance: dg.DagsterInstance) -> None:
    crashed = create_run_for_test(
        instance,
        job_name="refresh_all",
        tags={PARTITION: DAYS.key("contoso", TODAY)},
        asset_selection=frozenset({dg.AssetKey("alerts"), dg.AssetKey("kev")}),
    )
    instance.report_run_failed(crashed)
    assert failing(told(instance))["contoso"] == [("alerts", "crashed"), ("kev", "crashed")]


def beat(instance: dg.DagsterInstance, daemon: str, ago: timedelta) -> None:
    at = (datetime.now(UTC) - ago).timestamp()
    instance.add_daemon_heartbeat(DaemonHeartbeat(at, daemon, daemon_id="a", errors=[]))


def test_a_daemon_is_as_alive_as_the_most_silent_of_its_parts(stored_instance: dg.DagsterInstance) -> None:
    def judged() -> list[str]:
        return [each.outcome.value for each in judge_daemon(told(stored_instance).daemon, datetime.now(UTC))]

    stored_instance.wipe_daemon_heartbeats()
    assert judged() == []  # nobody ever started one
    beat(stored_instance, "SENSOR", timedelta(minutes=1))
    beat(stored_instance, "SCHEDULER", timedelta(minutes=1))
    beat(stored_instance, "NOT_NEEDED_ANY_MORE", timedelta(days=3))
    assert judged() == []
    for silence in (timedelta(hours=1), timedelta(days=20)):
        beat(stored_instance, "SCHEDULER", silence)
        assert judged() == ["failed"]
    stored_instance.wipe_daemon_heartbeats()


def test_of_a_failed_tick_only_the_kind_of_the_error_is_told(stored_instance: dg.DagsterInstance) -> None:
    origin = RemoteInstigatorOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("defender_assets"), "__repository__"), "daily_refresh"
    )
    data = ScheduleInstigatorData("0 6 * * *", datetime.now(UTC).timestamp())
    state = InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, data)
    stored_instance.add_instigator_state(state)
    error = SerializableErrorInfo("a person's name", [], "KeyError", None, None)
    tick = TickData(
        origin.get_id(),
        "daily_refresh",
        InstigatorType.SCHEDULE,
        TickStatus.FAILURE,
        datetime.now(UTC).timestamp(),
        selector_id=state.selector_id,
        error=error,
    )
    stored_instance.create_tick(tick)
    failed = told(stored_instance).daemon.failed_ticks
    stored_instance.wipe_all_schedules()
    assert failed == {"daily_refresh": "Its last tick ended with KeyError, so it requested nothing."}
