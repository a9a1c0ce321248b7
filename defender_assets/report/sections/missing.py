"""Which devices lack security updates.

Here: one row for each eligible device, from ``missing_updates``. Not here: what each update would close
(``updates.py``).
"""

from dataclasses import dataclass
from datetime import datetime

from ..snapshot import DaySnapshot
from .excerpt import Excerpt


@dataclass(frozen=True)
class DeviceLackingUpdates:
    """A device, the updates that it lacks, and what they would fix there. A CVE that two updates fix counts twice."""

    device_id: str
    device_name: str | None
    group_name: str | None
    os_platform: str | None
    updates: int
    overdue_updates: int
    cves: int
    severity: str | None
    days_overdue: int | None
    due_at: datetime | None


def devices_lacking_updates(snapshot: DaySnapshot) -> Excerpt[DeviceLackingUpdates] | None:
    """Those with the most overdue updates first. None where the table is absent."""
    if not snapshot.has("missing_updates", "device_identity"):
        return None
    sql = (
        "SELECT device_id, any_value(device_name) AS device_name, list(update_id) AS updates, "
        "count(*) FILTER (WHERE state = 'overdue') AS overdue FROM missing_updates_history "
        f"WHERE snapshot_date = '{snapshot.day}' AND population = 'eligible' GROUP BY 1 ORDER BY 4 DESC, 1"
    )
    return Excerpt(*snapshot.first(DeviceLackingUpdates, "devices_lacking_updates"), sql)
