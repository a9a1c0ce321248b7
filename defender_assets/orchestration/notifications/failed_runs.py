"""One message for each run that failed: to the log, and to a webhook where one is set.

Here: what is said, and the sensor that says it. Not here: the formats of Slack and Teams, and posting (``webhook.py``).

A run that Dagster starts again after a crash is told about once, when the last attempt has failed too; a refresh that a
sensor asks for again is told about again only when it fails for another reason.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import dagster as dg

from ...settings import Settings, SettingsError
from ..automation.in_flight import PARTITION, RANGE_END, RANGE_START
from ..automation.run_requests import ATTEMPT, REASON
from .webhook import Notice, Trouble, WebhookRefused, post

NAME = "refresh_failures"
_WILL_RETRY = "dagster/will_retry"
_ROOT_RUN = "dagster/root_run_id"


@dataclass(frozen=True)
class _Run:
    """What a message needs to know of a run."""

    run_id: str
    tags: dict[str, str]
    job: str
    troubles: tuple[Trouble, ...]


def refresh_failures(settings: Settings, running: Collection[str]) -> dg.SensorDefinition:
    """The sensor. It sees every failed run of this code location."""
    status = dg.DefaultSensorStatus.RUNNING if NAME in running else dg.DefaultSensorStatus.STOPPED

    @dg.run_failure_sensor(
        name=NAME,
        default_status=status,
        description="Tells about each failed run once: dataset, reason, remedy, and a link to the run.",
        monitor_all_code_locations=False,
    )
    def refresh_failures_sensor(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        run = context.dagster_run
        failed = _Run(run.run_id, dict(run.tags), run.job_name, tuple(_troubles(context)))
        if failed.tags.get(_WILL_RETRY) == "true":
            return dg.SkipReason(f"Run {run.run_id[:8]} ended unexpectedly and will be started again.")
        if _told_before(context.instance, failed):
            return dg.SkipReason(f"Run {run.run_id[:8]} failed for the reason that was told at the first attempt.")
        notice = notice_of(failed.run_id, failed.job, failed.tags, failed.troubles, ui_url=settings.ui_url)
        context.log.error(notice.text)
        try:
            # Read anew: a rotated or corrected webhook is picked up without a restart.
            post(notice, Settings.load())
        except (WebhookRefused, SettingsError) as error:
            # The message is in the log and the run in the UI; a broken webhook must not stop the next message.
            context.log.error("The message could not be posted: %s", error)
        return None

    return refresh_failures_sensor


def notice_of(run_id: str, job: str, tags: dict[str, str], troubles: Iterable[Trouble], *, ui_url: str) -> Notice:
    """The message about a failed run."""
    troubles = tuple(troubles) or (
        Trouble(
            dataset=job if not job.startswith("__") else "refresh",
            reason="crashed",
            what="The process of the run ended without saying why (it was killed, or ran out of memory).",
            remedy="Nothing was half-written. Look at the run's log; give it more memory if that was the cause.",
        ),
    )
    names = ", ".join(dict.fromkeys(trouble.dataset for trouble in troubles))
    return Notice(
        title=f"Defender refresh failed: {names}",
        days=_days(tags),
        troubles=troubles,
        link=f"{ui_url.rstrip('/')}/runs/{run_id}",
    )


def _days(tags: dict[str, str]) -> str:
    if PARTITION in tags:
        return tags[PARTITION].replace("|", ", tenant ")
    if RANGE_START in tags and RANGE_END in tags:
        return f"{tags[RANGE_START]} to {tags[RANGE_END]}".replace("|", ", tenant ")
    return ""


def _troubles(context: dg.RunFailureSensorContext) -> Iterable[Trouble]:
    for event in context.get_step_failure_events():
        yield trouble_of(event.step_key or "refresh", event.step_failure_data)


def trouble_of(step: str, data) -> Trouble:
    """What is said of a failed step. A Failure was worded by us (``failures.py``); of an unexpected error only the
    kind is told, as its text may hold anything."""
    told = data.user_failure_data
    if told is not None and told.description:
        facts = {name: getattr(value, "value", "") for name, value in (told.metadata or {}).items()}
        remedy = str(facts.get("remedy") or "")
        dataset = str(facts.get("dataset") or step)
        what = told.description.removesuffix(remedy).strip() if remedy else told.description
        return Trouble(
            dataset=dataset, reason=str(facts.get("reason") or "failed"),
            what=what.removeprefix(f"{dataset}: "), remedy=remedy,
        )  # fmt: skip
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    kind = error.cls_name if error is not None and error.cls_name else "error"
    return Trouble(
        dataset=step,
        reason="unexpected",
        what=f"An unexpected {kind} stopped it; the former partition stays as it was.",
        remedy="The run's log has the details; please report it.",
    )


def _told_before(instance: dg.DagsterInstance, failed: _Run) -> bool:
    """Whether an earlier attempt at the same thing failed in the same way."""
    if int(failed.tags.get(ATTEMPT, "1")) <= 1 or REASON not in failed.tags:
        return False
    same = dg.RunsFilter(tags={REASON: failed.tags[REASON]}, statuses=[dg.DagsterRunStatus.FAILURE])
    for record in instance.get_runs(same):
        if record.run_id == failed.run_id or record.tags.get(_ROOT_RUN) == failed.run_id:
            continue
        if int(record.tags.get(ATTEMPT, "1")) < int(failed.tags[ATTEMPT]) and _kinds(
            _step_failures(instance, record.run_id)
        ) == _kinds(failed.troubles):
            return True
    return False


def _step_failures(instance: dg.DagsterInstance, run_id: str) -> list[Trouble]:
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    return [
        trouble_of(entry.dagster_event.step_key or "refresh", entry.dagster_event.step_failure_data)
        for entry in entries
        if entry.dagster_event is not None
    ]


def _kinds(troubles: Iterable[Trouble]) -> set[tuple[str, str]]:
    return {(trouble.dataset, trouble.reason) for trouble in troubles}
