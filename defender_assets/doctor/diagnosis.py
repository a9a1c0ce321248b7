"""What an examination found, as plain values.

Here: the values, and the grouping by which one cause is told once. Not here: finding it (``examination.py``), words for
the terminal (``cli/doctor.py``).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..api import MISSING_ROLE, remedy_for
from ..catalog import DATASETS
from ..settings import Problem, how_to_do_without


class Outcome(StrEnum):
    """What one inspection came to."""

    OK = "ok"
    WARNING = "warning"
    """Work goes on, and somebody should look at it."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It could not be found out, which is not good news."""
    NOT_USED = "not used"


@dataclass(frozen=True)
class LoginProbe:
    """The login. ``reason``: ok, bad_secret, expired_secret, unknown_application, unknown_tenant, unreachable,
    tls_untrusted or unexpected. ``remedy``: what to do, empty when ok. ``message``: all of it in words."""

    ok: bool
    reason: str
    roles: tuple[str, ...] = ()
    remedy: str = ""
    message: str = ""


@dataclass(frozen=True)
class DatasetProbe:
    """One dataset. ``status``: the HTTP status, None without a response. ``reason``: ok, missing_role, wrong_audience,
    no_licence, feature_off, wrong_host, throttled, unreachable, unexpected, or not_chosen. ``remedy``: what to do about
    that, empty when ok. ``absent``: it is not there, and that is no failure. ``counted_on``: the tenant lacks what it
    takes, and that is a failure."""

    dataset: str
    permission: str
    ok: bool
    status: int | None
    reason: str
    remedy: str
    message: str = ""
    absent: bool = False
    counted_on: bool = False

    @property
    def advice(self) -> str:
        """The remedy, and how to do without the dataset."""
        return f"{self.remedy} {how_to_do_without(self.dataset)}" if self.counted_on else self.remedy


@dataclass(frozen=True)
class Cause:
    """Why some datasets cannot be read, and what to do about all of them at once."""

    reason: str
    status: int | None
    remedy: str
    probes: tuple[DatasetProbe, ...]

    @property
    def datasets(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(probe.dataset for probe in self.probes)


@dataclass(frozen=True)
class Inspection:
    """What was found in one place beside the service. ``area``: certificate, clock, quotas, roles, lake, policy,
    engine, feeds, webhook or dagster. ``subject``: which of several (a feed, a quota family), empty where there is
    one."""

    area: str
    outcome: Outcome
    what: str
    remedy: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with the settings, what the application can do in the tenant, and how everything else is."""

    login: LoginProbe
    datasets: tuple[DatasetProbe, ...]
    problems: tuple[Problem, ...] = field(default=())
    inspections: tuple[Inspection, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """The settings are right, the login works, and so does every dataset that this tenant is expected to have;
        nothing else has failed."""
        return (
            not self.problems
            and self.login.ok
            and all(probe.ok or probe.absent for probe in self.datasets)
            and all(inspection.outcome is not Outcome.FAILED for inspection in self.inspections)
        )

    def causes(self, *, absent: bool = False) -> list[Cause]:
        """Why datasets failed, each cause once; or why those are ``absent`` that are no failure. Empty where the login
        failed: that is the one cause."""
        by_cause: dict[tuple[object, ...], list[DatasetProbe]] = {}
        for probe in self.datasets if self.login.ok else ():
            if not probe.ok and probe.absent == absent:
                # Roles are granted together, whichever they are.
                of_role = (_licence(probe),) if probe.reason == MISSING_ROLE else (probe.remedy,)
                by_cause.setdefault((probe.reason, probe.status, *of_role), []).append(probe)
        return [
            Cause(probes[0].reason, probes[0].status, _remedy(probes), tuple(probes)) for probes in by_cause.values()
        ]

    def failures(self) -> list[str]:
        """What has failed and what to do, a sentence or two for each cause."""
        told = [str(problem) for problem in self.problems]
        if not self.login.ok and not self.problems:
            told.append(self.login.message)
        told += [f"{', '.join(cause.datasets)}: {cause.remedy}" for cause in self.causes()]
        failed = (item for item in self.inspections if item.outcome is Outcome.FAILED)
        told += [f"{item.area}: {item.what}. {item.remedy}".strip() for item in failed]
        return told

    def to_dict(self) -> dict[str, Any]:
        """What ``doctor --json`` prints. ``absent`` are the datasets whose refusal is no failure."""
        return {
            "login": {"ok": self.login.ok, "reason": self.login.reason, "roles": list(self.login.roles)},
            "datasets": [
                {
                    "dataset": probe.dataset,
                    "permission": probe.permission,
                    "ok": probe.ok,
                    "status": probe.status,
                    "reason": probe.reason,
                    "remedy": probe.advice,
                }
                for probe in self.datasets
            ],
            "absent": [probe.dataset for probe in self.datasets if probe.absent],
            "settings": [
                {"variable": problem.variable, "what": problem.what, "remedy": problem.remedy}
                for problem in self.problems
            ],
            "checks": [
                {
                    "area": inspection.area,
                    "subject": inspection.subject,
                    "outcome": inspection.outcome.value,
                    "what": inspection.what,
                    "remedy": inspection.remedy,
                }
                for inspection in self.inspections
            ],
        }

    def to_json(self) -> str:
        """The same as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)


def with_subjects(inspections: Iterable[Inspection]) -> list[tuple[Inspection, tuple[str, ...]]]:
    """Each different inspection once, with all subjects of which it was said, in their order."""
    subjects: dict[Inspection, list[str]] = {}
    for inspection in inspections:
        bare = Inspection(inspection.area, inspection.outcome, inspection.what, inspection.remedy)
        subjects.setdefault(bare, []).append(inspection.subject)
    return [(bare, tuple(filter(None, names))) for bare, names in subjects.items()]


def _licence(probe: DatasetProbe) -> str | None:
    dataset = DATASETS.get(probe.dataset)
    return dataset.licence if dataset else None


def _remedy(probes: list[DatasetProbe]) -> str:
    """What to do about all of them."""
    remedy = probes[0].remedy
    if probes[0].reason == MISSING_ROLE and len(probes) > 1:
        permissions = dict.fromkeys(probe.permission for probe in probes)
        remedy = remedy_for(*permissions, licence=_licence(probes[0]))
    without = [probe.dataset for probe in probes if probe.counted_on]
    return f"{remedy} {how_to_do_without(*without)}" if without else remedy
