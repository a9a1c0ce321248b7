"""Patch compliance by device group and platform, what is overdue and for how long, and where to begin.

Here: device counts over the eligible. Not here: products (``exposure.py``), the KEV catalogue (``exploited.py``).
"""

from dataclasses import dataclass

from ..snapshot import DaySnapshot
from ..words import share
from .listing import Listing

GROUPS, DEVICES = 15, 15
SEVERITIES = ("critical", "high", "medium", "low", "other")
AGES = ("0–7 days", "8–30 days", "31–90 days", "over 90 days")


@dataclass(frozen=True)
class Judged:
    """Devices of a group or platform: ``compliant`` and ``noncompliant`` add up to ``eligible``."""

    name: str | None
    eligible: int
    compliant: int
    noncompliant: int
    overdue_findings: int
    overdue_critical: int
    kev_devices: int
    left_out: int

    @property
    def pct(self) -> float | None:
        return share(self.compliant, self.eligible)


@dataclass(frozen=True)
class OverdueDevice:
    """A device and what is overdue on it."""

    device_name: str | None
    group_name: str | None
    os_platform: str | None
    overdue_findings: int
    overdue_critical: int
    kev_findings: int
    oldest_overdue_days: int | None


@dataclass(frozen=True)
class OverdueCell:
    """Overdue findings of one age (index into AGES) and severity."""

    age: int
    severity: str
    findings: int


@dataclass(frozen=True)
class DevicesOfAge:
    """Devices with a finding overdue by that age; a device may be at several."""

    age: int
    devices: int


@dataclass(frozen=True)
class Overdue:
    """Overdue findings by age and severity."""

    cells: tuple[OverdueCell, ...]
    devices_by_age: tuple[int, ...]

    def at(self, age: int, severity: str) -> int:
        return sum(cell.findings for cell in self.cells if cell.age == age and cell.severity == severity)

    def of_age(self, age: int) -> int:
        return sum(cell.findings for cell in self.cells if cell.age == age)

    def of_severity(self, severity: str) -> int:
        return sum(cell.findings for cell in self.cells if cell.severity == severity)

    @property
    def total(self) -> int:
        return sum(cell.findings for cell in self.cells)


def _judged_by(column: str) -> str:
    return f"""
        SELECT
          {column} AS name,
          count(*) FILTER (WHERE d.population = 'eligible') AS eligible,
          count(*) FILTER (WHERE p.population = 'eligible' AND p.verdict = 'compliant') AS compliant,
          count(*) FILTER (WHERE p.population = 'eligible' AND p.verdict = 'noncompliant') AS noncompliant,
          coalesce(sum(p.overdue_findings) FILTER (WHERE p.population = 'eligible'), 0)::BIGINT AS overdue_findings,
          coalesce(sum(p.overdue_critical) FILTER (WHERE p.population = 'eligible'), 0)::BIGINT AS overdue_critical,
          count(*) FILTER (WHERE p.population = 'eligible' AND p.kev_findings > 0) AS kev_devices,
          count(*) FILTER (WHERE d.population <> 'eligible') AS left_out
        FROM device_identity AS d
        LEFT JOIN patch_compliance AS p ON p.device_id = d.device_id
        GROUP BY {column}
        ORDER BY noncompliant DESC, eligible DESC, name
    """


def by_group(snapshot: DaySnapshot) -> Listing[Judged]:
    """Device groups, those with the most noncompliant devices first."""
    groups = snapshot.all(Judged, f"{_judged_by('d.rbac_group_name')} LIMIT {GROUPS}")
    total = snapshot.value("SELECT count(*) FROM (SELECT DISTINCT rbac_group_name FROM device_identity)")
    sql = f"""
        SELECT d.rbac_group_name, count(*) FILTER (WHERE d.population = 'eligible') AS eligible,
        count(*) FILTER (WHERE p.population = 'eligible' AND p.verdict = 'noncompliant') AS noncompliant
        FROM device_identity_history AS d
        JOIN patch_compliance_history AS p ON p.device_id = d.device_id AND p.snapshot_date = d.snapshot_date
        WHERE d.snapshot_date = '{snapshot.day}' GROUP BY 1 ORDER BY 3 DESC
    """
    return Listing(groups, int(str(total)), sql)


def by_platform(snapshot: DaySnapshot) -> list[Judged]:
    """Platform families."""
    return snapshot.all(Judged, _judged_by("d.platform_family"))


def overdue_by_age(snapshot: DaySnapshot) -> Overdue:
    """Overdue findings on eligible devices by whole days past their due date."""
    overdue = """
        SELECT
          f.device_id,
          CASE WHEN lower(f.severity) IN ('critical', 'high', 'medium', 'low') THEN lower(f.severity) ELSE 'other' END
            AS severity,
          CASE WHEN f.days_overdue <= 7 THEN 0 WHEN f.days_overdue <= 30 THEN 1 WHEN f.days_overdue <= 90 THEN 2 ELSE 3
          END AS age
        FROM patch_findings AS f
        INNER JOIN device_identity AS d ON d.device_id = f.device_id AND d.population = 'eligible'
        WHERE f.state = 'overdue'
    """
    cells = snapshot.all(
        OverdueCell, f"SELECT age, severity, count(*) AS findings FROM ({overdue}) GROUP BY ALL ORDER BY ALL"
    )
    counted = snapshot.all(
        DevicesOfAge, f"SELECT age, count(DISTINCT device_id) AS devices FROM ({overdue}) GROUP BY age"
    )
    devices = {row.age: row.devices for row in counted}
    return Overdue(tuple(cells), tuple(devices.get(age, 0) for age in range(len(AGES))))


def devices_to_begin_with(snapshot: DaySnapshot) -> Listing[OverdueDevice]:
    """Noncompliant devices: most critical findings overdue first."""
    asked = "p.population = 'eligible' AND p.verdict = 'noncompliant'"
    order = "p.overdue_critical DESC, p.overdue_findings DESC, p.oldest_overdue_days DESC, p.device_id"
    devices = snapshot.all(
        OverdueDevice,
        f"""
        SELECT d.device_name, d.rbac_group_name AS group_name, d.os_platform, p.overdue_findings, p.overdue_critical,
          p.kev_findings, p.oldest_overdue_days
        FROM patch_compliance AS p
        INNER JOIN device_identity AS d ON d.device_id = p.device_id
        WHERE {asked} ORDER BY {order} LIMIT {DEVICES}
        """,
    )
    total = snapshot.value(f"SELECT count(*) FROM patch_compliance AS p WHERE {asked}")
    sql = (
        f"SELECT p.* FROM patch_compliance_history AS p WHERE p.snapshot_date = '{snapshot.day}' AND {asked} "
        f"ORDER BY {order}"
    )
    return Listing(devices, int(str(total)), sql)
