"""Findings with their due dates, and the verdict per device."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from ..tenant import Row

DAYS = {"critical": 15, "high": 30, "medium": 90, "low": 180}
KEY = ("device_id", "software_vendor", "software_name", "software_version", "cve_id")


GRACE = timedelta(days=3)
"""A date of the KEV catalogue does not count before this long after first sight."""

MITIGATED = ("mitigated", "applied", "workaround applied", "workaroundapplied")
BANDS = ((9, "critical"), (7, "high"), (4, "medium"))


def _word(text: str | None) -> str:
    return (text or "").strip().lower()


def _rating(finding: Row, cve: Row) -> tuple[str | None, str | None]:
    """What rates the finding, and where that comes from: its own level, its CVE's, the band of the score."""
    for source, level in (
        ("finding", finding["vulnerability_severity_level"]),
        ("cve", cve.get("severity")),
    ):
        if _word(level) in DAYS:
            return _word(level), source
    score = finding["cvss_score"] or cve.get("cvss_v3") or 0
    band = next((level for least, level in BANDS if score >= least), "low" if score > 0 else None)
    return band, band and "cvss"


def _fix(same: list[Row], cve: Row, as_of: datetime) -> bool | None:
    """The service's word, the update it names, the CVE's patch; None where nobody says."""
    words = [
        row["security_update_available"]
        if row["security_update_available"] is not None
        else bool(row.get("recommended_security_update_id") or row.get("recommended_security_update")) or None
        for row in same
    ]
    if any(words):
        return True
    if None not in words:
        return False
    patched = cve.get("patch_first_available")
    return True if patched and patched <= as_of else None


def _acceptance(same: list[Row], cve: Row) -> str | None:
    if _word(cve.get("status")) == "underexception":
        return "CVE exception"
    return "mitigation" if all(_word(row.get("cve_mitigation_status")) in MITIGATED for row in same) else None


def patch_findings(rows: dict[str, list[Row]], as_of: datetime) -> dict[tuple[Any, ...], Row]:
    kev = {entry["cve_id"]: entry for entry in rows.get("kev", [])}
    is_current = any(entry["observed_at"] >= as_of - timedelta(days=14) for entry in kev.values())
    known = {entry["id"]: entry for entry in rows.get("vulnerabilities", [])}
    grouped: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows["software_vulnerabilities"]:
        if row["cve_id"]:
            grouped[tuple(row[column] for column in KEY)].append(row)
    return {
        key: dict(zip(KEY, key, strict=True)) | _finding(same, known.get(key[-1], {}), kev, is_current, as_of)
        for key, same in grouped.items()
    }


def _finding(same: list[Row], cve: Row, kev: dict[str, Row], is_current: bool, as_of: datetime) -> Row:
    in_kev = True if same[0]["cve_id"] in kev else False if is_current else None
    sights = [row["first_seen_timestamp"] for row in same if row["first_seen_timestamp"]]
    first_seen = min(sights, default=None)
    starts = ((first_seen, "first_seen"), (cve.get("published_on"), "published"))
    starts += ((cve.get("patch_first_available"), "patch_available"),)
    start, source = next(((start, source) for start, source in starts if start), (None, None))
    level, rated_by = _rating(same[0], cve)
    fix, accepted_by = _fix(same, cve, as_of), _acceptance(same, cve)
    due = start + timedelta(days=DAYS[level]) if start and level else None
    said = [f"severity {level}" if level else "no rule"]
    remarks = [{"cve": "severity of the CVE", "cvss": "severity by CVSS"}.get(rated_by or "")]
    if entry := kev.get(same[0]["cve_id"]):
        catalogue = entry["due_date"].replace(hour=23, minute=59, second=59, microsecond=999_999)
        earliest = max(catalogue, first_seen + GRACE) if first_seen else catalogue
        if due is None or earliest < due:
            due, said = earliest, ["KEV catalogue"]
            remarks = ["not before first seen plus 3 days" if earliest > catalogue else None]
    missing = [
        None if level else "severity",
        None if start or not level else "start date",
        None if in_kev is not None or (first_seen and as_of <= first_seen + GRACE) else "KEV catalogue",
    ]
    undecided = False
    if accepted_by:
        state, said, remarks = "accepted", [f"{accepted_by} in Defender"], []
    elif fix is False:
        state, said, remarks = "no_fix", ["no security update"], []
    else:
        if due is None:
            state = "no_due_date"
        elif as_of > due:
            state = "overdue"
        else:
            state = "due_soon" if due - as_of <= timedelta(days=7) else "on_time"
        undecided = state != "overdue" and any(missing)
        if _word(cve.get("status")) == "partialexception":
            remarks.append("partial exception in Defender, device groups not known")
    assumed = [None if in_kev is not None else "in_kev", "fix" if fix is None and state != "accepted" else None]
    if any(assumed):
        remarks.append("assumed " + ", ".join(filter(None, assumed)))
    if undecided:
        remarks.append("undecided without " + ", ".join(filter(None, missing)))
    return {
        "severity": same[0]["vulnerability_severity_level"],
        "rated_severity": level,
        "severity_source": rated_by,
        "cvss_score": same[0]["cvss_score"],
        "exploitability_level": same[0]["exploitability_level"],
        "in_kev": in_kev,
        "epss": cve.get("epss"),
        "fix_available": fix,
        "fix_id": same[0]["recommended_security_update_id"],
        "accepted_by": accepted_by,
        "first_seen_at": first_seen,
        "last_seen_at": max(row["last_seen_timestamp"] for row in same),
        "clock_start_at": start,
        "clock_source": source,
        "due_at": due,
        "state": state,
        "undecided": undecided,
        "days_overdue": (as_of - due).days if state == "overdue" and due else None,
        "decided_by": "; ".join(filter(None, [*said, *remarks])),
        "as_of": as_of,
    }


