"""Days of an event table that were published wrong are healed by the next, healthy look at them."""

import pytest

from defender_assets.refresh.staleness import stale_days

from .law import TABLES, FaultyTenant, strike

ALERTS = TABLES["alerts"]


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("row_wrong", {}),
        ("large_entry", {"mebibytes": 1}),
        ("large_entry", {"mebibytes": 50}),
        ("unknown_members", {"members": 3}),
        ("missing_member", {"member": "severity"}),
        ("rows_dropped", {"rows": 2}),
    ],
)
def test_a_day_that_was_published_wrong(kind, how, tenant: FaultyTenant, tmp_path):
    """Given an answer whose times of update are right, and something else is not."""
    lake = tenant.lake(tmp_path / "lake")
    attempt = tenant.refresh(ALERTS, lake, strike(kind, ALERTS.name, times=2, **how))
    stale = stale_days(tenant.client, ALERTS, lake, tenant.simulator.tenant.as_of)
    healed = tenant.refresh(ALERTS, lake, days=sorted(stale.days)) if stale.days else attempt
    assert healed.published, healed.told
    whole = tenant.refresh(ALERTS, tenant.lake(tmp_path / "whole"))
    for day in tenant.days(ALERTS):
        ours, theirs = (
            sorted(lake.read(ALERTS.name, day).drop_columns(["observed_at"]).to_pylist(), key=lambda row: row["id"])
            for lake in (lake, whole.lake)
        )
        assert ours == theirs, day
