"""Configuration: controls met and failed, the weighted score, the verdict by required controls and minimum score."""

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
    file = tmp_path / "ours.yaml"
    file.write_text("name: ours\ncontrols: {minimum_score: 0.75, required: []}\n")
    tenant = Tenant().machine("enough").machine("short")
    for device, met in (("enough", 3), ("short", 2)):
        for number in range(4):
            tenant.control(device, f"scid-{number}", is_compliant=number < met)
    found = tenant.by_device("policy_compliance", Policy.load(file))
    assert {device: (row["weighted_score"], row["verdict"]) for device, row in found.items()} == {
        "enough": (0.75, "compliant"),
        "short": (0.5, "noncompliant"),
    }
