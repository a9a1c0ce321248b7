"""Assets materialized by Dagster from the simulated tenant."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from defender_assets.catalog.devices import MACHINES
from defender_assets.definitions import build_defs
from defender_assets.lake import Lake

TODAY = datetime.now(UTC).date().isoformat()


def run(*names: str, partition: str | None = TODAY, job: str | None = None, **options) -> dg.ExecuteInProcessResult:
    defs = build_defs()
    chosen = defs.resolve_job_def(job) if job else defs.resolve_implicit_global_asset_job_def()
    keys = [dg.AssetKey(name) for name in names] or None
    with dg.DagsterInstance.ephemeral() as instance:
        return chosen.execute_in_process(
            partition_key=partition, asset_selection=keys, raise_on_error=False, instance=instance,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}} if not job else None, **options,
        )  # fmt: skip


def sentences(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Step -> what its failure says."""
    return {
        event.step_key: event.step_failure_data.user_failure_data.description
        for event in result.all_events
        if event.is_step_failure
    }


def test_a_materialization_tells_rows_calls_bytes_time_and_where_the_parquet_is(tenant_settings, tmp_path):
    result = run("machines")
    assert result.success
    (event,) = result.get_asset_materialization_events()
    metadata = event.step_materialization_data.materialization.metadata
    rows = Lake(str(tmp_path / "lake")).rows("machines")
    assert metadata["dagster/row_count"].value == rows
    assert metadata["dagster/partition_row_count"].value == rows
    assert metadata["API calls"].value >= 1
    assert metadata["bytes received"].value > 0
    assert metadata["dagster/uri"].value.endswith(f"machines/tenant=default/snapshot_date={TODAY}/part-00000.parquet")
    assert {"observed at", "duration in seconds", "fetched by"} <= set(metadata)
    rows = metadata["sample of rows"].records
    assert len(rows) == 5
    assert rows[0].data["id"] in Lake(str(tmp_path / "lake")).read("machines")["id"].to_pylist()
    # Numbers, times and words of a list; no name of a device, which often is a person's.
    assert {"os_platform", "health_status", "last_seen", "risk_score"} <= rows[0].data.keys()
    assert not {"last_ip_address", "ip_addresses", "extra", "computer_dns_name"} & rows[0].data.keys()


def test_the_checks_are_made_in_the_producing_step(tenant_settings):
    result = run("machines")
    verdicts = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert verdicts["key_is_unique"]
    assert verdicts["not_empty"]
    assert verdicts["not_collapsed"]
    assert "columns_are_known" in verdicts


def test_rows_of_a_device_that_left_the_list_of_machines_are_counted_beside_their_table(own_settings, own_simulator):
    # given a device that left after the last assessment, and a list of machines that comes last
    device = next(iter(own_simulator.tenant.rows("software_inventory")))["deviceId"]
    rows = sum(row["deviceId"] == device for row in own_simulator.tenant.rows("software_inventory"))
    own_simulator.control.remove_devices(ids=[device])
    own_simulator.control.fault("slow", "machines", seconds=0.5, times=1)
    result = run("machines", "software_inventory", "software")
    assert result.success
    (check,) = [c for c in result.get_asset_check_evaluations() if c.check_name == "references_known_devices"]
    assert (check.asset_key.to_user_string(), check.passed) == ("software_inventory", False)
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.metadata["rows of unknown devices"].value == rows > 0
    assert check.metadata["unknown devices"].value == 1


def test_without_credentials_the_failure_says_what_to_set():
    told = sentences(run("machines"))["machines"]
    for name in ("DEFENDER_TENANT_ID", "DEFENDER_CLIENT_ID", "DEFENDER_CLIENT_SECRET"):
        assert name in told


def test_another_day_of_a_state_table_fails_at_once_and_writes_nothing(tenant_settings, simulator, tmp_path):
    before = len(simulator.control.requests())
    yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    tenant_settings.setenv("DEFENDER_FIRST_DAY", yesterday)
    told = sentences(run("machines", partition=yesterday))["machines"]
    assert "reports only the current state" in told
    assert yesterday in told
    assert len(simulator.control.requests()) == before
    assert Lake(str(tmp_path / "lake")).dates("machines") == []


