"""What the message about a failed run says.

Here: the wording, whatever chat it goes to. Not here: when it is sent (``failed_runs.py``), its form in a chat
(``slack.py``, ``teams.py``), the sentences of our own errors (the ``errors.py`` of each room).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from ...sanitize import redacted
from ...tenant import DEFAULT_TENANT
from ..failures import OF_TENANTS, reason_key, root_cause
from ..run_tags import partitions_of

MAX_TABLES = 10
"""Failed tables that are spelled out; Slack takes 50 blocks, Teams some 28 KB."""
_MOST_ALIKE = 5
LONGEST_TEXT = 2_500
"""Slack refuses a section of more than 3,000 characters (https://docs.slack.dev/reference/block-kit/blocks)."""


@dataclass(frozen=True)
class FailedTable:
    """One table that could not be refreshed. ``reason`` is a short code, ``what`` and ``remedy`` are sentences."""

    table: str
    reason: str
    what: str
    remedy: str = ""
    tenants: tuple[str, ...] = ()
    """Of a run over several, those that failed."""

    @property
    def sentence(self) -> str:
        """What happened and what to do, redacted."""
        # Our own errors are redacted already; once more, because this leaves the machine.
        return " ".join(redacted(part, LONGEST_TEXT) for part in (self.what, self.remedy) if part)


@dataclass(frozen=True)
class FailureMessage:
    """The message about one failed run. ``partitions`` are its days in words, ``link`` is the run in the UI, and
    ``leads_to`` says so."""

    title: str
    partitions: str
    tables: tuple[FailedTable, ...]
    link: str
    leads_to: str = "Open the run"

    @property
    def text(self) -> str:
        """The message as plain text."""
        lines = [self.title + (f" ({self.partitions})" if self.partitions else "")]
        lines += [f"{failed.table} ({failed.reason}): {failed.sentence}" for failed in self.tables]
        return "\n".join([*lines, f"{self.leads_to}: {self.link}"])


def failure_message(
    run_id: str, job: str, tags: Mapping[str, str], tables: Iterable[FailedTable], *, ui_url: str
) -> FailureMessage:
    """The message about a run. Without failed tables its process ended before it could name one."""
    tables = _alike_together(tables) or (
        FailedTable(
            table=job if not job.startswith("__") else "refresh",
            reason="crashed",
            what="The process of the run ended without saying why (it was killed, or ran out of memory).",
            remedy="Nothing was half-written. Look at the run's log; give it more memory if that was the cause.",
        ),
    )
    names = ", ".join(dict.fromkeys(failed.table for failed in tables))
    return FailureMessage(
        title=f"Defender refresh failed: {names}",
        partitions=_partitions_in_words(tags),
        tables=tables,
        link=f"{ui_url.rstrip('/')}/runs/{run_id}",
    )


def _alike_together(tables: Iterable[FailedTable]) -> tuple[FailedTable, ...]:
    """One of each reason, with the names of all tables that failed for it: a login that is refused fails them all."""
    alike: dict[tuple[object, ...], list[FailedTable]] = {}
    for failed in tables:
        key = (failed.reason, reason_key(failed.table, f"{failed.what} {failed.remedy}"), failed.tenants)
        alike.setdefault(key, []).append(failed)
    return tuple(
        replace(first, table=_named(dict.fromkeys(each.table for each in (first, *others))))
        for first, *others in alike.values()
    )


def _named(names: Collection[str]) -> str:
    shown = list(names)[:_MOST_ALIKE]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")


def tick_message(name: str, error: SerializableErrorInfo | None, *, ui_url: str) -> FailureMessage:
    """The message about a schedule or sensor whose tick failed."""
    failed = FailedTable(name, "tick_failed", tick_failure(error), "Its page in the UI (Automation) has the details.")
    return FailureMessage(
        title=f"Defender refresh: the ticks of {name} fail",
        partitions="",
        tables=(failed,),
        link=f"{ui_url.rstrip('/')}/automation",
        leads_to="Open Dagster",
    )


def tick_failure(error: SerializableErrorInfo | None) -> str:
    """What is said of a tick that failed. Of an unexpected error only the kind is mentioned, because its text may hold
    anything."""
    if "DEADLINE_EXCEEDED" in (error.to_string() if error else ""):
        return "Its last tick took longer than Dagster waits, so nothing of what it requested was started."
    cause = root_cause(error)
    kind = (cause.cls_name if cause is not None else None) or "error"
    return f"Its last tick ended with {kind}, so it requested nothing."


def trial_message(ui_url: str) -> FailureMessage:
    """A message by which a person sees that the messages arrive."""
    return FailureMessage(
        title="Defender refresh: a test message",
        partitions="sent by defender-assets doctor --send; nothing has failed",
        tables=(),
        link=ui_url.rstrip("/"),
        leads_to="Open Dagster",
    )


def failed_table(event: dg.DagsterEvent) -> FailedTable:
    """What is said of the failure of a step.

    A ``dagster.Failure`` was worded by this project (``failures.py``). Of an unexpected error only the kind is
    mentioned, because its text may hold anything.
    """
    step, failure = event.step_key or "refresh", event.step_failure_data
    worded = failure.user_failure_data
    if worded is not None and worded.description:
        facts = {name: str(getattr(value, "value", "")) for name, value in (worded.metadata or {}).items()}
        table, remedy = facts.get("dataset") or step, facts.get("remedy") or ""
        what = worded.description.removesuffix(remedy).strip() if remedy else worded.description
        tenants = tuple(name for name in facts.get(OF_TENANTS, "").split(", ") if name)
        return FailedTable(table, facts.get("reason") or "failed", what.removeprefix(f"{table}: "), remedy, tenants)
    error = root_cause(failure.error)
    kind = error.cls_name if error is not None and error.cls_name else "error"
    return FailedTable(
        table=step,
        reason="unexpected",
        what=f"An unexpected {kind} stopped it; the former partition stays as it was.",
        remedy="The run's log has the details; please report it.",
    )


def shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text, cut to at most ``longest`` characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _partitions_in_words(tags: Mapping[str, str]) -> str:
    partitions = list(partitions_of(tags))
    if not partitions:
        return ""
    (tenant, first), (last_tenant, last) = partitions[0], partitions[-1]
    days = str(first) if first == last else f"{first} to {last}"
    if tenant != last_tenant:
        return f"{days}, tenants {tenant} to {last_tenant}"
    return days if tenant == DEFAULT_TENANT else f"{days}, tenant {tenant}"
