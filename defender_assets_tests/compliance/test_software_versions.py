"""Which versions of what run on how many devices: shares of the product and of the fleet, weaknesses, support."""

from typing import Any

from defender_assets.compliance import headline_numbers

from .tenant import AS_OF, ENGINE, Row, Tenant, days, derived, preset

MIDNIGHT = AS_OF.replace(hour=0, minute=0)


def _installed(tenant: Tenant, device: str, version: str | None, **values: Any) -> Tenant:
    usual = {"software_vendor": "contoso", "software_name": "reader"}
    return tenant.add("software_inventory", device_id=device, software_version=version, **(usual | values))


def _by_version(tenant: Tenant) -> dict[str, Row]:
    return {row["software_version"]: row for row in tenant.one("software_versions") if row["software_name"] == "reader"}


def _fleet() -> Tenant:
    """Four devices that are judged, of which three have the reader, one of them twice; one that is asleep."""
    tenant = Tenant()
    for device in "abcd":
        tenant.machine(device)
    tenant.machine("asleep", last_seen=AS_OF - days(60))
    for device, version in (("a", "1"), ("b", "1"), ("c", "1"), ("c", "2"), ("asleep", "2"), ("asleep", "3")):
        _installed(tenant, device, version)
    # on a device that the list of machines lacks, and once more for a second device group
    return _installed(_installed(tenant, "gone", "4"), "a", "1", rbac_group_id=9)


def test_shares_are_of_the_devices_that_have_the_product_and_of_all_that_are_judged() -> None:
    found = _by_version(_fleet())
    names = ("devices", "product_devices", "eligible_devices", "product_pct", "fleet_pct", "other_devices")
    assert {version: [row[name] for name in names] for version, row in found.items()} == {
        "1": [3, 3, 4, 100.0, 75.0, 0],
        "2": [1, 3, 4, 100 / 3, 25.0, 1],
        "3": [0, 3, 4, 0.0, 0.0, 1],
    }


def test_a_fleet_in_which_nobody_is_judged_has_no_shares() -> None:
    tenant = Tenant().machine("asleep", last_seen=AS_OF - days(60))
    (row,) = _by_version(_installed(tenant, "asleep", None)).values()
    assert (row["devices"], row["other_devices"], row["product_pct"], row["fleet_pct"]) == (0, 1, None, None)


def test_weaknesses_are_those_the_inventory_tells_and_not_known_is_not_none() -> None:
    tenant = Tenant().machine("a").machine("b")
    for device, version, weaknesses in (
        ("a", "1", 3),
        ("b", "1", 5),
        ("a", "2", 0),
        ("b", "2", None),
        ("a", "3", None),
    ):
        seen = AS_OF - days(ord(device))
        _installed(tenant, device, version, number_of_weaknesses=weaknesses, software_first_seen_timestamp=seen)
    found = _by_version(tenant)
    assert {version: row["weaknesses"] for version, row in found.items()} == {"1": 5, "2": 0, "3": None}
    assert found["1"]["first_seen_at"] == AS_OF - days(ord("b"))


def test_support_is_the_worst_of_a_version_s_editions() -> None:
    tenant = Tenant().machine("a").machine("b")
    editions = {
        "1": ((900, None), (-9, None)),
        "2": ((900, None), (30, None)),
        "3": ((900, None), (None, "Retired")),
        "4": ((900, None), (None, "None")),
        "5": ((None, "None"), (None, None)),
    }
    for version, two in editions.items():
        for device, (ends, word) in zip("ab", two, strict=True):
            date = None if ends is None else MIDNIGHT + days(ends)
            _installed(tenant, device, version, end_of_support_date=date, end_of_support_status=word)
    found = _by_version(tenant)
    assert {version: row["support"] for version, row in found.items()} == {
        "1": "ended",
        "2": "ends_soon",
        "3": "unknown",
        "4": "supported_until",
        "5": None,
    }
    assert found["1"]["end_of_support_date"] == MIDNIGHT - days(9)


def test_headlines_count_versions_and_products_of_eligible_devices() -> None:
    rows = derived(_fleet().inputs, preset("default"), "software_versions")["software_versions"]
    assert headline_numbers("software_versions", rows, engine=ENGINE) == {
        "versions": 3,  # of the reader two, and the agent that every device has
        "with_weaknesses": 0,
        "weaknesses_unknown": 3,
        "ended": 0,
        "products": 2,
        "in_several_versions": 1,
    }
