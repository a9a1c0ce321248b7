"""The fleet in one row a day: every headline number beside its denominator. Its days are the trend.

Here: the declaration. Not here: the numbers per device, of which these are the sums.
"""

from ..column import Column, real, text, whole
from ..table import Group
from .identity import AS_OF
from .table import ABSENT_INPUTS, DerivedTable, Headline


def _counts(*names: tuple[str, str]) -> tuple[Column, ...]:
    return tuple(whole(name, description) for name, description in names)


FLEET_SUMMARY = DerivedTable(
    name="fleet_summary",
    title="Fleet summary",
    description="One row per snapshot with every headline number and its denominator. Percentages are over eligible "
    "devices, or over what their name says. Without patch_findings the numbers of findings are null, without "
    "patch_compliance those of patch verdicts: what is not known is neither 0 nor compliant.",
    group=Group.COMPLIANCE,
    inputs=("device_identity", "agent_compliance"),
    optional_inputs=(
        "patch_findings",
        "patch_compliance",
        "policy_compliance",
        "endpoint_status",
        "remediation_times",
        "coverage",
        "software_end_of_support",
    ),
    key=("as_of",),
    columns=(
        AS_OF,
        text("policy", "Name of the policy that judged.", sampled=True),
        text("policy_digest", "Changes whenever any setting of that policy does, under whatever name.", sampled=True),
        text(
            "fleet_scope",
            "Which part of the tenant the tables hold (DEFENDER_SCOPE_…), and all numbers are about; null: all of it.",
        ),
        *_counts(
            ("machines_out_of_scope", "Machine records that the scope left out; no number here counts them."),
            (
                "findings_out_of_scope",
                "Rows of software_vulnerabilities that the scope left out; no number here counts them.",
            ),
        ),
        *_counts(
            ("machines", "Machine records; the populations below add up to it."),
            ("merged", "Records merged into another."),
            ("excluded", "Records excluded in the portal."),
            ("not_onboarded", "Records of devices that are not onboarded."),
            ("duplicate", "Older records of a device that has a later one."),
            ("inactive", "Devices not seen within the policy's limit."),
            ("not_assessed", "Devices without a row of vulnerability management, or without a last report to believe."),
            ("eligible", "Devices that are judged: the denominator."),
            ("patch_compliant_devices", "Eligible devices whose patch verdict is compliant."),
            ("patch_noncompliant_devices", "Eligible devices that are not compliant."),
            ("patch_unknown_devices", "Eligible devices of which neither can be said."),
        ),
        real("patch_compliant_pct", "patch_compliant_devices over eligible."),
        *_counts(
            (
                "unsupported_software_devices",
                "Eligible devices with software past its end of support; null without an inventory.",
            ),
            (
                "unsupported_products",
                "Products of which a version past its end of support is on eligible devices; null "
                "without an inventory.",
            ),
            (
                "known_devices",
                "Devices that the service knows, onboarded or not, save for those excluded in the portal "
                "and for records of another device; the four below add up to it. Null where coverage is absent.",
            ),
            ("protected_devices", "Of these, protected."),
            ("partly_protected_devices", "Of these, protected partly."),
            ("unprotected_devices", "Of these, not protected: not onboarded, or not seen for too long."),
            ("protection_unknown_devices", "Of these, not known to be protected or not."),
        ),
        real("protected_pct", "protected_devices over known_devices."),
        *_counts(
            ("open_findings", "Open findings on eligible devices; the states below add up to it."),
            ("exempt_findings", "Of these, covered by an exemption."),
            ("accepted_findings", "Of these, accepted in Defender: a CVE under exception, a mitigation in force."),
            ("no_fix_findings", "Of these, without a security update."),
            ("no_due_date_findings", "Of these, without a due date."),
            ("overdue_findings", "Of these, overdue."),
            ("due_soon_findings", "Of these, due soon."),
            ("on_time_findings", "Of these, on time."),
            ("unrated_findings", "Open findings that nothing rates: no severity of their own or their CVE, no CVSS."),
            (
                "undecided_findings",
                "Findings that are not overdue, and might be if more were known.",
            ),
            ("other_findings", "Open findings on records that are not eligible."),
            ("overdue_critical", "Overdue findings of severity critical."),
            ("overdue_high", "Overdue findings of severity high."),
            ("overdue_medium", "Overdue findings of severity medium."),
            ("overdue_low", "Overdue findings of severity low."),
            ("overdue_0_7_days", "Overdue findings by at most 7 whole days."),
            ("overdue_8_30_days", "Overdue findings by 8 to 30 days."),
            ("overdue_31_90_days", "Overdue findings by 31 to 90 days."),
            ("overdue_over_90_days", "Overdue findings by more than 90 days."),
        ),
        real("not_overdue_pct", "Open findings that are neither overdue nor undecided over open_findings."),
        *_counts(
            ("cves", "Distinct CVEs on eligible devices."),
            ("kev_cves", "Of these, in the KEV catalogue; null when it is absent or too old."),
            ("kev_devices", "Eligible devices with such a CVE; null when the catalogue is absent or too old."),
            ("kev_findings", "Findings of such CVEs; null when the catalogue is absent or too old."),
            ("kev_overdue_findings", "Of these, overdue; null when the catalogue is absent or too old."),
            (
                "accepted_kev_findings",
                "Of kev_findings, accepted in Defender; null like it.",
            ),
        ),
        real("epss_load", "Sum of EPSS over the open findings of eligible devices; null where no EPSS is known."),
        *_counts(
            ("agent_compliant_devices", "Eligible devices whose agent is compliant."),
            ("agent_noncompliant_devices", "Eligible devices whose agent is not."),
            (
                "agent_unknown_devices",
                "Eligible devices of which the agent's release is unknown or, on Windows, the state of the antivirus.",
            ),
        ),
        real("agent_compliant_pct", "agent_compliant_devices over eligible."),
        *_counts(
            ("agents_current", "Eligible devices on the newest release."),
            ("agents_behind", "Eligible devices one or more releases behind, still supported."),
            ("agents_unsupported", "Eligible devices whose agent is no longer supported."),
            ("agents_unknown", "Eligible devices whose agent release is unknown."),
            ("windows_devices", "Eligible Windows devices: the denominator of the antivirus numbers."),
            ("engine_out_of_date", "Of these, with an engine out of date; null when it is known of none."),
            ("platform_out_of_date", "Of these, with a platform out of date; null when it is known of none."),
            (
                "intelligence_up_to_date",
                "Of these, with security intelligence that is up to date; null when it is known of none.",
            ),
            (
                "intelligence_out_of_date",
                "Of these, with security intelligence out of date; null when it is known of none.",
            ),
            ("av_unknown", "Of these, with one of the three states unknown."),
            (
                "av_disagreements",
                "Of these, on which Microsoft's verdict differs from ours; null when no state is known of any.",
            ),
        ),
        text(
            "agent_newest_inferred",
            "Components whose newest release is inferred from what eligible devices run, because no list told a later "
            "one: agent_ with the platform, av_engine, av_platform, av_intelligence.",
            many=True,
        ),
        *_counts(
            ("sensors_healthy", "Eligible devices with a healthy sensor."),
            ("sensors_inactive", "Eligible devices whose sensor is inactive."),
            ("sensors_impaired", "Eligible devices whose sensor is impaired."),
            ("sensors_unknown", "Eligible devices whose sensor state is unknown."),
            ("policy_compliant_devices", "Eligible devices that meet the configuration policy."),
            ("policy_noncompliant_devices", "Eligible devices that do not."),
            (
                "policy_unknown_devices",
                "Eligible devices to which no control applies, or of which what the policy asks for is not known.",
            ),
        ),
        real("policy_compliant_pct", "policy_compliant_devices over eligible."),
        *_counts(
            (
                "compliant_devices",
                "Eligible devices that are compliant in all three: patches, agent and configuration; null without "
                "patch_compliance or policy_compliance.",
            ),
            (
                "noncompliant_devices",
                "Eligible devices that are noncompliant in one of them or more; null without patch_compliance or "
                "policy_compliance. Of the rest it is not known.",
            ),
        ),
        real("compliant_pct", "compliant_devices over eligible."),
        real("mean_weighted_score", "Mean weighted score of eligible devices, 0 to 1."),
        *_counts(
            ("managed_devices", "Eligible devices managed by Intune or Defender for Endpoint."),
            ("new_findings", "Findings new in the remediation window."),
            ("fixed_findings", "Findings truly fixed in the remediation window."),
        ),
        real("mean_days_to_fix", "Mean days to fix in the remediation window."),
        real("median_days_to_fix", "Median days to fix in the remediation window."),
        ABSENT_INPUTS,
    ),
    headlines=tuple(
        Headline(name, description, of)
        for name, description, of in (
            ("machines", "Machine records.", None),
            ("eligible", "Devices that are judged.", "machines"),
            ("known_devices", "Devices that the service knows, onboarded or not.", None),
            ("protected_devices", "Of these, protected.", "known_devices"),
            ("patch_compliant_devices", "Eligible devices whose patch verdict is compliant.", "eligible"),
            ("agent_compliant_devices", "Eligible devices whose agent is compliant.", "eligible"),
            ("policy_compliant_devices", "Eligible devices that meet the configuration policy.", "eligible"),
            ("compliant_devices", "Eligible devices that are compliant in all three.", "eligible"),
            ("open_findings", "Open findings on eligible devices.", None),
            ("overdue_findings", "Of these, overdue.", "open_findings"),
            ("accepted_findings", "Of these, accepted in Defender.", "open_findings"),
            ("undecided_findings", "Of these, not overdue, and might be if more were known.", "open_findings"),
            ("kev_overdue_findings", "Overdue findings of known exploited CVEs.", "open_findings"),
        )
    ),
)
