"""What changed: true fixes told from moves, upgrades and devices that left, and how long the true ones took."""

from datetime import timedelta

import pyarrow as pa

from defender_assets.compliance import derive_one
from defender_assets.compliance.derivation import NO_DEVICES
from defender_assets.scope.left_out import ScopeOfTables

from .tenant import AS_OF, ENGINE, Row, Tenant, days, derived, preset

DAY = AS_OF.replace(hour=0, minute=0)
SIX_HOURS = timedelta(hours=6)


def _times(tenant: Tenant) -> dict[str, Row]:
    return {row["severity"]: row for row in tenant.one("remediation_times")}


def _times_left_out(tenant: Tenant, devices: pa.Array | None, severity: str | None = None) -> Row:
    """The row of all severities where the scope leaves these devices out of the day's machines, and the findings below
    this severity."""
    scope = ScopeOfTables(severity={} if severity is None else {"software_vulnerabilities": severity})
    inputs = tenant.inputs | derived(tenant.inputs, preset("default"), "device_identity")
    with derive_one(
        "remediation_times", inputs, preset("default"), engine=ENGINE, scope=scope, left_out_devices=devices
    ) as derivation:
        (row,) = [row for row in derivation.reader().read_all().to_pylist() if row["severity"] == "all"]
    return row


def _counts(row: Row) -> dict[str, int]:
    names = ("new", "fixed", "vanished", "moved", "upgraded", "renamed", "reopened", "updated")
    return {name: row[name] for name in names if row[name]}


def test_a_fix_takes_from_first_sight_to_the_event() -> None:
    tenant = Tenant().machine("a")
    for cve, taken in (("CVE-1", 10), ("CVE-2", 2), ("CVE-3", 3)):
        tenant.change("a", "Fixed", DAY, cve, first_seen_timestamp=DAY - days(taken))
    tenant.change("a", "Fixed", DAY, "CVE-4", vulnerability_severity_level="Low", first_seen_timestamp=DAY - days(100))
    tenant.change("a", "Fixed", DAY, "CVE-5", vulnerability_severity_level="Low", first_seen_timestamp=None)
    found = _times(tenant)
    assert (found["High"]["mean_days"], found["High"]["median_days"], found["High"]["timed"]) == (5.0, 3.0, 3)
    # a fix whose beginning is not known is counted, not timed
    assert (found["Low"]["fixed"], found["Low"]["timed"], found["Low"]["mean_days"]) == (2, 1, 100.0)
    assert (found["all"]["fixed"], found["all"]["timed"], found["all"]["median_days"]) == (5, 4, 6.5)


def test_a_move_between_device_groups_is_no_fix() -> None:
    # given a device that moved from group 1 to group 2, told in one window, and another told in two
    tenant = Tenant().machine("a").machine("b")
    tenant.change("a", "Fixed", DAY, rbac_group_id=1).change("a", "New", DAY, rbac_group_id=2)
    tenant.change("b", "New", DAY - SIX_HOURS, rbac_group_id=2).change("b", "Fixed", DAY, rbac_group_id=1)
    assert _counts(_times(tenant)["all"]) == {"moved": 2}


def test_an_upgrade_that_keeps_the_cve_is_no_fix() -> None:
    tenant = Tenant().machine("a")
    tenant.change("a", "Fixed", DAY, software_version="1.0").change("a", "New", DAY, software_version="1.1")
    assert _counts(_times(tenant)["all"]) == {"upgraded": 1}


def test_a_finding_that_comes_back_days_later_was_not_fixed() -> None:
    # given one that came back in another version after five days, and was then truly fixed
    tenant = Tenant().machine("a").change("a", "Fixed", DAY - days(9), first_seen_timestamp=DAY - days(109))
    tenant.change("a", "New", DAY - days(4), software_version="1.3")
    tenant.change("a", "Fixed", DAY, software_version="1.3", first_seen_timestamp=DAY - days(4))
    row = _times(tenant)["all"]
    assert _counts(row) == {"fixed": 1, "reopened": 1}
    assert (row["timed"], row["mean_days"]) == (1, 4.0)


def test_a_finding_that_is_seen_after_its_fix_was_not_fixed() -> None:
    tenant = Tenant().machine("a").machine("b").machine("c")
    for device in ("a", "b", "c"):
        tenant.change(device, "Fixed", DAY - days(5))
    tenant.finding("a", last_seen_timestamp=DAY)
    # an assessment from before the fix proves nothing, nor does another product
    tenant.finding("b", last_seen_timestamp=DAY - days(5)).finding("c", software_name="viewer")
    assert _counts(_times(tenant)["all"]) == {"fixed": 2, "reopened": 1}


