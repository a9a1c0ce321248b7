"""Why devices are not compliant: the sentences of ``verdict_reasons``, device by device.

Here: some noncompliant devices with all their reasons. Not here: the sentences (``compliance/tables``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from ...catalog.derived.reasons import TOPICS
from ..snapshot import DaySnapshot
from .excerpt import Excerpt


@dataclass(frozen=True)
class ReasonTold:
    """A sentence about a device, and where the policy says so. ``total`` is how many devices are noncompliant."""

    device_id: str
    device_name: str | None
    group_name: str | None
    topic: str
    position: int
    verdict: str | None
    sentence: str
    setting: str | None
    policy_file: str | None
    policy_line: int | None
    total: int


@dataclass(frozen=True)
class DeviceReasons:
    """A noncompliant device and its reasons, in the order in which it was judged."""

    device_id: str
    device_name: str | None
    group_name: str | None
    reasons: tuple[ReasonTold, ...]

    @property
    def noncompliant_topics(self) -> list[str]:
        """What it is noncompliant in."""
        failed = {reason.topic for reason in self.reasons if reason.verdict == "noncompliant"}
        return [topic for topic in TOPICS if topic in failed]


def noncompliant_devices(snapshot: DaySnapshot) -> Excerpt[DeviceReasons]:
    """Noncompliant devices with their reasons: those with the most critical findings overdue first, then some whose
    patches are in order."""
    sql = (
        "SELECT device_id, topic, sentence FROM verdict_reasons_history "
        f"WHERE snapshot_date = '{snapshot.day}' AND verdict = 'noncompliant' ORDER BY device_id, topic, position"
    )
    rows = snapshot.all(ReasonTold, "reasons_of_noncompliant_devices")
    devices = [_device(told) for _, told in groupby(rows, key=lambda row: row.device_id)]
    return Excerpt(devices, rows[0].total if rows else 0, sql)


def _device(told: Iterable[ReasonTold]) -> DeviceReasons:
    reasons = sorted(told, key=lambda reason: (TOPICS.index(reason.topic), reason.position))
    first = reasons[0]
    return DeviceReasons(first.device_id, first.device_name, first.group_name, tuple(reasons))
