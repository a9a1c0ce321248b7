"""How long true fixes took, by severity.

Here: the rows of ``remediation_times`` in the order of severity. Not here: what counts as a fix (``compliance``).
"""

from dataclasses import dataclass
from datetime import datetime

from ..snapshot import DaySnapshot


@dataclass(frozen=True)
class RemediationTimes:
    """What became of findings of a severity in the window; mean and median are over ``timed`` fixes."""

    severity: str
    new: int
    fixed: int
    vanished: int
    moved: int
    upgraded: int
    renamed: int
    reopened: int
    out_of_scope: int
    timed: int
    mean_days: float | None
    median_days: float | None
    window_start_at: datetime | None
    window_end_at: datetime | None


def remediation_times(snapshot: DaySnapshot) -> list[RemediationTimes]:
    """Severities from critical down, ``all`` last."""
    return snapshot.all(RemediationTimes, "time_to_fix")
