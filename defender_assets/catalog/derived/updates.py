"""Security updates that devices lack: what would have to be installed where, and what of it is overdue.

Here: the declaration. Not here: single findings and their due dates (``patches.py``).
"""

from ..column import flag, real, text, time, whole
from ..table import Group
from .identity import AS_OF, PLATFORM_FAMILY
from .table import DerivedTable, Headline

URGENCY = ("overdue", "due_soon", "on_time", "no_due_date", "no_fix", "accepted", "exempt")
"""The states of findings, the most urgent first."""

MISSING_UPDATES = DerivedTable(
    name="missing_updates",
    title="Missing updates",
    description="One row per device and security update that an open finding there names: what the update would fix, "
    "in which products, and whether the policy's date has passed. The findings of a row are those of patch_findings "
    "with the same device_id and fix_id. A finding that names no update (other vendors' products seldom do) is in no "
    "row; the check missing_updates_cover_findings counts these.",
    group=Group.COMPLIANCE,
    inputs=("device_identity", "patch_findings", "software_vulnerabilities"),
    key=("device_id", "update_id"),
    columns=(
        text("device_id", "The device (device_identity.device_id).", sampled=True),
        text("device_name", "Name as reported; null where the list of machines lacks the device."),
        PLATFORM_FAMILY,
        text(
            "population",
            "Population of the record (device_identity); null where the list of machines lacks it.",
            sampled=True,
        ),
        text(
            "update_id",
            "Id of the recommended security update, as sent: the digits of a KB, RHSA-…, USN-…",
            sampled=True,
        ),
        text("update_name", "Name of the update, where a finding tells it."),
        text("update_url", "Where to get it, where a finding tells it."),
        text(
            "update_products", "Vendors and names of the products for which findings name it, on any device.", many=True
        ),
        text(
            "state",
            f"The most urgent state of its findings: the first that one of them has of {', '.join(URGENCY)}.",
            sampled=True,
        ),
        flag("undecided", "No finding of it is overdue, and one might be if more were known."),
        text(
            "severity",
            "The worst rated_severity of its findings, in lower case; null where nothing rates one.",
            sampled=True,
        ),
        real("worst_cvss", "Highest CVSS score of its findings."),
        whole("products", "Products on the device that it would fix."),
        whole("cves", "Distinct CVEs that it would fix on the device."),
        whole("critical_cves", "Of these, rated critical."),
        whole("kev_cves", "Of these, in the KEV catalogue; null when the catalogue is absent or too old."),
        whole("open_findings", "Open findings that name it, exempt and accepted ones included."),
        whole("overdue_findings", "Of these, overdue."),
        whole("exempt_findings", "Of these, covered by an exemption of the policy."),
        whole("accepted_findings", "Of these, accepted in Defender."),
        time("first_seen_at", "When the first of its findings was first seen on the device."),
        time("due_at", "Earliest due date of its findings that are overdue, due soon or on time."),
        whole("days_overdue", "Whole days by which the longest overdue of them is past due; null unless overdue."),
        AS_OF,
    ),
    headlines=(
        Headline("missing", "Updates that eligible devices lack, counted once for each device."),
        Headline("overdue", "Of these, with an overdue finding.", "missing"),
        Headline("undecided", "Of these, not overdue, and might be if more were known.", "missing"),
        Headline("updates", "Distinct updates among them."),
        Headline("devices", "Eligible devices that lack an update."),
        Headline("devices_overdue", "Of these, with an overdue one.", "devices"),
        Headline("other_missing", "Updates that records lack which are not eligible, or that no list of machines has."),
    ),
)
