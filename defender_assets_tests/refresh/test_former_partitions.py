"""A dataset that is no longer chosen: what is left of it in the lake is not taken for what the tenant is like today."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from defender_assets.api import open_client
from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake
from defender_assets.refresh import PartitionOutcome, RefreshContext, left_out_on, table_refreshes
from defender_assets.refresh.outcome import Status
from defender_assets.refresh.report import report_partitions
from defender_assets.settings import Settings, connection

from ..clocks import PassingClock
from ..refreshing import refresh_dataset

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
UNWANTED = {"alerts", "software_inventory"}
COMPUTED = ("device_identity", "software_end_of_support", "devices")


@pytest.fixture
def lake(tmp_path, tenant_settings) -> Lake:
    """Alerts of two weeks, machines and findings of two days, and an inventory of the first of them. Then a person does
    without two."""
    lake = Lake(tmp_path / "lake")
    with open_client(connection(), Settings.load(), clock=PassingClock()) as client:
        refresh_dataset(DATASETS["alerts"], client, lake, [TODAY - timedelta(days=n) for n in range(14)])
        for name in ("machines", "software_vulnerabilities", "software_inventory"):
            refresh_dataset(DATASETS[name], client, lake)
            of_today = Path(lake.root) / name / "tenant=default" / f"snapshot_date={TODAY}"
            shutil.copytree(of_today, of_today.with_name(f"snapshot_date={YESTERDAY}"))
    shutil.rmtree(of_today)
    tenant_settings.setenv("DEFENDER_DATASETS", ",".join(f"!{name}" for name in UNWANTED))
    return lake


def computed(lake: Lake, day: date) -> dict[str, PartitionOutcome]:
    context = RefreshContext(lake, Settings.load(), TODAY, client=lambda: pytest.fail("nothing is asked"))
    tables = table_refreshes()
    outcomes = {name: outcome for name in COMPUTED for outcome in tables[name].refresh([day], context)}
    assert all(outcome.error is None for outcome in outcomes.values()), [outcome.error for outcome in outcomes.values()]
    return outcomes


def told(lake: Lake, day: date) -> tuple[set[str], set[bool]]:
    """(which of the unwanted datasets the devices of a day do without, whether their alerts and products are known)."""
    devices = lake.read("devices", day).to_pylist()
    (absent,) = {device["absent_inputs"] for device in devices}
    known = {device[column] is not None for device in devices for column in ("recent_alerts", "products")}
    return UNWANTED & set((absent or "").split(", ")), known


def test_nothing_of_today_is_made_from_it_and_it_is_named_as_absent(lake):
    outcomes = computed(lake, TODAY)
    assert told(lake, TODAY) == (UNWANTED, {False})
    assert outcomes["software_end_of_support"].status is Status.LEFT_OUT
    assert "software_inventory" in outcomes["software_end_of_support"].not_made_because


def test_a_past_day_for_which_it_was_captured_is_made_with_it(lake):
    outcomes = computed(lake, YESTERDAY)
    assert told(lake, YESTERDAY) == (set(), {True})
    assert outcomes["software_end_of_support"].status is Status.PUBLISHED


def test_a_table_that_was_made_from_it_before_is_no_part_of_todays_report(lake):
    computed(lake, YESTERDAY)
    of_yesterday = Path(lake.root) / "software_end_of_support" / "tenant=default" / f"snapshot_date={YESTERDAY}"
    shutil.copytree(of_yesterday, of_yesterday.with_name(f"snapshot_date={TODAY}"))
    tables = {*UNWANTED, *COMPUTED}
    for day, expected in ((TODAY, {*UNWANTED, "software_end_of_support"}), (YESTERDAY, set())):
        left_out = left_out_on(day, tables, today=TODAY, settings=Settings.load(), lake=lake)
        assert left_out == expected
        partitions = report_partitions(lake, day, left_out)
        assert {name for name in tables - {"devices", "device_identity"} if not partitions[name]} == expected
