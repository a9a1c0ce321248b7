"""Patch compliance by device group and platform, findings overdue by age, and the devices to patch first.

Here: counts over eligible devices. Not here: products and the KEV catalogue (``exposure.py``).
"""

from dataclasses import dataclass

from ..formatting import share
from ..snapshot import DaySnapshot
from .excerpt import Excerpt

SEVERITIES = ("critical", "high", "medium", "low", "other")
AGES = ("0–7 days", "8–30 days", "31–90 days", "over 90 days")


@dataclass(frozen=True)
class PatchCompliance:
    """Devices of a group or platform. ``compliant``, ``noncompliant`` and ``unknown`` add up to ``eligible``."""

    name: str | None
    eligible: int
    compliant: int
    noncompliant: int
    unknown: int
    overdue_findings: int
    overdue_critical: int
    kev_devices: int | None
    left_out: int

    @property
    def pct(self) -> float | None:
        return share(self.compliant, self.eligible)


@dataclass(frozen=True)
class OverdueDevice:
    """A device and what is overdue on it."""

    device_id: str
    device_name: str | None
    group_name: str | None
    os_platform: str | None
    overdue_findings: int
    overdue_critical: int
    kev_findings: int | None
    oldest_overdue_days: int | None


@dataclass(frozen=True)
class OverdueCount:
    """Overdue findings of one age (index into AGES) and severity, and the devices that have them. ``severity`` None is
    the total of the age; its devices are no sum, because a device may have findings of several severities."""

    age: int
    severity: str | None
    findings: int
    devices: int


@dataclass(frozen=True)
class OverdueFindings:
    """Overdue findings by age and severity."""

    counts: tuple[OverdueCount, ...]

    def at(self, age: int, severity: str) -> int:
        return sum(count.findings for count in self.counts if count.age == age and count.severity == severity)

    def of_age(self, age: int) -> int:
        return sum(count.findings for count in self.counts if count.age == age and count.severity is None)

    def devices_of_age(self, age: int) -> int:
        """Devices with a finding overdue by that age; a device may be at several ages."""
        return sum(count.devices for count in self.counts if count.age == age and count.severity is None)

    def of_severity(self, severity: str) -> int:
        return sum(count.findings for count in self.counts if count.severity == severity)

    @property
    def total(self) -> int:
        return sum(count.findings for count in self.counts if count.severity is None)


def by_group(snapshot: DaySnapshot) -> Excerpt[PatchCompliance]:
    """Device groups, those with the most noncompliant devices first."""
    sql = f"""
        SELECT d.rbac_group_name, count(*) FILTER (WHERE d.population = 'eligible') AS eligible,
        count(*) FILTER (WHERE p.population = 'eligible' AND p.verdict = 'noncompliant') AS noncompliant
        FROM device_identity_history AS d
        JOIN patch_compliance_history AS p ON p.device_id = d.device_id AND p.snapshot_date = d.snapshot_date
        WHERE d.snapshot_date = '{snapshot.day}' GROUP BY 1 ORDER BY 3 DESC
    """
    return Excerpt(*snapshot.first(PatchCompliance, "patch_compliance_by_group"), sql)


def patch_compliance_by_platform(snapshot: DaySnapshot) -> list[PatchCompliance]:
    """Platform families, those with the most noncompliant devices first."""
    return snapshot.all(PatchCompliance, "patch_compliance_by_platform")


def overdue_by_age(snapshot: DaySnapshot) -> OverdueFindings:
    """Overdue findings on eligible devices by whole days past their due date."""
    return OverdueFindings(tuple(snapshot.all(OverdueCount, "overdue_findings_by_age")))


@dataclass(frozen=True)
class AcceptedFindings:
    """Whether the table with the CVEs under exception was absent, so that more findings may be accepted."""

    exceptions_absent: bool


def more_may_be_accepted(snapshot: DaySnapshot) -> bool:
    """Whether the number of accepted findings is only the least it can be."""
    return snapshot.has("patch_findings") and snapshot.one(AcceptedFindings, "accepted_in_part").exceptions_absent


def most_overdue_devices(snapshot: DaySnapshot) -> Excerpt[OverdueDevice]:
    """Devices with an overdue finding: most critical ones first."""
    sql = (
        f"SELECT p.* FROM patch_compliance_history AS p WHERE p.snapshot_date = '{snapshot.day}' "
        "AND p.population = 'eligible' AND p.overdue_findings > 0 "
        "ORDER BY p.overdue_critical DESC, p.overdue_findings DESC, p.oldest_overdue_days DESC, p.device_id"
    )
    return Excerpt(*snapshot.first(OverdueDevice, "devices_with_overdue_findings"), sql)
