"""Exemptions: who approved what until when, and how much each of them covers.

Here: the policy's exemptions with the day's findings. Not here: warnings about those that end
(``compliance/policy_checks.py``).
"""

from dataclasses import dataclass

from ...compliance import Policy
from ...compliance.policy.model import Exemption
from ...compliance.policy_checks import exempt_findings
from ..snapshot import DaySnapshot


@dataclass(frozen=True)
class ExemptionInUse:
    """An exemption; ``findings`` are those that it covers on any device (None without ``patch_findings``),
    ``days_left`` is negative once it has expired, ``ends_soon`` says whether the policy warns of it."""

    exemption: Exemption
    findings: int | None
    days_left: int
    ends_soon: bool


@dataclass(frozen=True)
class ExemptByDecision:
    """Findings by the words of their decision."""

    decided_by: str
    findings: int


def exemptions_in_use(snapshot: DaySnapshot, policy: Policy) -> list[ExemptionInUse]:
    """Every exemption of the policy, in its order."""
    counts: dict[str, int] = {}
    if policy.document.exemptions and snapshot.has("patch_findings"):
        rows = snapshot.all(ExemptByDecision, "findings_by_exemption")
        counts = exempt_findings(policy, {row.decided_by: row.findings for row in rows})
    limit = policy.document.checks.exemptions_expire_days
    return [
        ExemptionInUse(exemption, counts.get(exemption.id), left, 0 <= left <= limit)
        for exemption in policy.document.exemptions
        for left in [(exemption.expires - snapshot.day).days]
    ]
