"""What became of the runs, as plain values.

Here: the values, and what is to be said of them. Not here: reading them out of Dagster's history
(``orchestration/run_history.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..doctor import Inspection, Outcome

_SILENT_AFTER = timedelta(minutes=30)
"""Dagster's own measure of a daemon that is gone."""


@dataclass(frozen=True)
class FailingTable:
    """A table whose last attempt failed. ``what`` and ``remedy`` are sentences without secrets."""

    table: str
    reason: str
    what: str
    remedy: str
    failed_at: datetime


@dataclass(frozen=True)
class TenantRuns:
    """The runs of a tenant: when the last one ended and whether it succeeded, and the tables whose last attempt
    failed."""

    last_end: datetime | None = None
    last_succeeded: bool | None = None
    failing: tuple[FailingTable, ...] = ()


@dataclass(frozen=True)
class DaemonHistory:
    """When Dagster's daemon was last heard of, of its parts the most silent (None: never, so that nobody expects it),
    and the schedules and sensors whose last tick failed, each with a sentence about it."""

    heard_at: datetime | None = None
    failed_ticks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunHistory:
    """The history of all tenants. ``is_cut``: there were more runs than were read, so that an earlier failure may be
    missing."""

    tenants: Mapping[str, TenantRuns] = field(default_factory=dict)
    daemon: DaemonHistory = field(default_factory=DaemonHistory)
    is_cut: bool = False


def judge_runs(runs: TenantRuns) -> list[Inspection]:
    """What is to be said of a tenant's runs."""
    return [
        Inspection("runs", Outcome.WARNING, f"failed ({failing.reason}): {failing.what}", failing.remedy, failing.table)
        for failing in runs.failing
    ]


def judge_daemon(daemon: DaemonHistory, now: datetime) -> list[Inspection]:
    """What is to be said of Dagster's daemon."""
    found: list[Inspection] = []
    if daemon.heard_at is not None and now - daemon.heard_at > _SILENT_AFTER:
        what = f"the daemon has not been heard of since {daemon.heard_at:%Y-%m-%d %H:%M} UTC: nothing starts by itself"
        remedy = "Start defender-assets serve again; where none is to run any more, dagster-daemon wipe forgets it."
        found.append(Inspection("daemon", Outcome.FAILED, what, remedy))
    for name, what in daemon.failed_ticks.items():
        found.append(Inspection("daemon", Outcome.WARNING, what, "Its ticks are in the UI, under Automation.", name))
    return found
