"""When a message is sent: once for each run that failed, to the log, and to a webhook where one is set.

Here: the sensor, and which failures it passes over. Not here: what the message says (``message.py``), posting it
(``webhook.py``).

No message for a run that Dagster will start again after a crash: the last attempt has one if it fails too. And none for
a repeated request of a sensor that failed for the same reason as an attempt before it.
"""

from collections.abc import Iterable

import dagster as dg

from ...settings import REFRESH_FAILURES, Settings, SettingsError
from ..default_status import sensor_status
from ..run_tags import ATTEMPT, REASON, ROOT_RUN, WILL_RETRY
from .message import FailedTable, failed_table, failure_message
from .webhook import WebhookRefused, post


def refresh_failures(settings: Settings, switched_on: frozenset[str]) -> dg.SensorDefinition:
    """The sensor. It sees every failed run of this code location."""

    @dg.run_failure_sensor(
        name=REFRESH_FAILURES,
        default_status=sensor_status(REFRESH_FAILURES, switched_on),
        description="Tells about each failed run once: dataset, reason, remedy, and a link to the run.",
        monitor_all_code_locations=False,
    )
    def refresh_failures_sensor(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        run = context.dagster_run
        if run.tags.get(WILL_RETRY) == "true":
            return dg.SkipReason(f"Run {run.run_id[:8]} ended unexpectedly and will be started again.")
        tables = [failed_table(event) for event in context.get_step_failure_events()]
        if _reported_before(context.instance, run, tables):
            return dg.SkipReason(f"Run {run.run_id[:8]} failed for the reason that was told at the first attempt.")
        message = failure_message(run.run_id, run.job_name, run.tags, tables, ui_url=settings.ui_url)
        context.log.error(message.text)
        try:
            # The settings are read anew: a rotated or corrected webhook takes effect without a restart.
            post(message, Settings.load())
        except (WebhookRefused, SettingsError) as error:
            # The message is in the log and the run in the UI; a broken webhook must not stop the next message.
            context.log.error("The message could not be posted: %s", error)
        return None

    return refresh_failures_sensor


def _reported_before(instance: dg.DagsterInstance, run: dg.DagsterRun, tables: list[FailedTable]) -> bool:
    """Whether an earlier attempt for the same reason failed at the same tables in the same way."""
    attempt = int(run.tags.get(ATTEMPT, "1"))
    if attempt <= 1 or REASON not in run.tags:
        return False
    same_reason = dg.RunsFilter(tags={REASON: run.tags[REASON]}, statuses=[dg.DagsterRunStatus.FAILURE])
    for other in instance.get_runs(same_reason):
        restarted = run.run_id in (other.run_id, other.tags.get(ROOT_RUN))
        if restarted or int(other.tags.get(ATTEMPT, "1")) >= attempt:
            continue
        entries = instance.all_logs(other.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        failed = [failed_table(entry.dagster_event) for entry in entries if entry.dagster_event is not None]
        if _kinds(failed) == _kinds(tables):
            return True
    return False


def _kinds(tables: Iterable[FailedTable]) -> set[tuple[str, str]]:
    return {(failed.table, failed.reason) for failed in tables}
