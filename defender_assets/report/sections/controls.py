"""Configuration: the controls that most devices fail.

Here: counts over eligible devices to which a control applies. Not here: which controls are required (the policy).
"""

from dataclasses import dataclass

from ..formatting import share
from ..snapshot import DaySnapshot
from .excerpt import Excerpt


@dataclass(frozen=True)
class FailedControl:
    """A control, the devices that fail it, and those that it applies to (None without ``secure_configuration``)."""

    configuration_id: str
    configuration_name: str | None
    configuration_category: str | None
    configuration_impact: float | None
    failed_devices: int
    applicable_devices: int | None
    is_required: bool

    @property
    def pct(self) -> float | None:
        return share(self.failed_devices, self.applicable_devices)


def failed_controls(snapshot: DaySnapshot) -> Excerpt[FailedControl]:
    """Required ones first, then those that most devices fail."""
    sql = f"""
        SELECT id, count(*) AS devices FROM (SELECT unnest(failed_control_ids) AS id FROM policy_compliance_history
        WHERE snapshot_date = '{snapshot.day}' AND population = 'eligible') GROUP BY 1 ORDER BY 2 DESC
    """
    return Excerpt(*snapshot.first(FailedControl, "failed_controls"), sql)
