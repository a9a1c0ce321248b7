"""The tenant changes while it is served: at once where the service is live, later where it stores assessments."""

from datetime import timedelta

import pytest

from defender_assets.simulator import SimulatedTenant, TenantShape

from .conftest import AS_OF, parse_time


@pytest.fixture
def tenant() -> SimulatedTenant:
    return SimulatedTenant(TenantShape(machines=60, as_of=AS_OF))


def test_devices_come_and_go(tenant):
    before = [row["id"] for row in tenant.rows("machines")]
    gone, come = tenant.timeline.remove_devices(2), tenant.timeline.add_devices(3)
    after = [row["id"] for row in tenant.rows("machines")]
    assert set(before) - set(after) == set(gone)
    assert set(after) - set(before) == set(come)
    assert len(after) == len(before) + 1
    assert {row["machineId"] for row in tenant.rows("av_health")}.isdisjoint(gone)
    assert tenant.device(gone[0]) is None
    assert tenant.device(come[0]) is not None


def test_assessments_stay_until_they_are_rebuilt(tenant):
    before = list(tenant.rows("software_inventory"))
    come = tenant.timeline.add_devices(1)
    assert list(tenant.rows("software_inventory")) == before
    generated = tenant.assessment.generated
    assert tenant.timeline.regenerate_exports() > generated
    assert come[0] in {row["deviceId"] for row in tenant.rows("software_inventory")}


def test_assessments_made_twice_within_a_minute_have_two_times(tenant):
    first, second = tenant.timeline.regenerate_exports(), tenant.timeline.regenerate_exports()
    assert second - first >= timedelta(minutes=1)


def test_time_passes(tenant):
    before = {row["id"]: parse_time(row["lastSeen"]) for row in tenant.rows("machines")}
    alerts = list(tenant.rows("alerts"))
    assert tenant.timeline.advance(timedelta(days=2)) == AS_OF + timedelta(days=2)
    after = {row["id"]: parse_time(row["lastSeen"]) for row in tenant.rows("machines")}
    moved = {key for key in before if after[key] - before[key] == timedelta(days=2)}
    assert moved
    assert all(after[key] == before[key] for key in before.keys() - moved)
    # Alerts happened when they happened; only those older than 180 days are forgotten.
    assert list(tenant.rows("alerts")) == [row for row in alerts if _remembered(row, tenant)]


def _remembered(row: dict, tenant: SimulatedTenant) -> bool:
    return tenant.as_of - parse_time(row["alertCreationTime"]).replace(microsecond=0) < timedelta(days=180)


def test_an_alert_is_raised_and_changes(tenant):
    before = {row["id"]: row for row in tenant.rows("alerts")}
    raised = tenant.timeline.create_alerts(2)
    changed = tenant.timeline.update_alert()
    mine = tenant.timeline.update_alert(raised[0], status="InProgress", assignedTo="analyst@contoso.example")
    after = {row["id"]: row for row in tenant.rows("alerts")}
    assert after.keys() - before.keys() == set(raised)
    assert mine == raised[0]
    assert after[mine]["status"] == "InProgress"
    assert after[mine]["evidence"]
    assert parse_time(after[changed]["lastUpdateTime"]) >= AS_OF
    assert {key for key in before if before[key] != after[key]} == {changed} - set(raised)


def test_an_alert_can_be_raised_in_the_past(tenant):
    at = AS_OF - timedelta(days=40)
    raised = tenant.timeline.create_alerts(1, at)[0]
    row = next(row for row in tenant.rows("alerts") if row["id"] == raised)
    assert parse_time(row["alertCreationTime"]).replace(microsecond=0) == at


def test_the_journal_has_every_change_in_order(tenant):
    gone = tenant.timeline.remove_devices(1)
    tenant.timeline.regenerate_exports()
    assert [happening.what for happening in tenant.timeline.journal] == ["remove_devices", "regenerate_exports"]
    assert tenant.timeline.journal[0].which == tuple(gone)


def test_what_does_not_exist_cannot_change(tenant):
    with pytest.raises(ValueError, match="no such device"):
        tenant.timeline.remove_devices(ids=["0" * 40])
    with pytest.raises(ValueError, match="no such alert"):
        tenant.timeline.update_alert("da1_1")
    with pytest.raises(ValueError, match="has not 70 ordinary devices"):
        tenant.timeline.remove_devices(70)


def test_an_unknown_dataset_is_a_key_error(tenant):
    with pytest.raises(KeyError):
        tenant.rows("nothing")
    with pytest.raises(KeyError, match="no export files"):
        tenant.rows("machines", "files")
