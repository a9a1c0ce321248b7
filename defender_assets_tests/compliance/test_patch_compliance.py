"""The verdict per device: overdue findings, software past its end of support, and what nobody can decide."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.compliance import Policy

from . import oracle
from .strategies import few, tenants
from .tenant import AS_OF, Row, Tenant, days

MIDNIGHT = AS_OF.replace(hour=0, minute=0)


def _policy(folder: Path, text: str) -> Policy:
    (folder / "contoso.yaml").write_text(f"name: contoso\n{text}", encoding="utf-8")
    return Policy.load(folder / "contoso.yaml")


@pytest.fixture
def strict(tmp_path) -> Policy:
    """A policy that demands that unsupported software goes."""
    return _policy(tmp_path, "software: {unsupported: noncompliant}\n")


def _installed(tenant: Tenant, device: str, name: str = "reader", **values) -> Tenant:
    usual = {"software_vendor": "contoso", "software_version": "9.0"}
    return tenant.add("software_inventory", device_id=device, software_name=name, **(usual | values))


def _verdict(row: Row) -> tuple[str, list[str], int | None]:
    return row["verdict"], row["reasons"], row["unsupported_software"]


SUPPORT = {
    "no word and no date": ({}, 0),
    "none": ({"end_of_support_status": "None"}, 0),
    "ended by its date, which the words call upcoming": (
        {"end_of_support_status": "Upcoming EOS Version", "end_of_support_date": MIDNIGHT - days(100)},
        1,
    ),
    "ended by a date alone": ({"end_of_support_date": MIDNIGHT - days(1)}, 1),
    "on its last day": ({"end_of_support_date": MIDNIGHT, "end_of_support_status": "Upcoming EOS Version"}, 0),
    "ended by words without a date": ({"end_of_support_status": "EOS Software"}, 1),
    "ended by words": ({"end_of_support_status": "EOS Version", "end_of_support_date": MIDNIGHT + days(1)}, 1),
    "upcoming": ({"end_of_support_status": "Upcoming EOS Software", "end_of_support_date": MIDNIGHT + days(9)}, 0),
}


@pytest.mark.parametrize(("values", "products"), SUPPORT.values(), ids=SUPPORT)
def test_support_has_ended_by_the_date_or_else_by_the_words(values, products, strict) -> None:
    tenant = _installed(Tenant().machine("a"), "a", **values)
    verdict = ("noncompliant", ["unsupported_software"], 1) if products else ("compliant", [], 0)
    assert _verdict(tenant.by_device("patch_compliance", strict)["a"]) == verdict
    # the policy that ships tells the number, and lets it be
    assert _verdict(tenant.by_device("patch_compliance")["a"]) == ("compliant", [], products)


def test_a_product_counts_once_however_many_of_its_versions_are_unsupported() -> None:
    tenant = Tenant().machine("a")
    for version in ("8.0", "9.0"):
        _installed(tenant, "a", software_version=version, end_of_support_status="EOS Version")
    _installed(tenant, "a", software_version="10.0")
    assert tenant.by_device("patch_compliance")["a"]["unsupported_software"] == 1


def test_unsupported_software_fails_a_device_beside_a_known_exploited_cve_without_an_update(strict) -> None:
    # given a product past its end of support, with a CVE of the KEV catalogue that no update fixes
    tenant = _installed(Tenant().machine("a"), "a", end_of_support_status="EOS Software")
    tenant.finding("a", "CVE-1", software_name="reader", software_version="9.0", security_update_available=False)
    tenant.add("kev", cve_id="CVE-1", date_added=AS_OF - days(90), due_date=MIDNIGHT - days(70))
    row = tenant.by_device("patch_compliance", strict)["a"]
    assert (_verdict(row), row["overdue_findings"]) == (("noncompliant", ["unsupported_software"], 1), 0)


def test_a_device_without_an_inventory_is_not_known_to_be_free_of_unsupported_software(strict) -> None:
    tenant = Tenant().machine("none", assessed=False).finding("none", cve=None).machine("late", assessed=False)
    tenant.finding("late", first_seen_timestamp=AS_OF - days(99))
    found = tenant.by_device("patch_compliance", strict)
    assert _verdict(found["none"]) == ("unknown", ["inventory_unknown"], None)
    assert _verdict(found["late"]) == ("noncompliant", ["inventory_unknown", "overdue_findings"], None)
    assert _verdict(tenant.by_device("patch_compliance")["none"]) == ("compliant", [], None)


def test_without_the_inventory_no_device_is_better_off(strict) -> None:
    tenant = _installed(Tenant().machine("a").machine("b"), "a", end_of_support_status="EOS Version")
    tenant.finding("a", cve=None).finding("b", cve=None)
    del tenant.rows["software_inventory"]
    found = tenant.by_device("patch_compliance", strict)
    assert {row["verdict"] for row in found.values()} == {"unknown"}
    assert {(row["unsupported_software"], row["absent_inputs"]) for row in found.values()} == {
        (None, "software_inventory")
    }


def test_an_undecided_finding_leaves_the_verdict_open_unless_another_is_overdue() -> None:
    tenant = Tenant().machine("a").machine("b").machine("c")
    for device in ("a", "b"):
        tenant.finding(device, "CVE-1", vulnerability_severity_level=None, cvss_score=None)
    tenant.finding("b", "CVE-2", first_seen_timestamp=AS_OF - days(99))
    found = tenant.by_device("patch_compliance")
    assert [(*_verdict(found[device])[:2], found[device]["undecided_findings"]) for device in "abc"] == [
        ("unknown", ["undecided_findings"], 1),
        ("noncompliant", ["overdue_findings", "undecided_findings"], 1),
        ("compliant", [], 0),
    ]


def test_a_record_that_is_not_eligible_says_why() -> None:
    tenant = Tenant().machine("a", last_seen=AS_OF - days(60)).finding("a", first_seen_timestamp=AS_OF - days(99))
    assert _verdict(tenant.by_device("patch_compliance")["a"]) == ("unknown", ["population_inactive"], 0)


EXEMPTIONS = {
    "the product": ("products: {name: Reader}", True),
    "the product on some devices": ("products: {name: reader, vendor: contoso}\n    tags: kiosk", True),
    "everything on the device": ("devices: a.contoso.example", True),
    "the product on other devices": ("products: {name: reader}\n    groups: plant", False),
    "another version of it": ('products: {name: reader, version: "8.0"}', False),
    "a CVE of the product": ("products: {name: reader}\n    cves: CVE-2026-0001", False),
}


@pytest.mark.parametrize(("named", "is_exempt"), EXEMPTIONS.values(), ids=EXEMPTIONS)
def test_an_exemption_that_names_no_cve_covers_unsupported_software(named, is_exempt, tmp_path) -> None:
    text = (
        "software: {unsupported: noncompliant}\nexemptions:\n"
        f"  - id: E1\n    reason: r\n    approved_by: ciso\n    expires: {AS_OF.date()}\n    {named}\n"
    )
    tenant = _installed(Tenant().machine("a", machine_tags=["Kiosk"]), "a", end_of_support_status="EOS Version")
    policy = _policy(tmp_path, text)
    row = tenant.by_device("patch_compliance", policy)["a"]
    assert (row["verdict"], row["unsupported_software"], row["exempt_unsupported_software"]) == (
        ("compliant", 1, 1) if is_exempt else ("noncompliant", 1, 0)
    )
    # and it expires
    assert tenant.later(timedelta(days=1)).by_device("patch_compliance", policy)["a"]["verdict"] == "noncompliant"


def test_findings_known_to_be_exploited_are_not_known_without_the_catalogue() -> None:
    tenant = Tenant().machine("a").machine("b").finding("a")
    found = tenant.without("kev").by_device("patch_compliance")
    assert (found["a"]["kev_findings"], found["b"]["kev_findings"]) == (None, 0)
    tenant.add("kev", cve_id="CVE-2026-0001", date_added=AS_OF, due_date=AS_OF + days(20))
    assert tenant.by_device("patch_compliance")["a"]["kev_findings"] == 1


STRICT = Policy.load("cyber-essentials-3.3")


@given(tenants(max_machines=4, max_findings=6))
@few
def test_unsupported_software_is_judged_as_the_contract_says(tenant: Tenant) -> None:
    found = tenant.derive("device_identity", "patch_findings", "patch_compliance", policy=STRICT)
    identity = {row["device_id"]: row for row in found["device_identity"]}
    findings = {tuple(row[column] for column in oracle.KEY): row for row in found["patch_findings"]}
    expected = oracle.patch_compliance(tenant.rows, identity, findings, tenant.as_of, unsupported_fails=True)
    for row in found["patch_compliance"]:
        wanted = expected[row["device_id"]]
        names = ("verdict", "reasons", "unsupported_software", "undecided_findings")
        assert [row[name] for name in names] == [wanted[name] for name in names]


@given(tenants(max_machines=4, max_findings=8), st.sampled_from(["default", "cyber-essentials-3.3"]), st.booleans())
@few
def test_no_share_improves_by_an_inventory_that_is_missing(tenant: Tenant, policy: str, is_absent: bool) -> None:
    def share(judged: Tenant) -> tuple[int, int]:
        verdicts = [row["verdict"] for row in judged.one("patch_compliance", policy) if row["population"] == "eligible"]
        return verdicts.count("compliant"), len(verdicts)

    worse = tenant.without("software_inventory") if is_absent else tenant.without()
    if not is_absent:
        worse.rows["software_inventory"] = []
    (compliant, eligible), (compliant_after, eligible_after) = share(tenant), share(worse)
    assert compliant_after <= compliant
    assert compliant_after * eligible <= compliant * eligible_after
