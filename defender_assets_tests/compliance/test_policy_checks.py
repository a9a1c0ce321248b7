"""What a policy names and the fleet does not have is said, with the name that was probably meant."""

from datetime import date
from pathlib import Path

import pytest

from defender_assets.checks import Check, Severity
from defender_assets.compliance import TABLE_CHECKS, Inputs, Policy
from defender_assets.compliance.policy_checks import expiries

from .tenant import ENGINE, Tenant, derived


@pytest.fixture(scope="module")
def fleet() -> Tenant:
    tenant = Tenant().machine("web", machine_tags=["internetFacing", "Prod"], rbac_group_name="Web Servers")
    tenant.machine("desk", machine_tags=[]).machine("tux", os_platform="Ubuntu")
    tenant.finding("web", "CVE-2026-0001", software_vendor="contoso", software_name="plant_control")
    tenant.finding("desk", "CVE-2026-0002")
    return tenant.control("web", "scid-2010").control("desk", "scid-2012", is_applicable=False)


def _policy(folder: Path, text: str) -> Policy:
    path = folder / "policy.yaml"
    path.write_text(f"name: ours\n{text}", encoding="utf-8")
    return Policy.load(path)


def _checked(name: str, tenant: Tenant, policy: Policy) -> Check:
    (check,) = (check for check in TABLE_CHECKS if check.name == name)
    computed = [table for table in ("device_identity", "patch_findings") if table in check.inputs]
    inputs: Inputs = {**tenant.inputs, **derived(tenant.inputs, policy, *computed)}
    result = check.run(inputs, policy, engine=ENGINE)
    assert result.severity is Severity.WARNING
    assert result.passed is (result.numbers["remarks"] == 0)
    return result


def test_a_scope_that_no_device_is_in_is_named_with_the_group_that_was_meant(fleet, tmp_path) -> None:
    policy = _policy(
        tmp_path,
        """
scopes:
  - {name: servers, match: {groups: [web-servers]}, patch: {due_soon_days: 3}}
  - {name: mixed, match: {tags: [prod, staging], devices: [DESK.contoso.example]}, patch: {due_soon_days: 3}}
  - {name: phones, match: {platforms: [ios]}, patch: {due_soon_days: 3}}
  - {name: penguins, match: {platforms: [Linux, macos]}, patch: {due_soon_days: 3}}
""",
    )
    result = _checked("policy_names_devices", fleet, policy)
    assert result.message.split("; ") == [
        'scope "servers": no device is in it: no device is in the device group "web-servers" (the fleet has '
        '"Web Servers")',
        'scope "mixed": no device has the tag "staging"',
        'scope "phones": no device is in it: there is no ios device',
    ]


def test_an_exemption_for_nobody_is_named_until_it_expires(fleet, tmp_path) -> None:
    text = "exemptions: [{{id: E1, reason: r, approved_by: a, expires: {}, tags: [prod], devices: [printer]}}]\n"
    result = _checked("policy_names_devices", fleet, _policy(tmp_path, text.format("2026-12-31")))
    assert result.message == 'exemption "E1": no device has the name or id "printer"'
    assert _checked("policy_names_devices", fleet, _policy(tmp_path, text.format("2026-10-19"))).passed


EXPOSURE = [
    # the policy, what is said
    ("extends: cisa-bod-26-04\n", None),  # the fleet's spelling is one of those that ship
    ("exposure: {exposed_tags: [internet-facing]}\n", 'no device has the tag "internet-facing" (the fleet has "inter'),
    ("exposure: {internal_tags: [inside]}\n", 'no device has the tag "inside"'),
    (
        "extends: cisa-bod-26-04\nexposure: {exposed_tags: [dmz, internet_facing]}\n",
        'no device has one of the tags that mean exposed ("dmz", "internet_facing"), so none is known to be reached '
        'from the internet (the fleet has "internetFacing")',
    ),
]


