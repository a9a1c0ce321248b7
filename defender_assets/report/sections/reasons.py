"""Noncompliant devices, and in what they are noncompliant.

Here: the list. Not here: the reasons of each (``opened_devices.py``), the sentences (``compliance/tables``).
"""

from dataclasses import dataclass

from ..snapshot import DaySnapshot
from .excerpt import Excerpt

_VERDICTS = {"patches": "patch_compliance", "agent": "agent_compliance", "configuration": "policy_compliance"}
"""Topic -> the table of its verdicts."""


@dataclass(frozen=True)
class NoncompliantDevice:
    """A device with a verdict that is noncompliant. A verdict is None where it was not judged."""

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


@dataclass(frozen=True)
class NoncompliantDevices:
    """Those with the most critical findings overdue first, then those whose patches are in order. ``absent`` are the
    tables whose verdicts are not known: a device may be noncompliant in these too."""

    devices: Excerpt[NoncompliantDevice]
    absent: list[str]

    @property
    def judged_topics(self) -> str:
        """In what devices are judged on this day, in words: ``patches, agent or configuration``."""
        topics = [topic for topic, table in _VERDICTS.items() if table not in self.absent]
        return " or ".join(part for part in (", ".join(topics[:-1]), *topics[-1:]) if part)


def noncompliant_devices(snapshot: DaySnapshot) -> NoncompliantDevices | None:
    """None where the day has no device_identity."""
    if not snapshot.has("device_identity"):
        return None
    absent = [table for table in _VERDICTS.values() if not snapshot.has(table)]
    sql = (
        "SELECT device_id, device_name, patch_verdict, agent_verdict, policy_verdict, overdue_findings "
        f"FROM devices_history WHERE snapshot_date = '{snapshot.day}' "
        "AND 'noncompliant' IN (patch_verdict, agent_verdict, policy_verdict) "
        "ORDER BY overdue_findings DESC NULLS LAST, device_id"
    )
    return NoncompliantDevices(Excerpt(*snapshot.first(NoncompliantDevice, "noncompliant_devices"), sql), absent)
