"""``tick_failures``: one message about a schedule or sensor whose tick failed."""

import json
import time

import dagster as dg
import pytest
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
from dagster_shared.error import SerializableErrorInfo

from defender_assets.orchestration.notifications import failed_ticks

from ..automation.ticks import Daemon

SENSOR = "tick_failures"
SIGNED = "https://storage.example.com/part-0.json.gz?sv=2020&sig=abc%2Fdef%3D"


@pytest.fixture
def instance(stored_instance):
    """On disk: in memory there are no ticks."""
    yield stored_instance
    stored_instance.wipe()
    stored_instance.wipe_all_schedules()


@pytest.fixture
def ticked(instance):
    """Records a tick of the daily schedule, as the daemon does."""
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("defender_assets"), "__repository__")
    origin = RemoteInstigatorOrigin(repository, "daily_refresh")
    data = ScheduleInstigatorData("0 6 * * *", time.time())
    state = InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, data)
    instance.add_instigator_state(state)

    def tick(status: TickStatus, error: SerializableErrorInfo | None = None) -> None:
        time.sleep(0.01)  # two of one moment have no order
        instance.create_tick(
            TickData(
                origin.get_id(), "daily_refresh", InstigatorType.SCHEDULE, status, time.time(),
                selector_id=state.selector_id, error=error,
            )
        )  # fmt: skip

    return tick


def failure(kind: str, text: str) -> SerializableErrorInfo:
    return SerializableErrorInfo(text, [], kind, None, None)


def test_a_tick_that_failed_is_told_once_until_one_succeeds(instance, receiver, ticked):
    daemon = Daemon(instance)
    ticked(TickStatus.FAILURE, failure("KeyError", "of before it looked"))
    daemon.tick(SENSOR)
    assert receiver.messages == []
    for _ in range(2):
        ticked(TickStatus.FAILURE, failure("KeyError", SIGNED))
        assert daemon.tick(SENSOR).skip_message == "Failing: daily_refresh."
    (message,) = receiver.messages
    text = json.dumps(message)
    assert "the ticks of daily_refresh fail" in text
    assert "KeyError" in text
    assert "sig=" not in text
    ticked(TickStatus.SKIPPED)
    ticked(TickStatus.FAILURE, failure("DagsterCodeLocationNotFoundError", "while Dagster starts"))
    assert daemon.tick(SENSOR).skip_message == "Failing: daily_refresh."
    ticked(TickStatus.SKIPPED)
    assert daemon.tick(SENSOR).skip_message == "No tick failed."
    ticked(TickStatus.FAILURE, failure("DagsterUserCodeUnreachableError", "status = StatusCode.DEADLINE_EXCEEDED"))
    daemon.tick(SENSOR)
    assert "took longer than Dagster waits" in json.dumps(receiver.messages[1])


def test_a_message_that_the_webhook_refused_is_sent_again_until_it_arrives(instance, receiver, ticked, monkeypatch):
    daemon = Daemon(instance)
    daemon.tick(SENSOR)
    ticked(TickStatus.FAILURE, failure("KeyError", "of a daily schedule, whose next tick is tomorrow"))
    receiver.statuses = [403, 403, 200]
    now = time.time()
    for minutes in range(5):
        monkeypatch.setattr(failed_ticks.time, "time", lambda at=now + 300 * minutes: at)
        assert daemon.tick(SENSOR).skip_message == "Failing: daily_refresh."
    assert (receiver.calls, len(receiver.messages)) == (3, 1)


def test_one_that_is_stopped_while_it_fails_is_not_remembered(instance, receiver, ticked):
    daemon = Daemon(instance)
    daemon.tick(SENSOR)
    ticked(TickStatus.FAILURE, failure("KeyError", "once"))
    daemon.tick(SENSOR)
    (state,) = instance.all_instigator_state()
    instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED))
    assert daemon.tick(SENSOR).skip_message == "No tick failed."
    instance.update_instigator_state(state.with_status(InstigatorStatus.RUNNING))
    ticked(TickStatus.FAILURE, failure("KeyError", "and again"))
    daemon.tick(SENSOR)
    assert len(receiver.messages) == 2


def test_it_is_on_where_failed_runs_are_told(monkeypatch):
    from defender_assets.definitions import build_defs

    monkeypatch.setenv("DEFENDER_RUNNING", "refresh_failures")
    assert build_defs().resolve_sensor_def(SENSOR).default_status is dg.DefaultSensorStatus.RUNNING
    monkeypatch.setenv("DEFENDER_RUNNING", "daily_refresh")
    assert build_defs().resolve_sensor_def(SENSOR).default_status is dg.DefaultSensorStatus.STOPPED
