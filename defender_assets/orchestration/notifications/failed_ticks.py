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
from dagster._core.scheduler.instigation import TickStatus

from ...settings import TICK_FAILURES, Settings, SettingsError
from ..default_status import sensor_status
from ..newest_ended_tick import newest_ended_tick
from .message import tick_message
from .webhook import WebhookRefused, post

_SECONDS_BETWEEN_TICKS = 60
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
        since, announced = _remembered(context.cursor, now)
        running = [state for state in context.instance.all_instigator_state() if state.is_running]
        announced &= {state.instigator_name for state in running}
        failing = {}
        for state in running:
            if tick := newest_ended_tick(context.instance, state, since - _LOOK_BACK_SECONDS):
                if tick.status is not TickStatus.FAILURE:
                    announced.discard(state.instigator_name)
                elif not (tick.error and tick.error.cls_name == _NOT_LOADED):
                    failing[state.instigator_name] = tick
        for name in sorted(failing.keys() - announced):
            message = tick_message(name, failing[name].error, ui_url=settings.ui_url)
            context.log.error(message.text)
            try:
                post(message, Settings.load())
                announced.add(name)
            except (WebhookRefused, SettingsError) as error:
                context.log.error("The message could not be posted, and is tried again: %s", error)
        if failing.keys() <= announced:  # else their ticks are to be found again
            since = now
        context.update_cursor(json.dumps({"since": since, "told": sorted(announced)}))
        names = ", ".join(sorted(announced | failing.keys()))
        return dg.SkipReason(f"Failing: {names}." if names else "No tick failed.")

    return tick_failures_sensor


def _remembered(cursor: str | None, now: float) -> tuple[float, set[str]]:
    """Since when ticks are looked at, and whose failures were announced."""
    try:
        remembered = json.loads(cursor or "")
        return float(remembered["since"]), _names(remembered["told"])
    except (ValueError, TypeError, KeyError):
        return now + _LOOK_BACK_SECONDS, set()


def _names(remembered: Iterable[object]) -> set[str]:
    return {str(name) for name in remembered}
