"""Patch compliance: findings with their due dates, and the verdict per device.

Here: the declarations, and the states of a finding. Not here: exposure per product (``exposure.py``), time to remediate
(``remediation.py``).
"""

from ..column import flag, real, text, time, whole
from ..table import Group
from .identity import AS_OF, judged
from .table import ABSENT_INPUTS, DerivedTable, Headline

STATES = ("exempt", "accepted", "no_fix", "no_due_date", "overdue", "due_soon", "on_time")
"""The states of a finding, in the order in which they are tested: the first that fits counts."""

PRODUCT = (text("software_vendor", "Vendor.", sampled=True), text("software_name", "Product name.", sampled=True))

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
        text("device_id", "The device (device_identity.device_id).", sampled=True),
        *PRODUCT,
        text("software_version", "Installed version.", sampled=True),
        text("cve_id", "The CVE.", sampled=True),
        text("severity", "The service's level as sent: Low, Medium, High, Critical.", sampled=True),
        text(
            "rated_severity",
            "The level by which it is judged and counted, in lower case: the finding's own; where that is missing or "
            "no known level, its CVE's; else the band of the CVSS score (9 critical, 7 high, 4 medium, above 0 low). "
            "Null where nothing rates it.",
            sampled=True,
        ),
        text(
            "severity_source",
            "Where rated_severity comes from: finding, cve or cvss; null where nothing rates it.",
            sampled=True,
        ),
        real("cvss_score", "CVSS base score."),
        text("exploitability_level", "NoExploit, ExploitIsPublic, ExploitIsVerified or ExploitIsInKit.", sampled=True),
        flag("in_kev", "CISA knows it to be exploited; null when the catalogue is absent or too old."),
        real("epss", "Probability of exploitation within 30 days: the service's, else FIRST's."),
        flag(
            "fix_available",
            "A security update is available: as the service says; where it does not (export files leave it out), true "
            "if it names an update, or if the CVE had a patch by then; else null. Null counts as a fix that may exist.",
        ),
        text("fix_id", "Id of the recommended security update.", sampled=True),
        text(
            "accepted_by",
            "What accepts it in Defender, whatever the policy makes of that: 'CVE exception' (an exception that covers "
            "the whole CVE) or 'mitigation' (the finding's own mitigation is in force); null where nothing does.",
        ),
        time("first_seen_at", "When the CVE was first seen on the device (the earliest of repeated rows)."),
        time("last_seen_at", "When it was last seen there (the latest of repeated rows)."),
        time("clock_start_at", "The date the days count from."),
        text(
            "clock_source",
            "Which date that was: first_seen, published, patch_available or kev_added. It differs from what the policy "
            "asks for where that date is not known.",
            sampled=True,
        ),
        time("due_at", "When it is due; null where the policy gives no date. Known for exempt findings too."),
        text("state", f"The first that holds of: {', '.join(STATES)}.", sampled=True),
        flag(
            "undecided",
            "Not overdue, but might be if more were known; decided_by says what. Its device cannot be called "
            "compliant.",
        ),
        whole("days_overdue", "Whole days past due_at; null unless overdue."),
        text(
            "decided_by",
            "What decided (a rule of the policy, the KEV catalogue, an exemption, an exception in Defender), the scope "
            "it came from, where the severity comes from, whether the first sight moved the date, which unknown inputs "
            "were assumed, and without which it is undecided.",
        ),
        AS_OF,
        ABSENT_INPUTS,
    ),
    headlines=(
        Headline("open_findings", "Open findings, exempt ones included."),
        *(Headline(state, f"Findings whose state is {state}.", "open_findings") for state in STATES),
        Headline("undecided", "Findings that are not overdue, and might be if more were known.", "open_findings"),
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
    description="One verdict per machine record: unknown where the record is not eligible; noncompliant with one or "
    "more overdue findings, or with software past its end of support where the policy says so; unknown where a finding "
    "is undecided, or where such a policy lacks the device's inventory; else compliant.",
    group=Group.COMPLIANCE,
    inputs=("device_identity", "patch_findings"),
    optional_inputs=("software_inventory",),
    key=("device_id",),
    columns=(
        text("device_id", "The device.", sampled=True),
        text("population", "Population of the record (device_identity).", sampled=True),
        text("verdict", "compliant, noncompliant or unknown.", sampled=True),
        text(
            "reasons",
            "Why the verdict is not compliant: overdue_findings, unsupported_software, undecided_findings, "
            "inventory_unknown, or population_ with the population; empty when it is.",
            many=True,
        ),
        whole("open_findings", "Every finding, exempt ones included."),
        whole("overdue_findings", "Findings past their due date."),
        whole("overdue_critical", "Overdue findings of severity critical."),
        whole("overdue_high", "Overdue findings of severity high."),
        whole("due_soon_findings", "Findings due within the policy's due_soon_days."),
        whole("exempt_findings", "Findings covered by an exemption of the policy."),
        whole("accepted_findings", "Findings accepted in Defender."),
        whole("undecided_findings", "Findings that are not overdue, and might be if more were known."),
        whole("kev_findings", "Findings in the KEV catalogue; null when the catalogue is absent or too old."),
        whole(
            "unsupported_software",
            "Products past their end of support, exempt ones included; null where the inventory has no row of the "
            "device.",
        ),
        whole(
            "exempt_unsupported_software",
            "Of these, covered by an exemption of the policy: one that names no CVE, and the product or no product.",
        ),
        whole("oldest_overdue_days", "Days past due of the finding longest overdue."),
        time("next_due_at", "Earliest due date among findings that are on time or due soon."),
        text("policy", "Name of the policy that judged.", sampled=True),
        AS_OF,
        ABSENT_INPUTS,
    ),
    headlines=(
        *judged("patch"),
        Headline("unsupported_software", "Eligible devices with software past its end of support.", "eligible"),
    ),
)
