"""What devices lack, and what they run: missing updates and versions of software."""

from datetime import datetime, timedelta
from typing import Any

from ..tenant import Row
from .patches import has_ended

URGENCY = ("overdue", "due_soon", "on_time", "no_due_date", "no_fix", "accepted", "exempt")
LEVELS = ("critical", "high", "medium", "low")
ENDS_SOON = timedelta(days=180)


def _all_known(values: list[bool | None]) -> int | None:
    return None if None in values else sum(map(bool, values))


def missing_updates(
    rows: dict[str, list[Row]], identity: dict[str, Row], findings: dict[tuple[Any, ...], Row], as_of: datetime
) -> dict[tuple[str, str], Row]:
    result = {}
    for device, update in {(finding["device_id"], finding["fix_id"]) for finding in findings.values()}:
        if not update:
            continue
        own = [f for f in findings.values() if (f["device_id"], f["fix_id"]) == (device, update)]
        of_update = {(f["software_vendor"], f["software_name"]) for f in findings.values() if f["fix_id"] == update}
        record = identity.get(device, {})
        named = [row for row in rows["software_vulnerabilities"] if row.get("recommended_security_update_id") == update]
        names = [row["recommended_security_update"] for row in named if row.get("recommended_security_update")]
        cves = {finding["cve_id"]: finding for finding in own}
        dated = [f["due_at"] for f in own if f["state"] in URGENCY[:3]]
        products = {(f["software_vendor"], f["software_name"]) for f in own}
        overdue = [f for f in own if f["state"] == "overdue"]
        scores = [f["cvss_score"] for f in own if f["cvss_score"] is not None]
        sights = [f["first_seen_at"] for f in own if f["first_seen_at"]]
        result[device, update] = {
            "device_id": device,
            "device_name": record.get("device_name"),
            "platform_family": record.get("platform_family"),
            "population": record.get("population"),
            "update_id": update,
            "update_name": max(names, default=None),
            "update_url": None,
            "update_products": sorted(" ".join(filter(None, product)) for product in of_update),
            "state": next(state for state in URGENCY if any(f["state"] == state for f in own)),
            "undecided": not overdue and any(f["undecided"] for f in own),
            "severity": next((level for level in LEVELS if any(f["rated_severity"] == level for f in own)), None),
            "worst_cvss": max(scores, default=None),
            "products": len(products),
            "cves": len(cves),
            "critical_cves": len({f["cve_id"] for f in own if f["rated_severity"] == "critical"}),
            "kev_cves": _all_known([finding["in_kev"] for finding in cves.values()]),
            "open_findings": len(own),
            "overdue_findings": len(overdue),
            "exempt_findings": 0,
            "accepted_findings": sum(f["state"] == "accepted" for f in own),
            "first_seen_at": min(sights, default=None),
            "due_at": min(dated, default=None),
            "days_overdue": max((f["days_overdue"] for f in overdue), default=None),
            "as_of": as_of,
        }
    return result


def _support(row: Row, as_of: datetime) -> str | None:
    """What is left of the support of what is installed; None where nothing is told."""
    date, word = row.get("end_of_support_date"), (row.get("end_of_support_status") or "").strip().lower()
    if has_ended(row, as_of):
        return "ended"
    if date:
        return "ends_soon" if date <= as_of + ENDS_SOON else "supported_until"
    if word in ("", "none"):
        return None
    return "ends_soon" if word.startswith("upcoming") else "unknown"


def software_versions(
    rows: dict[str, list[Row]], identity: dict[str, Row], as_of: datetime
) -> dict[tuple[Any, ...], Row]:
    eligible = {device for device, record in identity.items() if record["population"] == "eligible"}
    installed = [row for row in rows["software_inventory"] if row["device_id"] in identity]

    def key(row: Row) -> tuple[Any, ...]:
        return row.get("software_vendor"), row.get("software_name"), row.get("software_version")

    result = {}
    for vendor, name, version in {key(row) for row in installed}:
        same = [row for row in installed if key(row) == (vendor, name, version)]
        devices = {row["device_id"] for row in same}
        of_product = {row["device_id"] for row in installed if key(row)[:2] == (vendor, name)} & eligible
        told = [row["number_of_weaknesses"] for row in same if row.get("number_of_weaknesses") is not None]
        sights = [row["software_first_seen_timestamp"] for row in same if row.get("software_first_seen_timestamp")]
        support = [_support(row, as_of) for row in same]
        dates = [row["end_of_support_date"] for row in same if row.get("end_of_support_date")]
        result[vendor, name, version] = {
            "software_vendor": vendor,
            "software_name": name,
            "software_version": version,
            "devices": len(devices & eligible),
            "product_devices": len(of_product),
            "eligible_devices": len(eligible),
            "product_pct": 100 * len(devices & eligible) / len(of_product) if of_product else None,
            "fleet_pct": 100 * len(devices & eligible) / len(eligible) if eligible else None,
            "other_devices": len(devices - eligible),
            "weaknesses": max(told, default=None),
            "support": next((s for s in ("ended", "ends_soon", "unknown", "supported_until") if s in support), None),
            "end_of_support_date": min(dates, default=None),
            "first_seen_at": min(sights, default=None),
            "as_of": as_of,
        }
    return result
