"""Patch compliance: findings with their due dates, the verdict per device, exposure per product, time to remediate."""

from ..column import flag, real, text, time, whole
from ..table import Group
from .identity import AS_OF, judged
from .table import DerivedTable, Headline

STATES = ("exempt", "no_fix", "no_due_date", "overdue", "due_soon", "on_time")
"""The states of a finding, in the order in which they are tried."""

_SOFTWARE = (text("software_vendor", "Vendor."), text("software_name", "Product name."))

PATCH_FINDINGS = DerivedTable(
    name="patch_findings",
    title="Patch findings",
    description="One row per open finding: a CVE in one version of one product on one device, with the date the policy "
    "gives it and whether that has passed. Rows repeated for several device groups are one.",
    group=Group.COMPLIANCE,
    inputs=("software_vulnerabilities", "device_identity"),
    optional_inputs=("vulnerabilities", "kev", "epss", "ssvc"),
    key=("device_id", "software_vendor", "software_name", "software_version", "cve_id"),
    columns=(
        text("device_id", "The device (device_identity.device_id)."),
        *_SOFTWARE,
        text("software_version", "Installed version."),
        text("cve_id", "The CVE."),
        text("severity", "The service's level as sent: Low, Medium, High, Critical."),
        real("cvss_score", "CVSS base score."),
        text("exploitability_level", "NoExploit, ExploitIsPublic, ExploitIsVerified or ExploitIsInKit."),
        flag("in_kev", "CISA knows it to be exploited; null when the catalogue is absent."),
        real("epss", "Probability of exploitation within 30 days: the service's, else FIRST's."),
        flag(
            "fix_available",
            "A security update is available. Where the service leaves that open (export files do), whether it names "
            "an update.",
        ),
        text("fix_id", "Id of the recommended security update."),
        time("first_seen_at", "When the CVE was first seen on the device (the earliest of repeated rows)."),
        time("last_seen_at", "When it was last seen there (the latest of repeated rows)."),
        time("clock_start_at", "The date the days count from."),
        text(
            "clock_source",
            "Which date that was: first_seen, published, patch_available or kev_added. It differs from what the policy "
            "asks for where that date is not known.",
        ),
        time("due_at", "When it is due; null where the policy gives no date. Known for exempt findings too."),
        text("state", "The first that holds of: exempt, no_fix, no_due_date, overdue, due_soon, on_time."),
        whole("days_overdue", "Whole days past due_at; null unless overdue."),
        text(
            "decided_by",
            "What decided the due date (a rule of the policy, the KEV catalogue, an exemption), the scope it came "
            "from, and which unknown inputs were assumed.",
        ),
        AS_OF,
    ),
    headlines=(
        Headline("open_findings", "Open findings, exempt ones included."),
        *(Headline(state, f"Findings whose state is {state}.", "open_findings") for state in STATES),
        Headline("cves", "Distinct CVEs."),
        Headline(
            "decided_by_assumption",
            "Findings decided although an input of the policy was unknown (decided_by says which).",
            "open_findings",
        ),
    ),
)

PATCH_COMPLIANCE = DerivedTable(
    name="patch_compliance",
    title="Patch compliance",
    description="One verdict per machine record: noncompliant with one or more overdue findings, compliant without, "
    "unknown where the record is not eligible.",
    group=Group.COMPLIANCE,
    inputs=("device_identity", "patch_findings"),
    key=("device_id",),
    columns=(
        text("device_id", "The device."),
        text("population", "Population of the record (device_identity)."),
        text("verdict", "compliant, noncompliant or unknown."),
        whole("open_findings", "Every finding, exempt ones included."),
        whole("overdue_findings", "Findings past their due date."),
        whole("overdue_critical", "Overdue findings of severity critical."),
        whole("overdue_high", "Overdue findings of severity high."),
        whole("due_soon_findings", "Findings due within the policy's due_soon_days."),
        whole("exempt_findings", "Findings covered by an exemption."),
        whole("kev_findings", "Findings known to be in the KEV catalogue (none when the catalogue is absent)."),
        whole("oldest_overdue_days", "Days past due of the finding longest overdue."),
        time("next_due_at", "Earliest due date among findings that are on time or due soon."),
        text("policy", "Name of the policy that judged."),
        AS_OF,
    ),
    headlines=judged("patch"),
)