def unsupported(rows: dict[str, list[Row]], device: str, as_of: datetime) -> int | None:
    """Products of the device of which a version is past its end of support; None without a row of the inventory."""
    own = [row for row in rows["software_inventory"] if row["device_id"] == device]
    return (
        len({(row.get("software_vendor"), row.get("software_name")) for row in own if has_ended(row, as_of)})
        if own
        else None
    )


def has_ended(row: Row, as_of: datetime) -> bool:
    """By the date, which means the end of its day; else by the words."""
    date = row.get("end_of_support_date")
    if date and as_of >= date.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1):
        return True
    return (row.get("end_of_support_status") or "") in ("EOS Version", "EOS Software")


def patch_compliance(
    rows: dict[str, list[Row]],
    identity: dict[str, Row],
    findings: dict[tuple[Any, ...], Row],
    as_of: datetime,
    *,
    unsupported_fails: bool = False,
) -> dict[str, Row]:
    """``unsupported_fails``: the policy says that unsupported software makes a device noncompliant."""
    result = {}
    for device, record in identity.items():
        own = [finding for finding in findings.values() if finding["device_id"] == device]
        overdue = [finding for finding in own if finding["state"] == "overdue"]
        undecided = [finding for finding in own if finding["undecided"]]
        coming = [finding["due_at"] for finding in own if finding["state"] in ("on_time", "due_soon")]
        ended = unsupported(rows, device, as_of)
        failing = {"overdue_findings": bool(overdue), "unsupported_software": unsupported_fails and bool(ended)}
        open_questions = {
            "undecided_findings": bool(undecided),
            "inventory_unknown": unsupported_fails and ended is None,
        }
        if record["population"] != "eligible":
            verdict, reasons = "unknown", [f"population_{record['population']}"]
        else:
            verdict = "noncompliant" if any(failing.values()) else "compliant"
            if verdict == "compliant" and any(open_questions.values()):
                verdict = "unknown"
            reasons = sorted(reason for reason, holds in (failing | open_questions).items() if holds)
        kev = None if any(finding["in_kev"] is None for finding in own) else sum(bool(f["in_kev"]) for f in own)
        result[device] = {
            "device_id": device,
            "population": record["population"],
            "verdict": verdict,
            "reasons": reasons,
            "open_findings": len(own),
            "overdue_findings": len(overdue),
            "overdue_critical": sum(finding["rated_severity"] == "critical" for finding in overdue),
            "overdue_high": sum(finding["rated_severity"] == "high" for finding in overdue),
            "due_soon_findings": sum(finding["state"] == "due_soon" for finding in own),
            "exempt_findings": 0,
            "accepted_findings": sum(finding["state"] == "accepted" for finding in own),
            "undecided_findings": len(undecided),
            "kev_findings": kev,
            "unsupported_software": ended,
            "exempt_unsupported_software": None if ended is None else 0,
            "oldest_overdue_days": max((finding["days_overdue"] for finding in overdue), default=None),
            "next_due_at": min(coming, default=None),
            "policy": "default",
            "as_of": as_of,
            "absent_inputs": None,
        }
    return result
