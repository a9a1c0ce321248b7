"""Findings with their due dates, and the verdict per device."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from ..tenant import Row

DAYS = {"critical": 15, "high": 30, "medium": 90, "low": 180}
KEY = ("device_id", "software_vendor", "software_name", "software_version", "cve_id")


def patch_findings(rows: dict[str, list[Row]], as_of: datetime) -> dict[tuple[Any, ...], Row]:
    kev = {entry["cve_id"]: entry for entry in rows.get("kev", [])}
    known = {entry["id"]: entry for entry in rows.get("vulnerabilities", [])}
    grouped: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows["software_vulnerabilities"]:
        if row["cve_id"]:
            grouped[tuple(row[column] for column in KEY)].append(row)
    result = {}
    for key, same in grouped.items():
        cve = key[-1]
        first_seen = min((row["first_seen_timestamp"] for row in same if row["first_seen_timestamp"]), default=None)
        published = known.get(cve, {}).get("published_on")
        start, source = (first_seen, "first_seen") if first_seen else (published, "published" if published else None)
        severity = same[0]["vulnerability_severity_level"]
        allowed = DAYS.get((severity or "").lower())
        due = start + timedelta(days=allowed) if start and allowed else None
        decided_by = f"severity {severity.lower()}" if allowed else "no rule"
        if cve in kev:
            end_of_day = kev[cve]["due_date"].replace(hour=23, minute=59, second=59, microsecond=999_999)
            if due is None or end_of_day < due:
                due, decided_by = end_of_day, "KEV catalogue"
        fix = any(
            bool(row.get("recommended_security_update_id") or row.get("recommended_security_update"))
            if row["security_update_available"] is None
            else row["security_update_available"]
            for row in same
        )
        if not fix:
            state, decided_by = "no_fix", "no security update"
        elif due is None:
            state = "no_due_date"
        elif as_of > due:
            state = "overdue"
        elif due - as_of <= timedelta(days=7):
            state = "due_soon"
        else:
            state = "on_time"
        result[key] = {
            **dict(zip(KEY, key, strict=True)),
            "severity": severity,
            "cvss_score": same[0]["cvss_score"],
            "exploitability_level": same[0]["exploitability_level"],
            "in_kev": cve in kev if kev else None,
            "epss": known.get(cve, {}).get("epss"),
            "fix_available": fix,
            "fix_id": same[0]["recommended_security_update_id"],
            "first_seen_at": first_seen,
            "last_seen_at": max(row["last_seen_timestamp"] for row in same),
            "clock_start_at": start,
            "clock_source": source,
            "due_at": due,
            "state": state,
            "days_overdue": (as_of - due).days if state == "overdue" and due else None,
            "decided_by": decided_by,
            "as_of": as_of,
        }
    return result


def patch_compliance(identity: dict[str, Row], findings: dict[tuple[Any, ...], Row], as_of: datetime) -> dict[str, Row]:
    result = {}
    for device, record in identity.items():
        own = [finding for finding in findings.values() if finding["device_id"] == device]
        overdue = [finding for finding in own if finding["state"] == "overdue"]
        coming = [finding["due_at"] for finding in own if finding["state"] in ("on_time", "due_soon")]
        result[device] = {
            "device_id": device,
            "population": record["population"],
            "verdict": "unknown"
            if record["population"] != "eligible"
            else ("noncompliant" if overdue else "compliant"),
            "open_findings": len(own),
            "overdue_findings": len(overdue),
            "overdue_critical": sum((finding["severity"] or "").lower() == "critical" for finding in overdue),
            "overdue_high": sum((finding["severity"] or "").lower() == "high" for finding in overdue),
            "due_soon_findings": sum(finding["state"] == "due_soon" for finding in own),
            "exempt_findings": 0,
            "kev_findings": sum(finding["in_kev"] is True for finding in own),
            "oldest_overdue_days": max((finding["days_overdue"] for finding in overdue), default=None),
            "next_due_at": min(coming, default=None),
            "policy": "default",
            "as_of": as_of,
        }
    return result
