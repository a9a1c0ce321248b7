"""How long true fixes took, by severity.

Here: the rows of ``remediation_times`` in the order of severity. Not here: what counts as a fix (``compliance``).
"""

from dataclasses import dataclass
from datetime import datetime

from ..snapshot import DaySnapshot


@dataclass(frozen=True)
class Fixes:
    """What became of findings of a severity in the window; mean and median are over ``timed`` fixes."""

    severity: str
    new: int
    fixed: int
    vanished: int
    moved: int
    upgraded: int
    timed: int
    mean_days: float | None
    median_days: float | None
    window_start_at: datetime | None
    window_end_at: datetime | None


def fixes(snapshot: DaySnapshot) -> list[Fixes]:
    """Severities from critical down, ``all`` last."""
    return snapshot.all(
        Fixes,
        """
        SELECT * FROM remediation_times
        ORDER BY CASE lower(severity) WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3
          WHEN 'all' THEN 9 ELSE 4 END, severity
        """,
    )
