"""The products that expose the fleet most, and CVEs that CISA knows to be exploited.

Here: counts over eligible devices. Not here: compliance by group and platform (``patching.py``).
"""

from dataclasses import dataclass
from datetime import datetime

from ..snapshot import DaySnapshot
from .excerpt import Excerpt


@dataclass(frozen=True)
class ExposedProduct:
    """A product with open findings; ``devices`` is how many eligible devices have it."""

    software_vendor: str | None
    software_name: str | None
    devices: int
    exposed_devices: int
    overdue_devices: int
    cves: int
    critical_cves: int
    kev_cves: int | None
    exploited_cves: int
    worst_cvss: float | None
    open_findings: int
    overdue_findings: int
    end_of_support_devices: int


@dataclass(frozen=True)
class KnownExploitedCve:
    """A CVE of the KEV catalogue on eligible devices. ``due_date`` is the catalogue's, ``earliest_due_at`` the earliest
    that the policy gives a finding that counts."""

    cve_id: str
    vulnerability_name: str | None
    products: list[str]
    devices: int
    findings: int
    overdue_findings: int
    overdue_devices: int
    due_date: datetime | None
    earliest_due_at: datetime | None
    is_ransomware: bool | None


def top_products(snapshot: DaySnapshot) -> Excerpt[ExposedProduct]:
    """Products with an open finding: most overdue findings first, then most exposed devices."""
    sql = (
        f"SELECT * FROM software_exposure_history WHERE snapshot_date = '{snapshot.day}' AND exposed_devices > 0 "
        "ORDER BY overdue_findings DESC, exposed_devices DESC, cves DESC, software_vendor, software_name"
    )
    return Excerpt(*snapshot.first(ExposedProduct, "exposed_products"), sql)


def known_exploited(snapshot: DaySnapshot) -> Excerpt[KnownExploitedCve]:
    """CVEs of the KEV catalogue: most devices overdue first."""
    sql = f"""
        SELECT f.cve_id, count(DISTINCT f.device_id) AS devices, count(*) FILTER (WHERE f.state = 'overdue') AS overdue
        FROM patch_findings_history AS f JOIN device_identity_history AS d
        ON d.device_id = f.device_id AND d.snapshot_date = f.snapshot_date
        WHERE f.snapshot_date = '{snapshot.day}' AND f.in_kev AND d.population = 'eligible' GROUP BY 1 ORDER BY 3 DESC
    """
    return Excerpt(*snapshot.first(KnownExploitedCve, "known_exploited_cves"), sql)
