"""Updates that devices lack, from the findings that name them: what they would fix, and whether that is overdue."""

from pathlib import Path

import pytest

from defender_assets.catalog import DERIVED
from defender_assets.catalog.derived import STATES
from defender_assets.catalog.derived.updates import URGENCY
from defender_assets.compliance import Policy, headline_numbers

from .tenant import AS_OF, ENGINE, Row, Tenant, days, derived, preset

OCTOBER, SEPTEMBER, RED_HAT = "5066791", "5065429", "RHSA-2026:1234"


def _missing(tenant: Tenant, policy: Policy | str = "default") -> dict[tuple[str, str], Row]:
    return {(row["device_id"], row["update_id"]): row for row in tenant.one("missing_updates", policy)}


def _of(row: Row, *names: str) -> list:
    return [row[name] for name in names]


def test_an_update_is_one_row_for_each_device_whatever_it_fixes_there() -> None:
    tenant = Tenant().machine("a").machine("b", os_platform="RedHatEnterpriseLinux")
    windows = {"software_vendor": "microsoft", "software_name": "windows_11", "recommended_security_update_id": OCTOBER}
    address = "https://catalog.example.com/5066791"
    tenant.finding("a", "CVE-1", **windows, vulnerability_severity_level="Critical", cvss_score=9.8,
                   recommended_security_update="October", recommended_security_update_url=address)  # fmt: skip
    tenant.finding("a", "CVE-2", **windows, first_seen_timestamp=AS_OF - days(12))
    # the same CVE in a second product, and a row that is repeated for a second device group
    tenant.finding("a", "CVE-2", **(windows | {"software_name": ".net"}))
    tenant.finding("a", "CVE-2", **(windows | {"rbac_group_id": 9}))
    tenant.finding("a", "CVE-3", recommended_security_update_id=SEPTEMBER)
    tenant.finding("b", "CVE-4", software_vendor=None, software_name="openssl", recommended_security_update_id=RED_HAT)
    found = _missing(tenant)

    assert sorted(found) == [("a", SEPTEMBER), ("a", OCTOBER), ("b", RED_HAT)]
    october = found["a", OCTOBER]
    assert _of(october, "open_findings", "cves", "critical_cves", "products") == [3, 2, 1, 2]
    assert october["update_products"] == ["microsoft .net", "microsoft windows_11"]
    assert _of(october, "severity", "worst_cvss") == ["critical", 9.8]
    assert _of(october, "update_name", "update_url") == ["October", address]
    assert _of(october, "device_name", "platform_family", "population") == ["a.contoso.example", "windows", "eligible"]
    assert october["first_seen_at"] == AS_OF - days(12)
    assert found["b", RED_HAT]["update_products"] == ["openssl"]


def test_the_most_urgent_finding_decides_and_the_earliest_date_counts() -> None:
    assert set(URGENCY) == set(STATES)
    tenant = Tenant().machine("a")
    for cve, age in (("CVE-1", 45), ("CVE-2", 33), ("CVE-3", 25), ("CVE-4", 1)):  # high: 30 days
        tenant.finding("a", cve, first_seen_timestamp=AS_OF - days(age))
    (row,) = tenant.one("missing_updates")
    assert _of(row, "state", "open_findings", "overdue_findings", "days_overdue") == ["overdue", 4, 2, 15]
    assert row["due_at"] == AS_OF - days(15)
    # given only what is due soon and later
    tenant.rows["software_vulnerabilities"] = tenant.rows["software_vulnerabilities"][2:]
    (row,) = tenant.one("missing_updates")
    assert _of(row, "state", "overdue_findings", "days_overdue") == ["due_soon", 0, None]
    assert row["due_at"] == AS_OF + days(5)


def test_what_is_exempt_or_accepted_makes_no_update_overdue_and_stays_missing(tmp_path: Path) -> None:
    tenant = Tenant().machine("a")
    long_ago = {"first_seen_timestamp": AS_OF - days(400)}
    tenant.finding("a", "CVE-2026-0001", **long_ago)
    tenant.finding("a", "CVE-2026-0002", **long_ago, cve_mitigation_status="Mitigated")
    ours = tmp_path / "ours.yaml"
    ours.write_text(
        "name: ours\nexemptions:\n"
        "  - {id: x, reason: later, approved_by: anna, expires: 2027-01-01, cves: [CVE-2026-0001]}\n"
    )
    (row,) = tenant.one("missing_updates", Policy.load(ours))
    assert _of(row, "state", "exempt_findings", "accepted_findings", "overdue_findings") == ["accepted", 1, 1, 0]
    assert _of(row, "due_at", "days_overdue") == [None, None]


def test_a_finding_that_nothing_rates_leaves_its_update_undecided() -> None:
    unrated = {"vulnerability_severity_level": None, "cvss_score": None}
    tenant = Tenant().machine("a").finding("a", "CVE-1", **unrated)
    (row,) = tenant.one("missing_updates")
    assert _of(row, "state", "undecided", "severity", "worst_cvss") == ["no_due_date", True, None, None]
    # one that is overdue in any case is decided
    (row,) = tenant.finding("a", "CVE-2", first_seen_timestamp=AS_OF - days(400)).one("missing_updates")
    assert _of(row, "state", "undecided") == ["overdue", False]


def test_without_the_catalogue_nobody_knows_what_is_exploited() -> None:
    tenant = Tenant().machine("a").finding("a", "CVE-1").finding("a", "CVE-2")
    tenant.add("kev", cve_id="CVE-2", date_added=AS_OF, due_date=AS_OF + days(14))
    (row,), (without,) = tenant.one("missing_updates"), tenant.without("kev").one("missing_updates")
    assert (row["kev_cves"], without["kev_cves"]) == (1, None)


def test_a_device_that_no_list_of_machines_has_is_told_without_a_population() -> None:
    tenant = Tenant().machine("a").machine("asleep", last_seen=AS_OF - days(60))
    for device in ("a", "asleep", "gone"):
        tenant.finding(device, recommended_security_update_id=OCTOBER)
    found = {device: row["population"] for (device, _), row in _missing(tenant).items()}
    assert found == {"a": "eligible", "asleep": "inactive", "gone": None}
    rows = derived(tenant.inputs, preset("default"), "missing_updates")["missing_updates"]
    numbers = headline_numbers("missing_updates", rows, engine=ENGINE)
    names = ("missing", "overdue", "updates", "devices", "devices_overdue", "other_missing")
    assert [numbers[name] for name in names] == [1, 0, 1, 1, 0, 2]


@pytest.mark.parametrize("named", [None, ""])
def test_a_finding_that_names_no_update_is_in_no_row(named: str | None) -> None:
    tenant = Tenant().machine("a").finding("a", recommended_security_update_id=named)
    assert tenant.one("missing_updates") == []
    rows = derived(tenant.inputs, preset("default"), "missing_updates")["missing_updates"]
    numbers = headline_numbers("missing_updates", rows, engine=ENGINE)
    assert set(numbers.values()) == {0}
    assert set(numbers) == {headline.name for headline in DERIVED["missing_updates"].headlines}
