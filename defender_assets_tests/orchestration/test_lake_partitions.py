"""What the UI knows of a lake that no run of its Dagster filled: where partitions begin, and which there are."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest

from defender_assets.catalog import TABLES
from defender_assets.definitions import build_defs
from defender_assets.lake import Lake
from defender_assets.orchestration.first_day import first_day
from defender_assets.orchestration.partitions import TenantDays
from defender_assets.settings import Settings, SettingsError

from .automation.ticks import Daemon

TODAY = datetime.now(UTC).date()
SENSOR = "lake_partitions"


def days_ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def captured(lake: Lake, table: str, day: date, *, at: datetime | None = None) -> None:
    """A partition of the table without rows, as it was captured at that time, or at noon of the day (five minutes ago,
    if it is not noon yet)."""
    observed_at = at or min(datetime.combine(day, time(12), UTC), datetime.now(UTC) - timedelta(minutes=5))
    with lake.writing(TABLES[table], day, {"observed_at": observed_at.isoformat()}) as partition:
        partition.write(TABLES[table].schema.empty_table())
        partition.publish()


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lake:
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    return Lake(str(tmp_path / "lake"))


def materialized(instance: dg.DagsterInstance, table: str) -> set[str]:
    return instance.get_materialized_partitions(dg.AssetKey(table))


def test_partitions_begin_today_in_an_empty_lake_and_then_with_the_first_machines(lake):
    assert first_day(Settings.load(), ["default"]) == TODAY
    # given alerts of months ago, which the first refresh of any lake reads
    captured(lake, "alerts", days_ago(90))
    assert first_day(Settings.load(), ["default"]) == TODAY
    captured(lake, "software", days_ago(2))
    assert first_day(Settings.load(), ["default"]) == days_ago(2)
    captured(lake, "machines", days_ago(1))
    graph = build_defs().resolve_asset_graph()
    assert {TenantDays.of(graph.get(key).partitions_def).first for key in graph.materializable_asset_keys} == {
        days_ago(1)
    }


def test_partitions_begin_where_the_setting_says(lake, monkeypatch):
    captured(lake, "machines", days_ago(9))
    monkeypatch.setenv("DEFENDER_FIRST_DAY", str(days_ago(3)))
    assert first_day(Settings.load(), ["default"]) == days_ago(3)
    monkeypatch.setenv("DEFENDER_FIRST_DAY", "last week")
    with pytest.raises(SettingsError, match=r"DEFENDER_FIRST_DAY.*2026-11-01"):
        Settings.load()


def test_a_lake_that_cannot_be_read_keeps_no_definitions_from_loading(monkeypatch, tmp_path):
    (tmp_path / "lake").write_text("a file")
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    assert first_day(Settings.load(), ["default"]) == TODAY


def test_what_the_lake_holds_is_told_once_at_the_time_it_was_made(lake, instance):
    # given a lake that another machine filled, one file of which is damaged
    for day in (days_ago(2), days_ago(1), TODAY):
        captured(lake, "machines", day)
    captured(lake, "alerts", days_ago(1))
    captured(lake, "device_identity", TODAY)
    lake.files.publish("compliance_report", days_ago(1), "report.html", b"<p>")
    Path(lake.root, "alerts", "tenant=default", f"snapshot_date={days_ago(1)}", "part-00000.parquet").write_bytes(b"?")
    # when the sensor looks
    daemon = Daemon(instance)
    result = daemon.tick(SENSOR)
    # then Dagster knows all but the damaged one, with the newest day last
    assert result.run_requests == []
    assert materialized(instance, "machines") == {str(days_ago(2)), str(days_ago(1)), str(TODAY)}
    assert materialized(instance, "device_identity") == {str(TODAY)}
    assert materialized(instance, "compliance_report") == {str(days_ago(1))}
    assert materialized(instance, "alerts") == set()
    latest = instance.get_latest_materialization_event(dg.AssetKey("machines"))
    told = latest.asset_materialization
    assert told.partition == str(TODAY)
    assert told.metadata["dagster/partition_row_count"].value == 0
    assert told.metadata["dagster/uri"].value.startswith(lake.root)
    assert "no run of this Dagster" in told.metadata["recorded"].value
    first = instance.fetch_materializations(dg.AssetKey("machines"), limit=3).records[-1]
    assert first.timestamp == datetime.combine(days_ago(2), time(12), UTC).timestamp()
    assert result.skip_message.startswith("5 partitions of the lake recorded, and 1 damaged partition left out")
    # and the next looks add nothing
    assert "ten minutes" in daemon.tick(SENSOR).skip_message
    daemon.cursors[SENSOR] = None
    assert daemon.tick(SENSOR).skip_message.startswith("0 partitions of the lake recorded, and 1 damaged")
    assert len(instance.fetch_materializations(dg.AssetKey("machines"), limit=9).records) == 3


def test_what_was_only_just_captured_is_left_to_the_run_that_may_record_it(lake, instance):
    # given yesterday's machines, and today's, which a refresh has begun to fetch while its run does not exist yet
    captured(lake, "machines", days_ago(1))
    captured(lake, "machines", TODAY, at=datetime.now(UTC))
    daemon = Daemon(instance)
    # then yesterday's are recorded, and the lake is checked again at the next tick
    assert daemon.tick(SENSOR).skip_message == "1 partition of the lake recorded, 1 to come."
    assert materialized(instance, "machines") == {str(days_ago(1))}
    captured(lake, "machines", TODAY)
    assert daemon.tick(SENSOR).skip_message == "1 partition of the lake recorded."


@pytest.mark.filterwarnings("ignore:Non-compliant tag keys:DeprecationWarning")
def test_a_lake_that_cannot_be_read_is_named_until_the_next_check_and_holds_up_no_other(
    lake, instance, monkeypatch, tmp_path
):
    (tmp_path / "tenants.yaml").write_text("tenants:\n  - name: contoso\n  - name: fabrikam\n")
    monkeypatch.setenv("DEFENDER_TENANTS", str(tmp_path / "tenants.yaml"))
    captured(Lake(lake.root, "fabrikam"), "machines", TODAY)
    Path(lake.root, "machines", "tenant=contoso").write_text("a file")
    daemon = Daemon(instance)
    told = daemon.tick(SENSOR).skip_message
    assert told.startswith("The lake of contoso could not be read: ")
    assert told.endswith("1 partition of the lake recorded.")
    assert materialized(instance, "machines") == {f"{TODAY}|fabrikam"}
    again = daemon.tick(SENSOR).skip_message
    assert "it is checked every ten minutes. The lake of contoso could not be read: " in again