SOFTWARE_EXPOSURE = DerivedTable(
    name="software_exposure",
    title="Software exposure",
    description="One row per vendor and product: how many eligible devices have it, how many of them are exposed by "
    "which CVEs, and what of it is overdue or out of support.",
    group=Group.COMPLIANCE,
    inputs=("device_identity", "patch_findings", "software_inventory"),
    key=("software_vendor", "software_name"),
    columns=(
        *_SOFTWARE,
        whole("devices", "Eligible devices that have it (installed, or with a finding in it)."),
        whole("eligible_devices", "All eligible devices: the denominator."),
        whole("other_devices", "Records that are not eligible and have it."),
        whole("versions", "Distinct versions on eligible devices."),
        whole("exposed_devices", "Eligible devices with an open finding in it."),
        whole("cves", "Distinct CVEs on eligible devices."),
        whole("critical_cves", "Of these, of severity critical."),
        whole("kev_cves", "Of these, in the KEV catalogue; null when the catalogue is absent."),
        whole("exploited_cves", "Of these, with a public, verified or kit exploit."),
        real("worst_cvss", "Highest CVSS score."),
        real("highest_epss", "Highest EPSS."),
        whole("open_findings", "Open findings on eligible devices."),
        whole("overdue_findings", "Of these, overdue."),
        whole("overdue_devices", "Eligible devices with an overdue finding in it."),
        whole("end_of_support_versions", "Distinct versions that are out of support."),
        whole("end_of_support_devices", "Eligible devices with such a version."),
        time("end_of_support_date", "Earliest end of support of an installed version."),
        AS_OF,
    ),
    headlines=(
        Headline("products", "Products on eligible devices."),
        Headline("exposed_products", "Products with an open finding.", "products"),
        Headline("overdue_products", "Products with an overdue finding.", "products"),
        Headline("end_of_support_products", "Products of which a version out of support is installed.", "products"),
    ),
)

REMEDIATION_TIMES = DerivedTable(
    name="remediation_times",
    title="Remediation times",
    description="Per severity, what became of findings in the days up to the snapshot (policy: window_days), and how "
    "long the true fixes took. A fix that is only a move between device groups, an upgrade that keeps the CVE, or a "
    "device that left is no fix.",
    group=Group.COMPLIANCE,
    inputs=("software_vulnerability_changes", "device_identity"),
    window_days=30,
    key=("severity",),
    columns=(
        text("severity", "The service's level as sent; 'all' for every level together."),
        whole("new", "Findings that are new (not the other half of a move or an upgrade)."),
        whole("fixed", "Findings that were fixed: the CVE left a device that is still there."),
        whole("vanished", "Findings told as fixed because their device left the fleet."),
        whole("moved", "Findings told as fixed and new because their device changed its group."),
        whole("upgraded", "Findings told as fixed and new because another version has the same CVE."),
        whole("updated", "Findings whose details changed."),
        whole("timed", "Fixed findings whose first sight is known: what mean and median are over."),
        real("mean_days", "Mean days from first sight to fix, at the feed's 6-hour grain."),
        real("median_days", "Median days from first sight to fix."),
        time("window_start_at", "Beginning of the first day looked at."),
        time("window_end_at", "End of the last day looked at."),
        AS_OF,
    ),
    headlines=tuple(
        Headline(name, description)
        for name, description in (
            ("new", "New findings."),
            ("fixed", "Findings that were fixed."),
            ("vanished", "Findings whose device left."),
            ("moved", "Findings that only moved between device groups."),
            ("upgraded", "Findings that an upgrade kept."),
            ("mean_days", "Mean days to fix."),
            ("median_days", "Median days to fix."),
        )
    ),
)
