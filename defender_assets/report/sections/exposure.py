"""The products that expose most, and the findings that CISA knows to be exploited.

Here: counts over eligible devices. Not here: who has to patch what by when (``patching.py``).
"""

from dataclasses import dataclass
from datetime import datetime

from ..snapshot import DaySnapshot
from .listing import Listing

PRODUCTS, KNOWN_EXPLOITED = 15, 25


@dataclass(frozen=True)
class Product:
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
class KnownExploited:
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


def top_products(snapshot: DaySnapshot) -> Listing[Product]:
    """Products with an open finding: most overdue findings first, then most exposed devices."""
    order = "overdue_findings DESC, exposed_devices DESC, cves DESC, software_vendor, software_name"
    products = snapshot.all(
        Product, f"SELECT * FROM software_exposure WHERE exposed_devices > 0 ORDER BY {order} LIMIT {PRODUCTS}"
    )
    total = snapshot.value("SELECT count(*) FROM software_exposure WHERE exposed_devices > 0")
    sql = (
        f"SELECT * FROM software_exposure_history WHERE snapshot_date = '{snapshot.day}' AND exposed_devices > 0 "
        f"ORDER BY {order}"
    )
    return Listing(products, int(str(total)), sql)


def known_exploited(snapshot: DaySnapshot) -> Listing[KnownExploited]:
    """CVEs of the KEV catalogue: most devices overdue first."""
    found = snapshot.all(
        KnownExploited,
        f"""
        WITH found AS (
          SELECT
            f.cve_id,
            list_sort(list(DISTINCT f.software_name))[:4] AS products,
            count(DISTINCT f.device_id) AS devices,
            count(*) AS findings,
            count(*) FILTER (WHERE f.state = 'overdue') AS overdue_findings,
            count(DISTINCT f.device_id) FILTER (WHERE f.state = 'overdue') AS overdue_devices,
            min(f.due_at) FILTER (WHERE f.state IN ('overdue', 'due_soon', 'on_time')) AS earliest_due_at
          FROM patch_findings AS f
          INNER JOIN device_identity AS d ON d.device_id = f.device_id AND d.population = 'eligible'
          WHERE f.in_kev
          GROUP BY f.cve_id
        ),
        catalogue AS (
          SELECT
            cve_id,
            max(vulnerability_name) AS vulnerability_name,
            min(due_date) AS due_date,
            bool_or(lower(known_ransomware_campaign_use) = 'known') AS is_ransomware
          FROM kev
          GROUP BY cve_id
        )
        SELECT f.*, k.vulnerability_name, k.due_date, k.is_ransomware
        FROM found AS f
        LEFT JOIN catalogue AS k ON k.cve_id = f.cve_id
        ORDER BY f.overdue_devices DESC, k.due_date, f.devices DESC, f.cve_id
        LIMIT {KNOWN_EXPLOITED}
        """,
    )
    total = snapshot.value(
        "SELECT count(DISTINCT f.cve_id) FROM patch_findings AS f INNER JOIN device_identity AS d "
        "ON d.device_id = f.device_id AND d.population = 'eligible' WHERE f.in_kev"
    )
    sql = f"""
        SELECT f.cve_id, count(DISTINCT f.device_id) AS devices, count(*) FILTER (WHERE f.state = 'overdue') AS overdue
        FROM patch_findings_history AS f JOIN device_identity_history AS d
        ON d.device_id = f.device_id AND d.snapshot_date = f.snapshot_date
        WHERE f.snapshot_date = '{snapshot.day}' AND f.in_kev AND d.population = 'eligible' GROUP BY 1 ORDER BY 3 DESC
    """
    return Listing(found, int(str(total)), sql)
