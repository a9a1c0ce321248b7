"""Configuration: controls met and failed, the weighted score, the verdict by required controls and minimum score."""

from pathlib import Path

from defender_assets.compliance import Policy

from .tenant import AS_OF, Tenant, days


def test_controls_are_counted_where_they_apply_and_weighed_by_impact() -> None:
    tenant = Tenant().machine("a")
    tenant.control("a", "scid-9001", configuration_impact=8.0).control(
        "a", "scid-9002", is_compliant=False, configuration_impact=2.0
    )
    tenant.control("a", "scid-9003", is_applicable=False, is_compliant=False, configuration_impact=9.0)
    tenant.control("a", "scid-9004", is_compliant=None, configuration_impact=None)
    row = tenant.by_device("policy_compliance")["a"]
    assert (row["controls_applicable"], row["controls_compliant"]) == (3, 1)
    # not shown to be met is not met
    assert row["failed_control_ids"] == ["scid-9002", "scid-9004"]
    assert row["weighted_score"] == 0.8
    # none of them is required, and the policy that ships has no minimum
    assert (row["verdict"], row["failed_required_control_ids"]) == ("compliant", [])


def test_rows_repeated_for_several_groups_are_one_control() -> None:
    tenant = Tenant().machine("a").control("a", "scid-9001", rbac_group_id=1)
    tenant.control("a", "scid-9001", rbac_group_id=2, is_compliant=False)
    row = tenant.by_device("policy_compliance")["a"]
    assert (row["controls_applicable"], row["failed_control_ids"]) == (1, ["scid-9001"])


def test_a_required_control_that_is_not_met_fails_the_device() -> None:
    tenant = Tenant().machine("a").control("a", "scid-2012", is_compliant=False).machine("b").control("b", "scid-2012")
    tenant.machine("asleep", last_seen=AS_OF - days(60)).control("asleep", "scid-2012", is_compliant=False)
    tenant.machine("unassessed")
    found = tenant.by_device("policy_compliance")
    assert {device: row["verdict"] for device, row in found.items()} == {
        "a": "noncompliant",
        "b": "compliant",
        "asleep": "unknown",
        "unassessed": "unknown",
    }
    assert found["a"]["failed_required_control_ids"] == ["scid-2012"]
    assert found["unassessed"]["weighted_score"] is None


def test_a_score_under_the_minimum_fails_the_device(tmp_path) -> None:
    tenant = Tenant().machine("enough").machine("short")
    for device, met in (("enough", 3), ("short", 2)):
        for number in range(4):
            tenant.control(device, f"scid-{number}", is_compliant=number < met)
    found = tenant.by_device("policy_compliance", _minimum(tmp_path))
    assert {device: (row["weighted_score"], row["verdict"]) for device, row in found.items()} == {
        "enough": (0.75, "compliant"),
        "short": (0.5, "noncompliant"),
    }


def _verdicts(tenant: Tenant, policy: Policy | str = "default") -> dict[str, tuple[str, list[str]]]:
    return {
        device: (row["verdict"], row["reasons"])
        for device, row in tenant.by_device("policy_compliance", policy).items()
    }


def test_a_required_control_that_others_of_the_system_have_and_this_device_lacks_is_not_known_to_be_met() -> None:
    # given Windows 11 devices with the control, without a row of it, and with one that does not say whether it applies
    tenant = Tenant().machine("met").control("met", "scid-2012")
    tenant.machine("failed").control("failed", "SCID-2012", is_compliant=False)
    tenant.machine("lacking").control("lacking", "scid-1")
    tenant.machine("unsaid").control("unsaid", "scid-2012", is_applicable=None).control("unsaid", "scid-1")
    # and devices to which it does not apply, or whose system does not have it
    tenant.machine("exempt").control("exempt", "scid-2012", is_applicable=False).control("exempt", "scid-1")
    tenant.machine("mac", os_platform="macOS").control("mac", "scid-1")
    assert _verdicts(tenant) == {
        "met": ("compliant", []),
        "failed": ("noncompliant", ["required_controls_failed"]),
        "lacking": ("unknown", ["required_controls_unknown"]),
        "unsaid": ("unknown", ["required_controls_unknown"]),
        "exempt": ("compliant", []),
        "mac": ("compliant", []),
    }
    found = tenant.by_device("policy_compliance")
    assert found["lacking"]["unknown_required_control_ids"] == ["scid-2012"]
    assert found["met"]["unknown_required_control_ids"] == []


def test_a_device_to_which_no_control_applies_is_unknown_under_a_minimum_score_too(tmp_path) -> None:
    policy = _minimum(tmp_path)
    tenant = Tenant().machine("nothing").machine("inapplicable").control("inapplicable", "scid-1", is_applicable=False)
    # a control that weighs nothing, and one whose weight is not told
    tenant.machine("weightless").control("weightless", "scid-1", configuration_impact=0.0)
    tenant.machine("unweighed").control("unweighed", "scid-1")
    tenant.control("unweighed", "scid-2", is_compliant=False, configuration_impact=None)
    assert _verdicts(tenant, policy) == {
        "nothing": ("unknown", ["no_control_applies"]),
        "inapplicable": ("unknown", ["no_control_applies"]),
        "weightless": ("unknown", ["score_unknown"]),
        "unweighed": ("unknown", ["score_unknown"]),
    }


def test_a_score_that_reaches_the_minimum_only_if_a_control_does_not_apply_is_unknown(tmp_path) -> None:
    tenant = Tenant().machine("enough").machine("perhaps").machine("short")
    for device, met, unsaid in (("enough", 7, 2), ("perhaps", 6, 3), ("short", 2, 0)):
        for number in range(met):
            tenant.control(device, f"scid-{number}")
        for number in range(unsaid):
            tenant.control(device, f"scid-8{number}", is_applicable=None, is_compliant=True)
        tenant.control(device, "scid-99", is_compliant=False)
    assert _verdicts(tenant, _minimum(tmp_path, 0.7)) == {
        "enough": ("compliant", []),
        "perhaps": ("unknown", ["score_unknown"]),
        "short": ("noncompliant", ["score_under_minimum"]),
    }


def _minimum(folder: Path, score: float = 0.75) -> Policy:
    file = folder / "ours.yaml"
    file.write_text(f"name: ours\ncontrols: {{minimum_score: {score}, required: []}}\n")
    return Policy.load(file)
