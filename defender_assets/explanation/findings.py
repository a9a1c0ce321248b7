"""The sentences of one finding: severity, clock, due date, state, exemption.

Here: from a row of ``patch_findings`` to sentences. Not here: deciding any of it (``compliance/tables``).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from ..compliance.policy.model import Exemption
from ..quantity import quantity
from .model import FindingExplanation

_SEVERITY_SOURCES = {
    "finding": "as Defender rates the finding",
    "cve": "as Defender rates the CVE, because the finding itself is not rated",
    "cvss": "by the CVSS score, because Defender rates neither the finding nor the CVE",
}
_CLOCKS = {
    "first_seen": "when the CVE was first seen on the device",
    "published": "when the CVE was published",
    "patch_available": "when its patch was first available",
    "kev_added": "when CISA added the CVE to its catalogue of known exploited vulnerabilities",
}


def finding_explained(
    row: Mapping[str, Any], exemptions: Mapping[str, Exemption], kev_due: datetime | None
) -> FindingExplanation:
    """The finding in sentences. ``exemptions`` are those of the policy that judged, by id, as far as they are known;
    ``kev_due`` is the date of the KEV catalogue."""
    return FindingExplanation(
        cve_id=row["cve_id"],
        software_vendor=row["software_vendor"],
        software_name=row["software_name"],
        software_version=row["software_version"],
        state=row["state"],
        due_at=row["due_at"],
        days_overdue=row["days_overdue"],
        decided_by=row["decided_by"],
        sentences=(
            *_severity(row),
            *_exploited(row, kev_due),
            *_fix(row),
            *_due(row),
            *_state(row, exemptions),
            *_assumed(row),
        ),
    )


def _severity(row: Mapping[str, Any]) -> Iterator[str]:
    rated = row.get("rated_severity") or row["severity"]
    score = "" if row["cvss_score"] is None else f" (CVSS {row['cvss_score']:g})"
    if not rated:
        yield f"Nothing rates it: neither the finding nor the CVE has a severity{score or ' or a CVSS score'}."
        return
    source = _SEVERITY_SOURCES.get(row.get("severity_source") or "finding", _SEVERITY_SOURCES["finding"])
    yield f"Severity {rated.lower()}{score}, {source}."


def _exploited(row: Mapping[str, Any], kev_due: datetime | None) -> Iterator[str]:
    if row["in_kev"] is None:
        yield "Whether CISA knows it to be exploited is not known: the KEV catalogue was absent or too old."
    elif row["in_kev"]:
        due = f"; the catalogue's due date is {kev_due:%Y-%m-%d}" if kev_due else ""
        yield f"CISA knows it to be exploited (KEV catalogue){due}."


def _fix(row: Mapping[str, Any]) -> Iterator[str]:
    update = f" ({row['fix_id']})" if row["fix_id"] else ""
    if row["fix_available"] is None:
        yield "Whether there is a security update is not known."
    elif row["fix_available"]:
        yield f"A security update is available{update}."
    else:
        yield "There is no security update."


def _due(row: Mapping[str, Any]) -> Iterator[str]:
    start, due = row["clock_start_at"], row["due_at"]
    if start is None:
        yield "No date is known from which its time could count."
    else:
        clock = _CLOCKS.get(row["clock_source"], "as the policy says")
        yield f"Its time counts from {start:%Y-%m-%d %H:%M} UTC, {clock}."
    if due is None:
        yield "The policy gives no due date."
        return
    rule = row["decided_by"].split("; ")[0]
    # What makes it not count stands in decided_by in the place of the rule.
    if row["state"] in ("exempt", "accepted", "no_fix"):
        yield f"It would be due on {due:%Y-%m-%d %H:%M} UTC."
    else:
        # The KEV catalogue and a grace after first sight give a date, not a number of days from the clock's start.
        is_counted = start is not None and rule != "KEV catalogue" and "; not before " not in row["decided_by"]
        days = f"{quantity((due - start) // timedelta(days=1), 'day')}, " if is_counted else ""
        yield f"Due on {due:%Y-%m-%d %H:%M} UTC ({days}{row['decided_by']})."


def _state(row: Mapping[str, Any], exemptions: Mapping[str, Exemption]) -> Iterator[str]:
    judged = f"{row['as_of']:%Y-%m-%d %H:%M} UTC"
    match row["state"]:
        case "exempt":
            yield from _exempt(row["decided_by"], exemptions)
        case "accepted":
            by = row.get("accepted_by") or "an exception there covers it"
            yield f"Accepted in Defender ({by}): it cannot be overdue."
        case "no_fix":
            yield "Without a security update it does not count (policy: patch.no_fix)."
        case "no_due_date":
            yield "Without a due date it cannot be overdue."
        case "overdue":
            by = quantity(row["days_overdue"], "day") if row["days_overdue"] else "less than a day"
            yield f"At {judged} it was overdue by {by}."
        case "due_soon":
            yield f"At {judged} it was not overdue, but due soon."
        case "on_time":
            yield f"At {judged} it was on time."
    if row["state"] != "accepted" and row.get("accepted_by"):
        yield f"Accepted in Defender ({row['accepted_by']}), which does not decide here."
    if row.get("undecided"):
        missing = row["decided_by"].partition("undecided without ")[2].partition(";")[0]
        yield f"It might be overdue if more were known ({missing}), so the device cannot be called compliant."


def _exempt(decided_by: str, exemptions: Mapping[str, Exemption]) -> Iterator[str]:
    name = decided_by.removeprefix("exemption ").split("; ")[0]
    exemption = exemptions.get(name)
    if exemption is None:
        yield f"Exempt by the policy: exemption {name}. The policy has changed since, so no more is told here."
        return
    owner = f"owner {exemption.owner}, " if exemption.owner else ""
    yield (
        f"Exempt by the policy until {exemption.expires}: exemption {name} ({exemption.reason}; {owner}approved by "
        f"{exemption.approved_by})."
    )


def _assumed(row: Mapping[str, Any]) -> Iterator[str]:
    for part in row["decided_by"].split("; "):
        if part.startswith("assumed "):
            yield f"Not known, so the policy's assumption decided: {part.removeprefix('assumed ')}."
