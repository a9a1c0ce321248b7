"""What a reader has to know before believing the numbers: absent and old inputs, another policy, assumptions.

Here: when something is worth saying, and the sentence. Not here: the facts (``sections/inputs.py``).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..compliance import Policy
from .sections.inputs import InputAge, Result
from .snapshot import DaySnapshot
from .trend import Trend
from .words import counted, lasting, percent, share, shown


@dataclass(frozen=True)
class Notice:
    """A sentence; ``weight`` is warning or note."""

    weight: str
    text: str


@dataclass(frozen=True)
class Assumptions:
    """Findings that were decided although an input of the policy was unknown."""

    findings: int


def notices(
    snapshot: DaySnapshot,
    policy: Policy,
    trend: Trend,
    ages: list[InputAge],
    results: list[Result],
    absent: list[str],
) -> list[Notice]:
    """Warnings first."""
    found = [
        *_about_policy(policy, trend, results),
        *_about_inputs(ages, absent),
        *_about_judgements(snapshot, policy, trend),
    ]
    return sorted(found, key=lambda notice: notice.weight != "warning")


def _about_policy(policy: Policy, trend: Trend, results: list[Result]) -> Iterator[Notice]:
    others = sorted(
        {
            f"{shown(result.policy)} ({shown(result.digest)})"
            for result in results
            if result.digest and result.digest != policy.digest
        }
    )
    if others:
        yield Notice(
            "warning",
            f"Tables of this day were judged by another policy than the one described below: {', '.join(others)}. "
            "Compute the day again (defender-assets refresh, or a backfill in the UI).",
        )
    if policy.is_legacy:
        yield Notice(
            "warning", f"The policy {shown(policy.name)} is legacy: its owner has withdrawn the rules it follows."
        )
    if strange := trend.days_under_another_policy:
        yield Notice(
            "note",
            f"{counted(len(strange), 'former day of the trend was', 'former days of the trend were')} judged by a "
            f"policy of another name ({strange[0]} to {strange[-1]}): a backfill applies the present one to them.",
        )


def _about_inputs(ages: list[InputAge], absent: list[str]) -> Iterator[Notice]:
    if absent:
        yield Notice("warning", f"Not computed on this day: {', '.join(absent)}. What needs them is left out below.")
    missing = [age for age in ages if age.is_absent]
    if missing:
        yield Notice(
            "note",
            f"Absent inputs: {', '.join(age.table for age in missing)}. Results do without them, or are left out.",
        )
    for age in ages:
        if age.is_old:
            yield Notice(
                "warning",
                f"{age.title} ({age.table}) was {lasting(age.age)} old when judged; the policy's limit is "
                f"{lasting(age.limit)}.",
            )
        if age.kept_because:
            yield Notice(
                "note", f"{age.title} ({age.table}): older rows were kept, because {shown(age.kept_because, 200)}."
            )


def _about_judgements(snapshot: DaySnapshot, policy: Policy, trend: Trend) -> Iterator[Notice]:
    now = trend.now
    differing = share(now.av_disagreements, now.windows_devices)
    allowed = policy.document.checks.disagreement_max_pct
    if differing is not None and differing > allowed:
        yield Notice(
            "warning",
            f"Microsoft's verdict on the antivirus differs from ours on {percent(differing)} of the Windows devices; "
            f"more than {percent(allowed)} asks for a look.",
        )
    if snapshot.has("patch_findings"):
        assumed = snapshot.one(Assumptions, "findings_on_assumptions").findings
        if assumed:
            yield Notice(
                "note",
                f"{counted(assumed, 'finding was', 'findings were')} decided although an input of the policy "
                "was unknown; decided_by says which.",
            )
    if now.other_findings:
        told = counted(
            now.other_findings, "open finding is on a record that is", "open findings are on records that are"
        )
        yield Notice("note", f"{told} not judged, and counted nowhere else in this report (patch_findings has them).")