@pytest.mark.parametrize(("text", "said"), EXPOSURE)
def test_tags_that_mean_exposed_and_that_nobody_carries_are_named(fleet, tmp_path, text, said) -> None:
    result = _checked("policy_names_devices", fleet, _policy(tmp_path, text))
    assert said in result.message if said else result.passed


def test_a_preset_that_asks_for_exposure_says_that_no_device_is_tagged() -> None:
    untagged = Tenant().machine("a")
    assert _checked("policy_names_devices", untagged, Policy.load()).passed
    assert not _checked("policy_names_devices", untagged, Policy.load("cisa-bod-26-04")).passed


def test_cves_and_products_without_a_finding_are_named(fleet, tmp_path) -> None:
    policy = _policy(
        tmp_path,
        """
exemptions:
  - {id: E1, reason: r, approved_by: a, expires: 2026-12-31, cves: [cve-2026-0001, CVE-2026-9999]}
  - {id: E2, reason: r, approved_by: a, expires: 2026-12-31, products: [{name: Plant-Control}, {name: plant_control}]}
  - {id: E3, reason: r, approved_by: a, expires: 2026-12-31, products: {vendor: fabrikam, name: plant_control}}
  - {id: E4, reason: r, approved_by: a, expires: 2026-10-01, cves: [CVE-2026-9998]}
""",
    )
    result = _checked("policy_names_findings", fleet, policy)
    assert result.message.split("; ") == [
        'exemption "E1": there is no finding of CVE-2026-9999',
        'exemption "E2": there is no finding of the product "plant-control" (the fleet has "contoso '
        'plant_control 1.2.3")',
        'exemption "E3": there is no finding of the product "fabrikam plant_control" (the fleet has "contoso '
        'plant_control 1.2.3")',
    ]
    assert _checked("policy_names_findings", fleet, Policy.load()).passed


def test_required_controls_that_apply_to_nobody_are_named(fleet, tmp_path) -> None:
    policy = _policy(tmp_path, "controls: {required: [SCID-2010, scid-2012, scid-2013]}\n")
    result = _checked("policy_names_controls", fleet, policy)
    assert result.message.endswith("to no device, so nobody is judged by it: scid-2012, scid-2013")


EXPIRING = """
exemptions:
  - {id: EX-1, reason: r, approved_by: CISO, owner: plant, expires: 2026-10-25, tags: [prod]}
  - {id: EX-2, reason: r, approved_by: CISO, expires: 2026-10-01, cves: [CVE-2026-0002]}
  - {id: EX-3, reason: r, approved_by: CISO, expires: 2027-10-25, cves: [CVE-2026-0001]}
"""


def test_exemptions_that_have_expired_or_will_soon_are_named_with_who_approved_them(fleet, tmp_path) -> None:
    policy = _policy(tmp_path, EXPIRING)
    result = _checked("exemptions_are_current", fleet, policy)
    assert result.message.split("; ", 1) == [
        'exemption "EX-1" (approved by CISO, owner plant) ends in 5 days, on 2026-10-25',
        'it covers 1 finding; exemption "EX-2" (approved by CISO) expired on 2026-10-01: its findings count again; '
        "remove or renew it",
    ]
    # the number of days is the policy's
    later = _policy(tmp_path, EXPIRING + "checks: {exemptions_expire_days: 4}\n")
    assert [remark.setting for remark in expiries(later, date(2026, 10, 20))] == ["exemptions.1.expires"]
    assert "ends today" in next(expiries(later, date(2026, 10, 25))).message
    assert _checked("exemptions_are_current", fleet, Policy.load()).passed


def test_hostile_names_stay_on_their_line(tmp_path) -> None:
    policy = _policy(tmp_path, 'scopes: [{name: "<b>\\u202e\\n", match: {tags: ["\\e[31mx"]}, patch: {kev: ignore}}]\n')
    result = _checked("policy_names_devices", Tenant().machine("a", machine_tags=["y"]), policy)
    assert result.message.isprintable()
