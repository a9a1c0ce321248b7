"""Risks accepted in Defender itself: CVEs under exception, findings whose mitigation is in force."""

from pathlib import Path

import pytest

from defender_assets.compliance import Policy

from .tenant import AS_OF, Tenant, days

MIDNIGHT = AS_OF.replace(hour=0, minute=0)


def _switched(folder: Path, exceptions: str) -> Policy:
    file = folder / "ours.yaml"
    file.write_text(f"name: ours\npatch: {{exceptions: {exceptions}}}\n")
    return Policy.load(file)


def _tenant(**finding: object) -> Tenant:
    """A device with one finding, ten days overdue."""
    return Tenant().machine("a").finding("a", first_seen_timestamp=AS_OF - days(40), **finding)


STATUSES = [
    # the CVE's status, the finding's mitigation -> accepted_by, decided_by
    ("UnderException", None, "CVE exception", "CVE exception in Defender"),
    (" underexception", "Unknown", "CVE exception", "CVE exception in Defender"),
    ("PartialException", "Mitigated", "mitigation", "mitigation in Defender"),
    ("PartialException", None, None, "severity high; partial exception in Defender, device groups not known"),
    ("RemediationRequired", None, None, "severity high"),
    ("NoActionRequired", None, None, "severity high"),
    (None, "Workaround applied", "mitigation", "mitigation in Defender"),
    (None, "Workaround pending reboot", None, "severity high"),
    (None, "Partially mitigated", None, "severity high"),
    (None, "NotMitigated", None, "severity high"),
    (None, "Not applied", None, "severity high"),
    (None, "None", None, "severity high"),
]


@pytest.mark.parametrize(("status", "mitigation", "accepted_by", "decided_by"), STATUSES)
def test_an_exception_or_a_mitigation_that_is_affirmed_accepts_a_finding(
    status, mitigation, accepted_by, decided_by
) -> None:
    tenant = _tenant(cve_mitigation_status=mitigation).add("vulnerabilities", id="CVE-2026-0001", status=status)
    (finding,) = tenant.one("patch_findings")
    assert (finding["accepted_by"], finding["decided_by"]) == (accepted_by, decided_by)
    assert finding["state"] == ("accepted" if accepted_by else "overdue")
    assert finding["days_overdue"] == (None if accepted_by else 10)
    # the date is told all the same
    assert finding["due_at"] == AS_OF - days(10)


def test_the_policy_says_what_an_exception_means(tmp_path) -> None:
    tenant = _tenant().add("vulnerabilities", id="CVE-2026-0001", status="UnderException")
    found = {
        switch: tenant.one("patch_findings", _switched(tmp_path, switch)) for switch in ("honour", "report", "ignore")
    }
    assert {switch: (row["state"], row["decided_by"]) for switch, (row,) in found.items()} == {
        "honour": ("accepted", "CVE exception in Defender"),
        "report": ("overdue", "severity high; CVE exception in Defender"),
        "ignore": ("overdue", "severity high"),
    }
    assert {row["accepted_by"] for (row,) in found.values()} == {"CVE exception"}


def test_a_finding_told_for_two_groups_is_mitigated_if_both_say_so() -> None:
    tenant = _tenant(cve_mitigation_status="Mitigated").finding("a", rbac_group_id=7)
    (finding,) = tenant.one("patch_findings")
    assert (finding["accepted_by"], finding["state"]) == (None, "overdue")
    for row in tenant.rows["software_vulnerabilities"]:
        row["cve_mitigation_status"] = "Mitigated"
    (finding,) = tenant.one("patch_findings")
    assert finding["state"] == "accepted"


def test_an_exemption_comes_before_an_exception_and_an_exception_before_no_fix(tmp_path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(
        "name: ours\n"
        "exemptions: [{id: EX-1, reason: spring, approved_by: CISO, expires: 2027-01-01, cves: CVE-2026-0001}]\n"
    )
    tenant = Tenant().machine("a")
    for cve in ("CVE-2026-0001", "CVE-2026-0002"):
        tenant.finding("a", cve, cve_mitigation_status="Mitigated", security_update_available=False)
    found = {row["cve_id"]: row["state"] for row in tenant.one("patch_findings", Policy.load(file))}
    assert found == {"CVE-2026-0001": "exempt", "CVE-2026-0002": "accepted"}


def test_a_finding_that_nothing_rates_is_settled_by_an_exception() -> None:
    tenant = _tenant(vulnerability_severity_level=None, cvss_score=None, cve_mitigation_status="Mitigated")
    (finding,) = tenant.one("patch_findings")
    assert (finding["state"], finding["undecided"]) == ("accepted", False)


def test_what_is_accepted_is_counted_and_what_is_exploited_among_it_is_not_hidden() -> None:
    # given an accepted finding, an accepted one that is known to be exploited, and one that is overdue
    tenant = Tenant().machine("a")
    for cve in ("CVE-1", "CVE-2", "CVE-3"):
        tenant.finding("a", cve, first_seen_timestamp=AS_OF - days(40))
    for cve in ("CVE-1", "CVE-2"):
        tenant.add("vulnerabilities", id=cve, status="UnderException")
    tenant.add("kev", cve_id="CVE-2", date_added=MIDNIGHT - days(90), due_date=MIDNIGHT - days(60))
    (fleet,) = tenant.one("fleet_summary")
    assert {name: fleet[name] for name in fleet if name.endswith("_findings") and fleet[name]} == {
        "open_findings": 3,
        "accepted_findings": 2,
        "overdue_findings": 1,
        "kev_findings": 1,
        "accepted_kev_findings": 1,
    }
    assert fleet["kev_overdue_findings"] == 0
    (product,) = [row for row in tenant.one("software_exposure") if row["cves"]]
    assert (product["accepted_findings"], product["overdue_findings"]) == (2, 1)
