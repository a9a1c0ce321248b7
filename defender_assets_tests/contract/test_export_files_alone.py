"""Tables that come in pages and in export files are the same either way; one that comes in files alone is proven by its
files."""

import json
from datetime import UTC, datetime

import pytest

from defender_assets.catalog import DATASETS, CursorPages, Dataset
from defender_assets.doctor import examine_service
from defender_assets.lake import Lake
from defender_assets.settings import Settings, connection

from .test_completeness import complete
from .test_every_dataset import fetched, in_lake, key_of

GATHERED = DATASETS["information_gathering"]
# Of the others, the service's files are known to have members that the pages lack, and the reverse.
SAME_EITHER_WAY = ["software_inventory_non_cpe", "browser_extensions", "hardware_firmware", "certificates",
                   "baseline_assessment"]  # fmt: skip


def lake_of(tmp_path, name: str = "lake") -> Lake:
    return Lake(str(tmp_path / name))


def facts_of(dataset: Dataset, lake: Lake) -> dict[tuple, dict]:
    """Rows by key; files leave out what has no value, an empty list included."""
    return {
        key_of(dataset, row): {
            name: None if value == [] else value for name, value in row.items() if name != "observed_at"
        }
        for row in in_lake(lake, dataset)
    }


@pytest.mark.parametrize("name", SAME_EITHER_WAY)
def test_pages_and_files_have_the_same_rows(name, tenant_settings, simulator, tmp_path):
    dataset = DATASETS[name]
    assert isinstance(dataset.fetch, CursorPages)
    by_way = {}
    for way in ("never", "always"):
        lake = lake_of(tmp_path, way)
        assert fetched(dataset, tenant_settings, lake, export_files=way).rows
        by_way[way] = facts_of(dataset, lake)
    assert by_way["never"] == by_way["always"]


def test_what_was_gathered_is_read_from_its_texts_and_says_what_the_antivirus_health_says(
    tenant_settings, simulator, tmp_path
):
    lake, health = lake_of(tmp_path), DATASETS["av_health"]
    result = fetched(GATHERED, tenant_settings, lake)
    fetched(health, tenant_settings, lake)
    modes = {row["machine_id"]: (row["av_mode"], row["av_engine_version"]) for row in in_lake(lake, health)}
    found = {row["device_id"]: row["device_gathered_info"] for row in in_lake(lake, GATHERED)}
    told = {device: info for device, info in found.items() if info is not None}
    assert told
    assert {device: (info["av_mode"], info["av_engine_version"]) for device, info in told.items()} == {
        device: modes[device] for device in told
    }
    scans = [info["av_scan_results"] for info in told.values() if info["av_scan_results"]]
    assert scans
    assert {type(scan["custom"]["timestamp"]) for scan in scans} <= {datetime, type(None)}
    kept = [json.loads(info["extra"]) for info in told.values() if info["extra"]]
    assert {member for extra in kept for member in extra} >= {"SmartScreenLevel", "NetworkProtectionMode"}
    # Members beside the declared ones are no news: they depend on the operating system.
    assert result.failed_checks == set()


def test_the_check_says_that_files_alone_were_read_and_their_list_is_requested_twice(
    own_settings, own_simulator, tmp_path
):
    lake = lake_of(tmp_path)
    for _ in range(2):  # the first time and ever after: there are no pages to compare them with
        own_simulator.control.reset_counters()
        result = fetched(GATHERED, own_settings, lake)
        assert f"{result.rows} rows by export files of /api/machines/InfoGatheringExport" in complete(result)
        assert own_simulator.control.counters()["calls"] == {"tvm_files": 2}


def test_rows_that_are_gone_are_believed_when_the_files_say_so_twice(own_settings, own_simulator, tmp_path):
    lake = lake_of(tmp_path)
    before = fetched(GATHERED, own_settings, lake).rows
    own_simulator.control.remove_devices(3)
    own_simulator.control.regenerate_exports()
    result = fetched(GATHERED, own_settings, lake)
    assert result.rows == len(list(own_simulator.tenant.rows(GATHERED.name))) < before
    assert f"doubted (formerly {before})" in complete(result)


def test_the_doctor_asks_for_the_list_and_downloads_nothing(own_settings, own_simulator):
    own_simulator.control.reset_counters()
    (probe,) = examine_service(connection(), Settings.load(), [GATHERED]).datasets
    assert (probe.ok, probe.permission) == (True, "Vulnerability.Read.All")
    assert own_simulator.control.counters()["calls"] == {"tvm_files": 1}
    assert [path for _, path, _ in own_simulator.control.requests() if "blob" in path or path.endswith(".gz")] == []
    own_simulator.control.revoke_roles("Vulnerability.Read.All")
    (refused,) = examine_service(connection(), Settings.load(), [GATHERED]).datasets
    assert (refused.ok, refused.reason) == (False, "missing_role")


def test_names_with_a_nul_stay_as_they_were_sent(tenant_settings, simulator, tmp_path):
    lake, table = lake_of(tmp_path), DATASETS["software_inventory_non_cpe"]
    fetched(table, tenant_settings, lake)
    names = {row["software_name"] for row in in_lake(lake, table)}
    assert "scan2folder\0" in names
    assert None in {row["software_vendor"] for row in in_lake(lake, table)}


def test_a_certificate_without_a_validity_has_none(tenant_settings, simulator, tmp_path):
    lake, table = lake_of(tmp_path), DATASETS["certificates"]
    fetched(table, tenant_settings, lake)
    rows = in_lake(lake, table)
    unset = [row for row in rows if row["expiration_date"] is None]
    assert unset
    assert all(row["issue_date"] is None and row["extra"] is None for row in unset)
    assert any(row["expiration_date"] and row["expiration_date"] < datetime.now(UTC) for row in rows)
    assert {tuple(row["extended_key_usage"] or ()) for row in rows} >= {(), ("Client Authentication",)}
