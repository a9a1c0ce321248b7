"""Noncompliant devices, and in what they are noncompliant.

Here: the list. Not here: the reasons of each (``opened_devices.py``), the sentences (``compliance/tables``).
"""

from dataclasses import dataclass

from ..snapshot import DaySnapshot
from .excerpt import Excerpt


@dataclass(frozen=True)
class NoncompliantDevice:
    """A device with a verdict that is noncompliant. ``configuration_verdict`` is None where it was not judged."""

    device_id: str
    device_name: str | None
    group_name: str | None
    os_platform: str | None
    patch_verdict: str | None
    agent_verdict: str | None
    configuration_verdict: str | None
    overdue_findings: int | None
    overdue_critical: int | None

    @property
    def noncompliant_topics(self) -> list[str]:
        """What it is noncompliant in."""
        verdicts = {
            "patch": self.patch_verdict,
            "agent": self.agent_verdict,
            "configuration": self.configuration_verdict,
        }
        return [topic for topic, verdict in verdicts.items() if verdict == "noncompliant"]


def noncompliant_devices(snapshot: DaySnapshot) -> Excerpt[NoncompliantDevice]:
    """Noncompliant devices: those with the most critical findings overdue first, then those whose patches are in
    order."""
    sql = (
        "SELECT device_id, topic, sentence FROM verdict_reasons_history "
        f"WHERE snapshot_date = '{snapshot.day}' AND verdict = 'noncompliant' ORDER BY device_id, topic, position"
    )
    return Excerpt(*snapshot.first(NoncompliantDevice, "noncompliant_devices"), sql)
