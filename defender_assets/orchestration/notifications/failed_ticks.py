"""When a message is sent about a schedule or a sensor whose tick failed: once, until one of its ticks succeeds.

Here: the sensor. Not here: what the message says (``message.py``), posting it (``webhook.py``), runs that failed
(``failed_runs.py``).

A tick that fails requests nothing, and Dagster tells nobody: of a daily refresh that never began there is no run that
could fail.
"""

import json
import time
from collections.abc import Iterable

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick, TickStatus

from ...settings import TICK_FAILURES, Settings, SettingsError
from ..default_status import sensor_status
from .message import tick_message
from .webhook import WebhookRefused, post

_SECONDS_BETWEEN_TICKS = 60
_ENDED = [TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE]
_NOT_LOADED = "DagsterCodeLocationNotFoundError"
"""Of a tick while Dagster starts; that this one is evaluated shows that the definitions are there by now."""
_LOOK_BACK_SECONDS = 120.0
"""A tick counts by its beginning, and may end a minute after it."""


def tick_failures(settings: Settings, switched_on: frozenset[str]) -> dg.SensorDefinition:
    """The sensor, on wherever ``refresh_failures`` is. It sees the schedules and sensors of this Dagster."""

    @dg.sensor(
        name=TICK_FAILURES,
        minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
        default_status=sensor_status(TICK_FAILURES, switched_on),
        description="Tells about a schedule or sensor whose tick failed or took too long: once, until one succeeds.",
    )
    def tick_failures_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        now = time.time()
        since, told = _remembered(context.cursor, now)
        failing = {}
        for state in context.instance.all_instigator_state():
            if state.is_running and (tick := _newest(context.instance, state, since)):
                if tick.status is not TickStatus.FAILURE:
                    told.discard(state.instigator_name)
                elif not (tick.error and tick.error.cls_name == _NOT_LOADED):
                    failing[state.instigator_name] = tick
        for name in sorted(failing.keys() - told):
            message = tick_message(name, failing[name].error, ui_url=settings.ui_url)
            context.log.error(message.text)
            try:
                post(message, Settings.load())
            except (WebhookRefused, SettingsError) as error:
                context.log.error("The message could not be posted: %s", error)
        told |= failing.keys()
        context.update_cursor(json.dumps({"since": now, "told": sorted(told)}))
        names = ", ".join(sorted(told))
        return dg.SkipReason(f"Failing: {names}." if told else "No tick failed.")

    return tick_failures_sensor


def _remembered(cursor: str | None, now: float) -> tuple[float, set[str]]:
    """Since when ticks are looked at, and which failures were told."""
    try:
        remembered = json.loads(cursor or "")
        return float(remembered["since"]) - _LOOK_BACK_SECONDS, _names(remembered["told"])
    except (ValueError, TypeError, KeyError):
        return now, set()


def _names(told: Iterable[object]) -> set[str]:
    return {str(name) for name in told}


def _newest(instance: dg.DagsterInstance, state: InstigatorState, since: float) -> InstigatorTick | None:
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, after=since, limit=1, statuses=_ENDED)
    return ticks[0] if ticks else None
