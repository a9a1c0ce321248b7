"""What a finding does not say itself: its severity, whether there is a fix, when it began, and what then follows."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from defender_assets.compliance import Policy

from .tenant import AS_OF, Row, Tenant, days

MIDNIGHT = AS_OF.replace(hour=0, minute=0)


def _policy(folder: Path, patch: str, rest: str = "") -> Policy:
    """The policy that ships, with other settings under ``patch``."""
    file = folder / "ours.yaml"
    file.write_text(f"name: ours\npatch: {{{patch}}}\n{rest}")
    return Policy.load(file)


RATINGS = [
    # finding's level and score, CVE's level and score -> level, where from, decided_by
    ("Critical", 5.0, "Low", 1.0, "critical", "finding", "severity critical"),
    (" hIGH ", 5.0, None, None, "high", "finding", "severity high"),
    (None, 5.0, "Critical", 1.0, "critical", "cve", "severity critical; severity of the CVE"),
    ("None", 9.8, " CRITICAL", None, "critical", "cve", "severity critical; severity of the CVE"),
    ("Important", 9.8, "None", None, "critical", "cvss", "severity critical; severity by CVSS"),
    (None, 9.0, None, None, "critical", "cvss", "severity critical; severity by CVSS"),
    (None, 8.9, None, None, "high", "cvss", "severity high; severity by CVSS"),
    (None, 7.0, None, 9.8, "high", "cvss", "severity high; severity by CVSS"),
    (None, 6.9, None, None, "medium", "cvss", "severity medium; severity by CVSS"),
    (None, 4.0, None, None, "medium", "cvss", "severity medium; severity by CVSS"),
    (None, 3.9, None, None, "low", "cvss", "severity low; severity by CVSS"),
    (None, 0.1, None, None, "low", "cvss", "severity low; severity by CVSS"),
    (None, 0.0, None, 9.8, "critical", "cvss", "severity critical; severity by CVSS"),
    (None, None, None, 4.0, "medium", "cvss", "severity medium; severity by CVSS"),
    (None, 0.0, "None", 0.0, None, None, "no rule; undecided without severity"),
    ("Important", None, None, None, None, None, "no rule; undecided without severity"),
]


@pytest.mark.parametrize(("level", "score", "cve_level", "cve_score", "rated", "source", "decided_by"), RATINGS)
def test_a_finding_is_rated_by_its_level_else_its_cve_else_the_score(
    level, score, cve_level, cve_score, rated, source, decided_by
) -> None:
    # given a finding first seen a year ago
    tenant = Tenant().machine("a")
    tenant.finding(
        "a", vulnerability_severity_level=level, cvss_score=score, first_seen_timestamp=AS_OF - days(365)
    ).add("vulnerabilities", id="CVE-2026-0001", severity=cve_level, cvss_v3=cve_score)
    (finding,) = tenant.one("patch_findings")
    assert (finding["rated_severity"], finding["severity_source"]) == (rated, source)
    assert finding["decided_by"] == decided_by
    assert finding["severity"] == level
    # then only what nothing rates is not overdue, and of that nobody knows
    assert finding["state"] == ("overdue" if rated else "no_due_date")
    assert finding["undecided"] is (rated is None)


def test_overdue_findings_are_counted_by_the_level_that_decided() -> None:
    tenant = Tenant().machine("a")
    tenant.finding("a", vulnerability_severity_level=None, cvss_score=9.8, first_seen_timestamp=AS_OF - days(100))
    (fleet,) = tenant.one("fleet_summary")
    assert (fleet["overdue_critical"], fleet["unrated_findings"]) == (1, 0)
    (product,) = [row for row in tenant.one("software_exposure") if row["cves"]]
    assert product["critical_cves"] == 1


def test_what_does_not_rate_a_finding_is_ignored_if_the_policy_says_so(tmp_path) -> None:
    tenant = Tenant().machine("a").finding("a", vulnerability_severity_level=None, cvss_score=None)
    (finding,) = tenant.one("patch_findings", _policy(tmp_path, "unrated: ignore"))
    assert (finding["state"], finding["undecided"], finding["decided_by"]) == ("no_due_date", False, "no rule")


def test_the_catalogue_dates_what_nothing_rates_and_its_severity_is_unknown_all_the_same() -> None:
    # given a finding that would be overdue if it were critical
    tenant = (
        Tenant()
        .machine("a")
        .finding("a", vulnerability_severity_level=None, cvss_score=None, first_seen_timestamp=AS_OF - days(20))
    )
    tenant.add("kev", cve_id="CVE-2026-0001", date_added=MIDNIGHT - days(10), due_date=MIDNIGHT + days(5))
    (finding,) = tenant.one("patch_findings")
    assert (finding["state"], finding["undecided"]) == ("due_soon", True)
    assert finding["decided_by"] == "KEV catalogue; undecided without severity"
    assert tenant.by_device("patch_compliance")["a"]["verdict"] == "unknown"
    # and what is overdue by that date alone is overdue
    tenant.rows["kev"][-1]["due_date"] = MIDNIGHT - days(5)
    (finding,) = tenant.one("patch_findings")
    assert (finding["state"], finding["undecided"]) == ("overdue", False)
    assert tenant.by_device("patch_compliance")["a"]["verdict"] == "noncompliant"


def test_a_rule_for_what_the_vendor_does_not_rate_is_a_decision() -> None:
    # given a finding without a level but with a low score: Cyber Essentials wants it within 14 days of release
    tenant = Tenant().machine("a").finding("a", vulnerability_severity_level=None, cvss_score=2.0)
    tenant.add("vulnerabilities", id="CVE-2026-0001", published_on=AS_OF - days(10))
    (finding,) = tenant.one("patch_findings", "cyber-essentials-3.3")
    assert finding["due_at"] == AS_OF + days(4)
    assert finding["decided_by"] == "no severity: 14 days"
    assert finding["undecided"] is False


def test_a_level_that_only_another_scope_names_is_judged_by_the_rules_of_its_own(tmp_path) -> None:
    # given rules for critical findings and all others, and a scope whose days go by severity
    policy = _policy(
        tmp_path,
        "rules: [{name: worst, when: {severity: critical}, due: 15 days}, {name: rest, due: 40 days}]",
        "scopes: [{name: plant, match: {tags: plant}, patch: {severity_days: {high: 20}}}]\n",
    )
    tenant = Tenant().machine("a").finding("a")
    (finding,) = tenant.one("patch_findings", policy)
    assert (finding["decided_by"], finding["due_at"]) == ("rest", AS_OF + days(30))


FIXES = [
    # the service's word, an update's id, the CVE's patch -> fix_available, state of an old finding
    (None, None, AS_OF - days(1), True, "overdue"),
    (None, None, AS_OF + days(1), None, "overdue"),  # not out yet: nobody says that there is none
    (None, None, None, None, "overdue"),
    (None, "5065429", None, True, "overdue"),
    (False, None, AS_OF - days(1), False, "no_fix"),
    (False, "5065429", AS_OF - days(1), False, "no_fix"),
    (True, None, None, True, "overdue"),
]


@pytest.mark.parametrize(("said", "update", "patched", "available", "state"), FIXES)
def test_only_a_fix_that_is_denied_does_not_exist(said, update, patched, available, state) -> None:
    tenant = Tenant().machine("a")
    tenant.finding(
        "a",
        security_update_available=said,
        recommended_security_update_id=update,
        first_seen_timestamp=AS_OF - days(31),
    ).add("vulnerabilities", id="CVE-2026-0001", patch_first_available=patched)
    (finding,) = tenant.one("patch_findings")
    assert (finding["fix_available"], finding["state"]) == (available, state)
    assert (
        finding["decided_by"]
        == {
            True: "severity high",
            None: "severity high; assumed fix",
            False: "no security update",
        }[available]
    )


def _as_files(tenant: Tenant) -> Tenant:
    """The same tenant by export files, which leave out whether there is an update."""
    files = tenant.without()
    for row in files.rows["software_vulnerabilities"]:
        row["security_update_available"] = None
    return files


def test_pages_and_files_of_a_tenant_are_judged_alike() -> None:
    # given products with and without a KB, their patches known by the CVE or by nobody
    tenant = Tenant().machine("a")
    for number, (update, patched) in enumerate((update, patched) for update in ("5", None) for patched in (40, None)):
        cve = f"CVE-{number}"
        tenant.finding("a", cve, recommended_security_update_id=update, first_seen_timestamp=AS_OF - days(31))
        tenant.add("vulnerabilities", id=cve, patch_first_available=patched and AS_OF - days(patched))
    pages, files = tenant.by_cve(), _as_files(tenant).by_cve()
    assert {cve: row["state"] for cve, row in files.items()} == {cve: row["state"] for cve, row in pages.items()}
    assert {row["state"] for row in files.values()} == {"overdue"}


def test_a_finding_that_no_date_is_known_of_is_no_good_news(tmp_path) -> None:
    tenant = Tenant().machine("a").finding("a", first_seen_timestamp=None)
    (finding,) = tenant.one("patch_findings")
    assert (finding["state"], finding["undecided"]) == ("no_due_date", True)
    assert finding["decided_by"] == "severity high; undecided without start date"
    # while a rule that sets no date wants none
    policy = _policy(tmp_path, "rules: [{name: some day, due: on_upgrade}]")
    (finding,) = tenant.one("patch_findings", policy)
    assert (finding["undecided"], finding["decided_by"]) == (False, "some day")


def _exploited(first_seen: datetime | None, due: datetime) -> Tenant:
    tenant = Tenant().machine("a").finding("a", first_seen_timestamp=first_seen)
    return tenant.add("kev", cve_id="CVE-2026-0001", date_added=due - days(20), due_date=due)


def test_a_device_that_is_new_has_three_days_for_what_the_catalogue_wanted_years_ago(tmp_path) -> None:
    # given a device enrolled two hours ago, with a CVE that was due in 2023
    seen, due = AS_OF - timedelta(hours=2), MIDNIGHT.replace(year=2023)
    (finding,) = _exploited(seen, due).one("patch_findings")
    assert (finding["state"], finding["due_at"]) == ("due_soon", seen + days(3))
    assert finding["decided_by"] == "KEV catalogue; not before first seen plus 3 days"
    # then the literal date is a policy's choice, as in the preset that is named after it
    for policy in (_policy(tmp_path, "kev_grace_days: null"), "kev-due-date"):
        (finding,) = _exploited(seen, due).one("patch_findings", policy)
        assert (finding["state"], finding["decided_by"]) == ("overdue", "KEV catalogue")
        assert finding["due_at"] == due + days(1) - timedelta(microseconds=1)
    # and where nobody knows when it was first seen, the date is as it is
    (finding,) = _exploited(None, due).one("patch_findings")
    assert (finding["state"], finding["decided_by"]) == ("overdue", "KEV catalogue")


def test_a_clock_that_started_before_the_device_is_not_due_before_first_sight(tmp_path) -> None:
    tenant = Tenant().machine("a").finding("a", first_seen_timestamp=AS_OF - timedelta(hours=2))
    tenant.add("vulnerabilities", id="CVE-2026-0001", published_on=AS_OF - days(400))
    found = {
        grace: tenant.one("patch_findings", _policy(tmp_path, f"clock_start: published, published_grace_days: {grace}"))
        for grace in ("0", "5", "null")
    }
    assert {grace: (row["state"], row["due_at"] - AS_OF) for grace, (row,) in found.items()} == {
        "0": ("overdue", -timedelta(hours=2)),
        "5": ("due_soon", days(5) - timedelta(hours=2)),
        "null": ("overdue", days(-370)),
    }
    assert found["5"][0]["decided_by"] == "severity high; not before first seen plus 5 days"


def _undecided(tenant: Tenant, policy: Policy | str) -> tuple[bool, str]:
    (finding,) = tenant.one("patch_findings", policy)
    return finding["undecided"], finding["decided_by"]


def test_a_score_or_an_exploit_that_is_not_known_counts_where_a_rule_looks_at_it() -> None:
    published: Row = {"id": "CVE-2026-0001", "published_on": AS_OF - days(10)}
    medium = Tenant().machine("a").finding("a", vulnerability_severity_level="Medium", cvss_score=None)
    medium.add("vulnerabilities", **published)
    assert _undecided(medium, "cyber-essentials-3.3") == (True, "no rule; undecided without CVSS score")
    assert _undecided(medium, "default") == (False, "severity medium")
    # given an operating system of an exposed device: 48 hours if exploited, else two weeks
    tenant = Tenant().machine("a", machine_tags=["internet-facing"])
    tenant.finding("a", software_name="windows_11", software_vendor="microsoft", exploitability_level=None)
    tenant.add("vulnerabilities", **published)
    undecided, decided_by = _undecided(tenant, "essential8-ml1")
    assert undecided
    assert decided_by.endswith("undecided without exploitability")


def test_without_the_catalogue_what_it_could_make_overdue_is_not_decided(tmp_path) -> None:
    tenant = Tenant().machine("a").finding("a").without("kev")
    assert _undecided(tenant, "default") == (
        True,
        "severity high; assumed in_kev; undecided without KEV catalogue",
    )
    # while in the first three days it could not
    fresh = Tenant().machine("a").finding("a", first_seen_timestamp=AS_OF - days(3)).without("kev")
    assert _undecided(fresh, "default") == (False, "severity high; assumed in_kev")
    # and a policy that says how to read it, or does not look at it, has decided
    assert _undecided(tenant, _policy(tmp_path, "unknown: {in_kev: no}")) == (False, "severity high; assumed in_kev")
    assert _undecided(tenant, _policy(tmp_path, "kev: ignore")) == (False, "severity high")


def test_without_the_list_of_cves_a_clock_that_starts_with_them_decides_nothing() -> None:
    tenant = Tenant().machine("a").finding("a")
    undecided, decided_by = _undecided(tenant, "pci-dss-4.0.1")
    assert undecided
    assert decided_by.endswith("; undecided without release dates")
    # one CVE without a date is another thing: the first sight stands in
    tenant.add("vulnerabilities", id="CVE-elsewhere")
    assert not _undecided(tenant, "pci-dss-4.0.1")[0]
