"""Time to remediate: what became of findings, and how long true fixes took.

Here: the declaration. Not here: open findings and their due dates (``patches.py``).
"""

from ..column import real, text, time, whole
from ..table import Group
from .identity import AS_OF
from .table import DerivedTable, Headline

REMEDIATION_TIMES = DerivedTable(
    name="remediation_times",
    title="Remediation times",
    description="Per severity, what became of findings in the days up to the snapshot (policy: window_days), and how "
    "long the true fixes took. A fix that is only a move between device groups, an upgrade that keeps the CVE, a "
    "product that the service renamed, a finding that came back, or a device that left is no fix.",
    group=Group.COMPLIANCE,
    inputs=("software_vulnerability_changes", "device_identity", "software_vulnerabilities"),
    window_days=30,
    key=("severity",),
    columns=(
        text("severity", "The service's level as sent; 'all' for every level together.", sampled=True),
        whole("new", "Findings that are new (not the other half of what follows)."),
        whole("fixed", "Findings that were fixed: the CVE left a device that is still there."),
        whole("vanished", "Findings told as fixed because their device left the fleet."),
        whole("moved", "Findings told as fixed and new because their device changed its group."),
        whole("upgraded", "Findings told as fixed and new because another version has the same CVE."),
        whole("renamed", "Findings told as fixed and new at one moment because their product got another name."),
        whole("reopened", "Findings told as fixed that came back later in the window, or were seen again afterwards."),
        whole("updated", "Findings whose details changed."),
        whole(
            "out_of_scope",
            "Changes below the severity of the scope, or whose device it leaves out by now: none of the above.",
        ),
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
            ("renamed", "Findings whose product was renamed."),
            ("reopened", "Findings that came back."),
            ("mean_days", "Mean days to fix."),
            ("median_days", "Median days to fix."),
        )
    ),
)