def test_a_range_that_ends_today_captures_today_and_lets_the_past_stand(tenant_settings, monkeypatch, tmp_path):
    # given yesterday's machines in the lake, and none of the day before
    lake = Lake(str(tmp_path / "lake"))
    day = datetime.now(UTC).date()
    yesterday, before = day - timedelta(days=1), day - timedelta(days=2)
    with lake.writing(MACHINES, yesterday, {"observed_at": "2026-11-01T00:00:00+00:00"}) as partition:
        partition.write(MACHINES.schema.empty_table())
        partition.publish()
    monkeypatch.setenv("DEFENDER_FIRST_DAY", str(before))
    # when a person backfills the three days
    tags = {"dagster/asset_partition_range_start": str(before), "dagster/asset_partition_range_end": TODAY}
    tables = {"machines", "software_vulnerabilities", "device_identity", "patch_findings"}
    result = run(*tables, partition=None, tags=tags)
    # then today is made, yesterday is as it was, nothing of these is red, and the page of the rest says why; of
    # yesterday that is made for which its machines are enough
    assert lake.dates("machines") == [yesterday, day]
    assert lake.rows("machines", yesterday) == 0
    assert lake.rows("machines", day) > 0
    assert result.success
    made = {(event.asset_key.to_user_string(), event.partition) for event in result.get_asset_materialization_events()}
    assert {table for table, partition in made if partition == TODAY} == tables
    assert {made_one for made_one in made if made_one[1] != TODAY} == {("device_identity", str(yesterday))}
    seen = [event.asset_observation_data.asset_observation for event in result.get_asset_observation_events()]
    told = {(each.asset_key.to_user_string(), each.partition): dict(each.metadata) for each in seen}
    assert "reports only the current state" in told["machines", str(yesterday)]["left as it was"].value
    assert "reports only the current state" in told["machines", str(before)]["not captured"].value
    # and what is made from several tables says that those days can no longer be made
    lost = told["patch_findings", str(yesterday)]["not captured"].value
    assert "patch_findings needs software_vulnerabilities, which is not in the lake for that day" in lost


def test_a_role_taken_away_fails_that_dataset_alone_and_names_the_permission(own_settings, own_simulator, tmp_path):
    own_simulator.control.revoke_roles("Software.Read.All")
    result = run("machines", "software", "vulnerabilities")
    told = sentences(result)
    assert set(told) == {"software"}
    assert "Software.Read.All" in told["software"]
    lake = Lake(str(tmp_path / "lake"))
    assert lake.newest("software") is None
    assert lake.rows("machines") > 0
    assert lake.rows("vulnerabilities") > 0


def test_a_range_of_days_of_alerts_is_one_run(tenant_settings, tmp_path):
    first = datetime.now(UTC).date() - timedelta(days=9)
    tenant_settings.setenv("DEFENDER_FIRST_DAY", str(first))
    result = run(
        "alerts",
        partition=None,
        tags={"dagster/asset_partition_range_start": first.isoformat(), "dagster/asset_partition_range_end": TODAY},
    )
    assert result.success
    told = {
        event.partition: event.step_materialization_data.materialization.metadata["dagster/partition_row_count"].value
        for event in result.get_asset_materialization_events()
    }
    lake = Lake(str(tmp_path / "lake"))
    assert {day.isoformat(): lake.rows("alerts", day) for day in lake.dates("alerts")} == told
    assert len(told) == 10


def test_the_connection_test_lists_what_can_be_read(tenant_settings):
    result = run(partition=None, job="test_connection")
    assert result.success


def test_the_connection_test_fails_with_the_remedy(own_settings, own_simulator):
    own_simulator.control.revoke_roles("Alert.Read.All")
    result = run(partition=None, job="test_connection")
    (told,) = sentences(result).values()
    assert "Alert.Read.All" in told
    assert "machines" not in told


