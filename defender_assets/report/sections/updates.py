"""What is to be done: open findings, grouped by the update that closes them.

Here: one row for each update or product, over eligible devices. Not here: single findings (``findings.csv``, which
``csv_files.py`` writes), what an update is (``compliance/tables/missing_updates.sql``).
"""

from dataclasses import dataclass
from datetime import datetime

from ..snapshot import DaySnapshot
from .excerpt import Excerpt

_NAMED_PRODUCTS = 3


@dataclass(frozen=True)
class UpdateToInstall:
    """Something to install, and what it closes on eligible devices. ``kind`` is update (named by an id), named (by a
    name alone), product (a newer version of it) or none (there is no update yet). ``kev_findings`` is None where the
    KEV catalogue was absent or too old."""

    kind: str
    update_id: str | None
    vendor: str | None
    product: str | None
    update_name: str | None
    products: list[str] | None
    recommendation: str | None
    recommended_version: str | None
    devices: int
    overdue_devices: int
    findings: int
    overdue_findings: int
    overdue_critical: int
    kev_findings: int | None
    severity: str | None
    days_overdue: int | None
    due_at: datetime | None

    @property
    def reference(self) -> str | None:
        """The id by which the update's publisher knows it; of Microsoft's the service sends the digits alone."""
        if self.kind != "update" or not self.update_id:
            return None
        return f"KB{self.update_id}" if self.update_id.isascii() and self.update_id.isdigit() else self.update_id

    @property
    def title(self) -> str:
        """What to do, in words."""
        product = " ".join(name for name in (self.vendor, self.product) if name) or "a product without a name"
        match self.kind:
            case "update":
                name = self.update_name or ""
                return f"Install {self.reference}" + ("" if name in ("", self.update_id) else f" ({name})")
            case "named":
                return f"Install {self.update_name}"
            case "none":
                return f"No update yet: mitigate, or remove {product}"
            case _:
                version = f" to version {self.recommended_version}" if self.recommended_version else ""
                return self.recommendation or f"Update {product}{version}"

    @property
    def closes_in(self) -> list[str]:
        """The products whose findings it closes; the first of many."""
        if self.products is not None:
            rest = len(self.products) - _NAMED_PRODUCTS
            return [*self.products[:_NAMED_PRODUCTS], *([f"{rest} more"] if rest > 0 else [])]
        return [" ".join(name for name in (self.vendor, self.product) if name)]


def updates_to_install(snapshot: DaySnapshot) -> Excerpt[UpdateToInstall] | None:
    """Those that close the most overdue findings first. None where the findings are absent."""
    if not snapshot.has("device_identity", "patch_findings"):
        return None
    return Excerpt(*snapshot.first(UpdateToInstall, "updates_to_install"), _question(snapshot))


def _question(snapshot: DaySnapshot) -> str:
    """The list's numbers as a query of the lake: the same updates and products, as the section's own SQL finds them."""
    name, named = "CAST(NULL AS VARCHAR)", ""
    if (day := snapshot.days.get("software_vulnerabilities")) is not None:
        name = "n.name"
        named = f"""
            LEFT JOIN (
                SELECT software_vendor, software_name, software_version, cve_id,
                max(recommended_security_update) AS name
                FROM software_vulnerabilities_history
                WHERE snapshot_date = '{day}' AND recommended_security_update <> ''
                AND coalesce(recommended_security_update_id, '') = '' AND cve_id <> ''
                GROUP BY ALL
            ) AS n USING (software_vendor, software_name, software_version, cve_id)
        """
    return f"""
        SELECT coalesce(nullif(f.fix_id, ''), {name}, concat_ws(' ', f.software_vendor, f.software_name)) AS to_install,
        CASE
            WHEN f.fix_id <> '' THEN 'update' WHEN {name} IS NOT NULL THEN 'named'
            WHEN NOT f.fix_available THEN 'none' ELSE 'product'
        END AS kind,
        count(*) FILTER (WHERE f.state = 'overdue') AS overdue_findings,
        count(*) AS findings,
        count(DISTINCT f.device_id) FILTER (WHERE f.state = 'overdue') AS overdue_devices,
        count(DISTINCT f.device_id) AS devices
        FROM patch_findings_history AS f
        JOIN device_identity_history AS d ON d.device_id = f.device_id AND d.snapshot_date = f.snapshot_date
        {named}
        WHERE f.snapshot_date = '{snapshot.day}' AND d.population = 'eligible'
        AND f.state IN ('overdue', 'due_soon', 'on_time', 'no_due_date')
        GROUP BY ALL
        ORDER BY overdue_findings DESC, overdue_devices DESC, findings DESC, kind, to_install
    """
