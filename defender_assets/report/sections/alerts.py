"""The alerts of the week.

Here: what was detected on which device, and whether it is resolved. Not here: who is named in an alert, which is no
matter of this report.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..snapshot import DaySnapshot
from .excerpt import Excerpt

_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class AlertOfTheWeek:
    """An alert; ``unresolved`` is how many of the week's are not resolved."""

    title: str | None
    severity: str | None
    status: str | None
    category: str | None
    detection_source: str | None
    created_at: datetime
    device_id: str | None
    device_name: str | None
    group_name: str | None
    unresolved: int


@dataclass(frozen=True)
class AlertsOfTheWeek:
    """The alerts, those open and severe first. The week touches ``days`` calendar days (UTC), one more than
    seven because it is measured from an hour of the day; of ``days_absent`` of them the lake has no alerts."""

    alerts: Excerpt[AlertOfTheWeek]
    days: int
    days_absent: int

    @property
    def unresolved(self) -> int:
        return self.alerts.rows[0].unresolved if self.alerts.rows else 0


def alerts_of_the_week(snapshot: DaySnapshot, as_of: datetime | None) -> AlertsOfTheWeek | None:
    """Those created in the seven days up to ``as_of``. None where the lake has the alerts of no day of the week."""
    if as_of is None:
        return None
    first = (as_of - _WEEK).date()
    known = [day for day in snapshot.all_days("alerts") if first <= day <= snapshot.day]
    if not known:
        return None
    sql = (
        "SELECT id, title, severity, status, computer_dns_name, alert_creation_time FROM alerts "
        f"WHERE alert_creation_time > TIMESTAMPTZ '{as_of - _WEEK}' AND alert_creation_time <= TIMESTAMPTZ '{as_of}' "
        "ORDER BY alert_creation_time DESC"
    )
    found = Excerpt(*snapshot.first(AlertOfTheWeek, "alerts_of_the_week"), sql)
    days = (snapshot.day - first).days + 1
    return AlertsOfTheWeek(found, days, days - len(known))