@pytest.mark.parametrize("job", ["refresh_inventory", "refresh_vulnerabilities", "refresh_alerts"])
def test_the_jobs_run(job, tenant_settings):
    assert run(job=job).success


def test_what_is_left_out_is_green_says_why_and_stops_only_what_needs_it(tenant_settings, tmp_path):
    # given a person who does without the software inventory
    tenant_settings.setenv("DEFENDER_DATASETS", "!software_inventory")
    left_out = {"software_inventory", "software_end_of_support"}
    made = {"machines", "software_vulnerabilities", "device_identity"}
    # when one run is to make it, a table that needs it, and one that can do without
    result = run(*left_out, *made)
    # then the run is green, the two are not made, and their pages say why
    assert result.success
    assert {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()} == made
    observed = {
        event.asset_key.to_user_string(): event.asset_observation_data.asset_observation
        for event in result.get_asset_observation_events()
    }
    assert set(observed) == left_out
    assert {observation.partition for observation in observed.values()} == {TODAY}
    assert "DEFENDER_DATASETS" in observed["software_inventory"].metadata["left out"].value
    assert "software_inventory" in observed["software_end_of_support"].metadata["left out"].value
    assert not {check.asset_key.to_user_string() for check in result.get_asset_check_evaluations()} & left_out
    lake = Lake(str(tmp_path / "lake"))
    assert lake.newest("software_inventory") is None
    assert set(lake.read("device_identity")["absent_inputs"].to_pylist()) == {"software_inventory"}


def test_without_the_role_for_vulnerabilities_agents_are_judged_all_the_same(own_settings, own_simulator, tmp_path):
    # given a tenant that has not the role
    own_simulator.control.revoke_roles("Vulnerability.Read.All")
    judged = {"device_identity", "agent_compliance", "devices", "endpoint_status", "coverage"}
    # when everything is made
    fetched = ("machines", "software_inventory", "software_vulnerabilities", "av_health")
    result = run(*fetched, "patch_findings", "patch_compliance", *judged)
    # then the run is green, and the pages of what is not made say which role it would take
    assert result.success
    told = {
        event.asset_key.to_user_string(): event.asset_observation_data.asset_observation.metadata["left out"].value
        for event in result.get_asset_observation_events()
    }
    assert set(told) == {"software_vulnerabilities", "patch_findings", "patch_compliance"}
    assert all("Vulnerability.Read.All" in why for why in told.values())
    # the inventory alone says who is judged, which each row tells; of patches nothing is said
    lake = Lake(str(tmp_path / "lake"))
    assert {name for name in judged if lake.newest(name)} == judged
    assert lake.newest("patch_findings") is lake.newest("patch_compliance") is None
    records = lake.read("device_identity").to_pylist()
    assert {row["absent_inputs"] for row in records} == {"software_vulnerabilities"}
    inventoried = set(lake.read("software_inventory")["device_id"].to_pylist())
    eligible = {row["device_id"] for row in records if row["population"] == "eligible"}
    assert eligible
    assert eligible <= inventoried
    verdicts = {row["verdict"] for row in lake.read("agent_compliance").to_pylist() if row["device_id"] in eligible}
    assert {"compliant", "noncompliant"} <= verdicts


def test_wrong_settings_fail_a_run_before_anything_is_fetched(own_settings, own_simulator):
    own_settings.setenv("DEFENDER_POLICY", "no-such-policy.yaml")
    own_settings.setenv("DEFENDER_KEV", "http://feeds.example/kev.json")
    own_simulator.control.reset_counters()
    result = run("machines", "kev", "device_identity")
    assert not result.success
    told = sentences(result)
    for table in ("machines", "kev"):
        assert "DEFENDER_POLICY cannot be used: no-such-policy.yaml: there is no such file" in told[table]
        assert "DEFENDER_KEV is not an https address" in told[table]
    assert own_simulator.control.requests() == []