def test_a_product_that_the_service_renames_is_no_fix() -> None:
    # given a product that is told under another vendor and name at the same moment
    tenant = Tenant().machine("a").change("a", "Fixed", DAY)
    tenant.change("a", "New", DAY, software_vendor="contoso_ltd", software_name="editor_pro")
    # and the same CVE in another product at another moment, which is another matter
    tenant.machine("b").change("b", "Fixed", DAY).change("b", "New", DAY - SIX_HOURS, software_name="viewer")
    row = _times(tenant)["all"]
    assert _counts(row) == {"renamed": 1, "fixed": 1, "new": 1}
    assert row["timed"] == 1


def test_the_same_cve_on_another_device_is_another_matter() -> None:
    tenant = Tenant().machine("a").machine("b").change("a", "Fixed", DAY).change("b", "New", DAY)
    assert _counts(_times(tenant)["all"]) == {"fixed": 1, "new": 1}


def test_what_a_device_that_left_takes_with_it_has_vanished() -> None:
    tenant = Tenant().machine("here").machine("excluded", is_excluded=True)
    tenant.machine("silent", last_seen=DAY - days(8)).machine("recent", last_seen=DAY - days(6))
    for device in ("here", "gone", "excluded", "silent", "recent"):
        tenant.change(device, "Fixed", DAY)
    tenant.change("here", "Fixed", DAY, "CVE-2", is_onboarded=False)
    assert _counts(_times(tenant)["all"]) == {"fixed": 2, "vanished": 4}


def test_rows_repeated_for_several_groups_are_one_event_and_updates_are_only_counted() -> None:
    tenant = Tenant().machine("a").change("a", "Fixed", DAY, rbac_group_id=1).change("a", "Fixed", DAY, rbac_group_id=2)
    tenant.change("a", "Updated", DAY, "CVE-2").change("a", "New", DAY, None)
    assert _counts(_times(tenant)["all"]) == {"fixed": 1, "updated": 1}


def test_only_the_days_of_the_window_are_looked_at() -> None:
    tenant = Tenant().machine("a")
    tenant.change("a", "Fixed", DAY - days(29), "CVE-1").change("a", "Fixed", DAY - days(29) - SIX_HOURS, "CVE-2")
    tenant.change("a", "Fixed", DAY + days(1) - SIX_HOURS, "CVE-3").change("a", "Fixed", DAY + days(1), "CVE-4")
    row = _times(tenant)["all"]
    assert row["fixed"] == 2
    assert (row["window_start_at"], row["window_end_at"]) == (DAY - days(29), DAY + days(1))


def test_a_day_without_changes_has_its_row_too() -> None:
    tenant = Tenant().machine("a")
    tenant.rows["software_vulnerability_changes"] = []
    (row,) = tenant.one("remediation_times")
    assert (row["severity"], row["fixed"], row["mean_days"]) == ("all", 0, None)


def test_a_device_that_leaves_the_scope_is_no_fix_and_has_not_vanished() -> None:
    # given a device in the scope, one that left it, and one that is gone from the service
    tenant = Tenant().machine("a")
    for device in ("a", "left", "gone"):
        tenant.change(device, "Fixed", DAY - days(1)).change(device, "New", DAY - days(2), "CVE-2")
        tenant.change(device, "Updated", DAY - days(2), "CVE-3")
    row = _times_left_out(tenant, pa.array(["left"]))
    assert _counts(row) == {"new": 2, "fixed": 1, "vanished": 1, "updated": 2}
    assert (row["out_of_scope"], row["timed"]) == (3, 1)
    # and where nobody knows which devices the scope left out, none is told to have vanished
    row = _times_left_out(tenant, None)
    assert _counts(row) == {"new": 1, "fixed": 1, "updated": 1}
    assert row["out_of_scope"] == 6


def test_a_finding_that_is_rated_below_the_severity_of_the_scope_is_no_fix() -> None:
    # given one CVE that is rated anew, from high to medium, and one that is truly fixed
    tenant = Tenant().machine("a").change("a", "Fixed", DAY).change("a", "Fixed", DAY, "CVE-2")
    tenant.change("a", "New", DAY, vulnerability_severity_level="Medium")
    row = _times_left_out(tenant, NO_DEVICES, "high")
    assert _counts(row) == {"fixed": 1, "moved": 1}
    assert (row["out_of_scope"], row["timed"]) == (0, 1)


def test_changes_below_the_severity_of_the_scope_are_neither_fixed_nor_new() -> None:
    """Whether what is told fixed there is still open is not known: such findings are not in the lake."""
    tenant = Tenant().machine("a")
    for severity in ("Low", " medium", "High", "Critical", None, "Severe"):
        for status in ("Fixed", "New", "Updated"):
            tenant.change("a", status, DAY, f"{status} {severity}", vulnerability_severity_level=severity)
    row = _times_left_out(tenant, NO_DEVICES, "high")
    assert _counts(row) == {"fixed": 4, "new": 4, "updated": 4}
    assert row["out_of_scope"] == 6
    # and one that is rated up to the scope's severity is nothing new
    tenant = Tenant().machine("a").change("a", "Fixed", DAY, vulnerability_severity_level="Medium")
    assert _counts(_times_left_out(tenant.change("a", "New", DAY), NO_DEVICES, "high")) == {}
