"""The scores of the tenant: exposure, exposure of each device group, and secure configuration.

Here: the rows, counted from the findings and controls of the assessment. Not here: these (``findings.py``,
``recommendations.py``).
"""

from collections import Counter
from datetime import datetime

from .configurations import CONTROLS
from .device_groups import GROUPS
from .findings import Findings
from .formats import Row, iso_utc
from .inventory import groups_of
from .randomness import rng_for
from .recommendations import Recommendations
from .state import Assessment, TenantState

_HALF_EXPOSED = 150
"""Findings of a device with which its score would be half of the most."""


class Scores:
    """The scores of a tenant."""

    def __init__(self, findings: Findings, recommendations: Recommendations) -> None:
        self.findings = findings
        self.recommendations = recommendations
        self.seed = findings.shape.seed
        self._counted: tuple[TenantState, Counter[int], Counter[int]] | None = None

    def exposure(self, assessment: Assessment, now: datetime) -> Row:
        """The score of the organisation, at the moment of the answer."""
        devices, findings = self._counts(assessment)
        return {"time": self._time(now), "score": _score(findings.total(), devices.total())}

    def exposure_by_group(self, assessment: Assessment, now: datetime) -> list[Row]:
        """The scores of the device groups that have devices."""
        devices, findings = self._counts(assessment)
        return [
            {
                "time": self._time(now),
                "score": _score(findings[group.id], devices[group.id]),
                "rbacGroupName": group.name or "UnassignedGroup",
                "rbacGroupId": group.id,
            }
            for group in GROUPS
            if devices[group.id]
        ]

    def configuration(self, assessment: Assessment, now: datetime) -> Row:
        """Microsoft Secure Score for Devices: a whole number where it happens to be one."""
        controls = self.recommendations.controls(assessment.state)
        points = sum(
            control.impact * (1 - controls.exposed[control.id] / controls.applicable[control.id])
            for control in CONTROLS
            if controls.applicable[control.id]
        )
        return {"time": self._time(now), "score": int(10 * points) if self.seed % 2 else round(10 * points, 6)}

    def _counts(self, assessment: Assessment) -> tuple[Counter[int], Counter[int]]:
        """Devices and their findings by group id. The last result is kept."""
        if self._counted is None or self._counted[0] is not assessment.state:
            devices, findings = Counter[int](), Counter[int]()
            for device in self.findings.software.fleet.devices(assessment.state):
                if found := self.findings.count(device, assessment):
                    devices[device.group.id] += 1
                    findings[device.group.id] += found // len(groups_of(device))
            self._counted = (assessment.state, devices, findings)
        return self._counted[1], self._counted[2]

    def _time(self, now: datetime) -> str:
        return iso_utc(now, rng_for(self.seed, "score", now))


def _score(findings: int, devices: int) -> float:
    mean = findings / max(1, devices)
    return round(100 * mean / (mean + _HALF_EXPOSED), 5)
