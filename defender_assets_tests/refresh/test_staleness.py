"""Which days of an event table are stale, against a simulated tenant."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from defender_assets.api import DefenderClient, open_client
from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake
from defender_assets.refresh import caught_up_to, note_caught_up, stale_days
from defender_assets.settings import Settings, connection

from ..refreshing import refresh_dataset

ALERTS, CHANGES = DATASETS["alerts"], DATASETS["software_vulnerability_changes"]


@pytest.fixture
def client(own_settings) -> Iterator[DefenderClient]:
    with open_client(connection(), Settings.load()) as client:
        yield client


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def publish(client: DefenderClient, lake: Lake, name: str, days: list[date]) -> None:
    refresh_dataset(DATASETS[name], client, lake, days)


def back(days: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=days)


def test_of_an_empty_lake_every_remembered_day_is_missing_and_the_service_is_not_asked(client, lake, own_simulator):
    own_simulator.control.reset_counters()
    staleness = stale_days(client, ALERTS, lake, datetime.now(UTC))
    assert staleness.days == {back(n): "missing" for n in range(180)}
    assert staleness.caught_up_to is None
    assert own_simulator.control.counters()["calls"] == {}


def test_days_that_were_published_before_the_first_comparison_are_compared_too(client, lake, own_simulator):
    """Given a few days that somebody refreshed by hand, when an alert of one of them changes, then that day is stale
    beside the missing ones; so once all are refreshed, everything up to the comparison is in the lake."""
    noon = datetime.combine(back(3), datetime.min.time(), UTC) + timedelta(hours=12)
    (alert,) = own_simulator.control.create_alerts(1, noon.isoformat())
    publish(client, lake, "alerts", [back(4), back(3), back(2)])
    own_simulator.control.update_alert(alert)
    now = datetime.now(UTC)
    staleness = stale_days(client, ALERTS, lake, now)
    assert set(staleness.days) == {back(n) for n in range(180)} - {back(4), back(2)}
    assert staleness.caught_up_to is None
    assert staleness.caught_up_after_refresh == now


def test_a_damaged_partition_with_changes_is_stale_and_can_so_be_replaced(client, lake, own_simulator, tmp_path):
    noon = datetime.combine(back(3), datetime.min.time(), UTC) + timedelta(hours=12)
    (alert,) = own_simulator.control.create_alerts(1, noon.isoformat())
    publish(client, lake, "alerts", [back(3)])
    note_caught_up(lake, ALERTS, datetime.now(UTC))
    own_simulator.control.update_alert(alert)
    for file in (tmp_path / "lake" / "alerts").rglob(f"snapshot_date={back(3)}/*.parquet"):
        file.write_bytes(b"no parquet")
    assert back(3) in stale_days(client, ALERTS, lake, datetime.now(UTC)).days


def test_a_day_without_events_is_stale_until_it_has_an_empty_partition(client, lake):
    note_caught_up(lake, ALERTS, datetime.now(UTC) + timedelta(minutes=10))  # so nothing counts as updated since
    assert stale_days(client, ALERTS, lake, datetime.now(UTC)).days == {back(0): "missing"}
    publish(client, lake, "alerts", [back(0)])
    assert stale_days(client, ALERTS, lake, datetime.now(UTC)).days == {}


def test_a_day_of_a_change_feed_is_stale_until_it_was_read_six_hours_after_its_end(client, lake):
    days = [back(n) for n in range(13, -1, -1)]
    publish(client, lake, "software_vulnerability_changes", days)
    now = datetime.now(UTC)
    unsettled = {back(0)} if now.hour >= 6 else {back(0), back(1)}
    assert set(stale_days(client, CHANGES, lake, now).days) == unsettled


@pytest.mark.parametrize("content", ["another program's", "damaged"])
def test_a_day_whose_file_does_not_say_when_it_was_read_is_stale(client, lake, own_simulator, content):
    """Given a partition that this project did not write, or that is damaged, then nothing is taken for granted."""
    publish(client, lake, "software_vulnerability_changes", [back(3)])
    (file,) = map(Path, lake.source("software_vulnerability_changes", [back(3)]))
    if content == "damaged":
        file.write_bytes(b"PAR1 no more")
    else:
        pq.write_table(CHANGES.schema.empty_table(), file)
    assert stale_days(client, CHANGES, lake, datetime.now(UTC)).days[back(3)] == "missing"


@pytest.mark.parametrize("note", [[], {"to": "yesterday"}, {}])
def test_a_note_that_is_not_ours_counts_as_none(lake, note):
    lake.put_note("alerts", "caught_up", note)
    assert caught_up_to(lake, ALERTS) is None
