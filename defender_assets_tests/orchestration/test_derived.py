"""Derived tables as assets: made from the lake alone, for any day that is in it, under any policy."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from defender_assets.catalog import DERIVED, REFERENCE
from defender_assets.compliance import Policy
from defender_assets.definitions import build_defs
from defender_assets.lake import Lake
from defender_assets.orchestration.selection import selected

from ..cli.program import invoke
from .test_materialize import TODAY, run, sentences

DAY = date.fromisoformat(TODAY)
NEEDED = ("machines", "software_inventory", "vulnerabilities", "software_vulnerabilities", "av_health")


@pytest.fixture(scope="module")
def fetched(shared_simulator, tmp_path_factory) -> Path:
    """A lake with today's raw tables, fetched once."""
    folder = tmp_path_factory.mktemp("fetched") / "lake"
    with pytest.MonkeyPatch.context() as settings:
        for name, value in shared_simulator.settings.items():
            settings.setenv(name, value)
        settings.setenv("DEFENDER_LAKE", str(folder))
        assert run(*NEEDED, "secure_configuration", "kev").success
    return folder


@pytest.fixture
def lake(fetched, monkeypatch, tmp_path) -> Lake:
    """A copy of it, and no settings that reach the service."""
    shutil.copytree(fetched, tmp_path / "lake")
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("DEFENDER_FIRST_DAY", str(DAY - timedelta(days=2)))
    return Lake(str(tmp_path / "lake"))


def as_of_days_ago(lake: Lake, days: int) -> None:
    """Gives the lake earlier days: today's partitions once more, as if they had been captured then."""
    for table in (Path(lake.root)).iterdir():
        today = table / "tenant=default" / f"snapshot_date={TODAY}"
        if today.is_dir():
            for back in range(1, days + 1):
                shutil.copytree(today, today.with_name(f"snapshot_date={DAY - timedelta(days=back)}"))


def metadata_of(result: dg.ExecuteInProcessResult, table: str) -> dict:
    (event,) = [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(table)]
    return event.step_materialization_data.materialization.metadata


def test_a_derived_table_is_made_without_asking_the_service(lake, shared_simulator):
    before = len(shared_simulator.control.requests())
    result = run("device_identity", "patch_findings", "patch_compliance", "agent_compliance")
    assert result.success
    assert len(shared_simulator.control.requests()) == before
    assert lake.rows("device_identity") == lake.rows("machines") == lake.rows("patch_compliance")
    told = metadata_of(result, "patch_compliance")
    assert told["dagster/row_count"].value == lake.rows("machines")
    assert told["policy"].value.startswith("default")
    assert " of " in told["compliant"].value
    lineage = told["dagster/column_lineage"].value.deps_by_column
    assert [(dep.asset_key, dep.column_name) for dep in lineage["device_id"]] == [
        (dg.AssetKey("device_identity"), "device_id")
    ]
    assert f"({told['% compliant'].value:.1f} %)" in told["compliant"].value


def test_a_missing_needed_input_is_named(lake):
    shutil.rmtree(Path(lake.root) / "machines")
    told = sentences(run("device_identity"))["device_identity"]
    assert "machines" in told
    assert lake.newest("device_identity") is None


def test_an_absent_optional_input_is_said_on_the_result(lake):
    shutil.rmtree(Path(lake.root) / "kev")
    result = run("device_identity", "patch_findings")
    assert result.success
    assert "kev" in metadata_of(result, "patch_findings")["absent inputs"].value
    assert set(lake.read("patch_findings")["in_kev"].to_pylist()) == {None}


def test_an_optional_input_that_lags_is_used_with_its_age(lake):
    kev = Path(lake.root) / "kev" / "tenant=default"
    (kev / f"snapshot_date={TODAY}").rename(kev / f"snapshot_date={DAY - timedelta(days=3)}")
    result = run("device_identity", "patch_findings")
    assert result.success
    assert True in lake.read("patch_findings")["in_kev"].to_pylist()


def test_a_changed_policy_is_applied_to_the_past_in_one_run(lake, monkeypatch, tmp_path):
    tables = ("device_identity", "patch_findings", "patch_compliance")
    assert run(*tables).success
    as_of_days_ago(lake, 2)
    before = {day: _overdue(lake, day) for day in lake.dates("patch_compliance")}
    assert len(before) == 3

    strict = tmp_path / "strict.yaml"
    strict.write_text(
        "name: strict\nextends: default\npatch:\n  severity_days: {critical: 1, high: 1, medium: 1, low: 1}\n"
    )
    monkeypatch.setenv("DEFENDER_POLICY", str(strict))
    tags = {
        "dagster/asset_partition_range_start": str(DAY - timedelta(days=2)),
        "dagster/asset_partition_range_end": TODAY,
    }
    assert run(*tables, partition=None, tags=tags).success
    after = {day: _overdue(lake, day) for day in lake.dates("patch_compliance")}
    assert all(after[day] > before[day] for day in before)


def test_what_the_simulated_tenant_has_accepted_is_overdue_if_the_policy_ignores_it(lake, monkeypatch, tmp_path):
    tables = ("device_identity", "patch_findings")
    assert run(*tables).success
    honoured = _states(lake)
    ignoring = tmp_path / "ignoring.yaml"
    ignoring.write_text("name: ignoring\npatch: {exceptions: ignore}\n")
    monkeypatch.setenv("DEFENDER_POLICY", str(ignoring))
    assert run(*tables).success
    accepted = {key for key, state in honoured.items() if state == "accepted"}
    ignored = {key: state for key, state in _states(lake).items() if key in accepted}
    assert {"overdue", "on_time"} <= set(ignored.values()) <= {"overdue", "due_soon", "on_time", "no_fix"}


def _states(lake: Lake) -> dict[tuple[str, ...], str]:
    """The state of each finding on an eligible device."""
    identity = lake.read("device_identity").to_pylist()
    eligible = {row["device_id"] for row in identity if row["population"] == "eligible"}
    key = ("device_id", "software_vendor", "software_name", "software_version", "cve_id")
    found = lake.read("patch_findings").to_pylist()
    return {tuple(row[name] for name in key): row["state"] for row in found if row["device_id"] in eligible}


def _overdue(lake: Lake, day: date) -> int:
    return sum(count for count in lake.read("patch_compliance", day)["overdue_findings"].to_pylist() if count)


def test_days_of_a_range_without_inputs_do_not_hold_up_those_that_have_them(lake):
    tags = {
        "dagster/asset_partition_range_start": str(DAY - timedelta(days=2)),
        "dagster/asset_partition_range_end": TODAY,
    }
    result = run("device_identity", partition=None, tags=tags)
    assert result.success
    (observed,) = result.get_asset_observation_events()
    told = observed.asset_observation_data.asset_observation.metadata["not captured"].value
    assert "device_identity needs machines, which is not in the lake for that day" in told
    assert f"every day from {DAY - timedelta(days=2)} on" in told
    assert lake.dates("device_identity") == [DAY]
    assert [e.partition for e in result.get_asset_materialization_events()] == [TODAY]


def _strict(monkeypatch, tmp_path) -> Policy:
    """Another policy for all that follows."""
    strict = tmp_path / "strict.yaml"
    strict.write_text("name: strict\npatch:\n  severity_days: {critical: 1, high: 1, medium: 1, low: 1}\n")
    monkeypatch.setenv("DEFENDER_POLICY", str(strict))
    return Policy.load(strict)


def _policies(lake: Lake, day: date) -> set[str]:
    """The digests of the policies that a day's tables were judged by."""
    return {lake.metadata(name, day)["policy_digest"] for name in DERIVED if day in lake.dates(name)}


def test_a_day_without_inputs_leaves_no_other_day_of_the_range_half_done(lake, monkeypatch, tmp_path):
    # given two days that were judged, the first of which has lost its machines since, and one before that had none
    run(job="recompute_compliance")
    as_of_days_ago(lake, 1)
    lost = DAY - timedelta(days=1)
    before = lost - timedelta(days=1)
    tags = {"dagster/asset_partition_range_start": str(before), "dagster/asset_partition_range_end": TODAY}
    shutil.rmtree(Path(lake.root) / "machines" / "tenant=default" / f"snapshot_date={lost}")
    former = _policies(lake, lost)
    assert former == {Policy.load("default").digest}
    # when all are computed under another policy
    strict = _strict(monkeypatch, tmp_path)
    result = run(partition=None, tags=tags, job="recompute_compliance")
    # then the other day is whole, that one is as it was, and the failure names it
    assert not result.success
    told = sentences(result)
    assert "1 day was made, 1 day was not: device_identity needs machines" in told["device_identity"]
    assert f"Not made: {lost}." in told["device_identity"]
    (observed,) = result.get_asset_observation_events()
    assert (observed.asset_key, observed.partition) == (dg.AssetKey("device_identity"), str(before))
    assert "not captured" in observed.asset_observation_data.asset_observation.metadata
    assert _policies(lake, DAY) == {strict.digest}
    made = {(event.asset_key.to_user_string(), event.partition) for event in result.get_asset_materialization_events()}
    assert ("compliance_report", TODAY) in made
    assert _policies(lake, lost) == former
    assert str(lost) not in {day for _, day in made}


def test_a_range_on_the_command_line_finishes_the_days_that_can_be_made_and_names_the_others(
    lake, shared_simulator, monkeypatch
):
    as_of_days_ago(lake, 2)
    lost = DAY - timedelta(days=1)
    shutil.rmtree(Path(lake.root) / "machines" / "tenant=default" / f"snapshot_date={lost}")
    for name, value in shared_simulator.settings.items():
        monkeypatch.setenv(name, value)
    days = f"{DAY - timedelta(days=2)}..{DAY}"
    first = invoke("refresh", "--select", "device_identity", "--date", days)
    assert first.exit_code == 0, first.stderr
    assert "warning: not captured: device_identity needs machines" in first.stdout
    second = invoke("refresh", "--select", "key:patch_*", "--date", days)
    assert second.exit_code == 0, second.stderr
    assert "warning: not captured: patch_findings needs device_identity" in second.stdout
    assert lake.dates("patch_compliance") == [DAY - timedelta(days=2), DAY]
    assert f" rows  2 days to {DAY}" in second.stdout


@pytest.mark.parametrize("days", ["2026-11-03..2026-11-01", "2026-11-01..", "2026-11-01...2026-11-03", "today"])
def test_what_is_no_range_of_days_is_wrong_use(days):
    result = invoke("refresh", "--date", days)
    assert result.exit_code == 2
    assert "--date" in result.stderr


def test_everything_that_the_policy_decides_is_one_job_and_one_selection():
    defs = build_defs()
    decided = {dg.AssetKey(name) for name in (*DERIVED, "compliance_report")}
    assert selected(defs, "tag:days=derived") == decided
    assert set(defs.resolve_job_def("recompute_compliance").asset_layer.selected_asset_keys) == decided


def test_every_derived_and_reference_table_is_an_asset_of_its_group():
    graph = build_defs().resolve_asset_graph()
    for name, table in (DERIVED | REFERENCE).items():
        assert graph.get(dg.AssetKey(name)).group_name == table.group.value


def test_a_wrong_policy_file_is_named_with_its_line(lake, monkeypatch, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: mine\nextends: default\npatch:\n  severity_days: {critical: soon}\n")
    monkeypatch.setenv("DEFENDER_POLICY", str(wrong))
    told = sentences(run("device_identity"))["device_identity"]
    assert "wrong.yaml" in told
    assert "4" in told


def test_the_settings_memory_is_what_a_table_may_take(lake, monkeypatch):
    monkeypatch.setenv("DEFENDER_COMPUTE_MEMORY", "100KB")
    told = sentences(run("device_identity"))["device_identity"]
    assert "100KB of memory" in told
    assert "raise DEFENDER_COMPUTE_MEMORY" in told


def test_a_table_made_from_what_another_policy_judged_says_so(lake, monkeypatch, tmp_path):
    # given findings judged by one policy, which is then edited under the same name
    policy = tmp_path / "ours.yaml"
    policy.write_text("name: ours\n")
    monkeypatch.setenv("DEFENDER_POLICY", str(policy))
    assert run("device_identity", "patch_findings").success
    former = Policy.load(policy)
    policy.write_text("name: ours\npatch: {severity_days: {critical: 7}}\n")
    # when the verdicts alone are computed again
    (check,) = policy_checks(run("patch_compliance"))
    # then the check names the tables, both digests, and what to do
    assert not check.passed
    assert f"device_identity (ours, {former.digest}), patch_findings (ours, {former.digest})" in check.description
    assert f"judged by ours, {Policy.load(policy).digest}" in check.description
    assert f"refresh --select tag:days=derived --date {TODAY}" in check.description
    # and it passes when everything is
    checks = policy_checks(run("device_identity", "patch_findings", "patch_compliance"))
    assert [check.passed for check in checks] == [True, True]


def policy_checks(result: dg.ExecuteInProcessResult) -> list[dg.AssetCheckEvaluation]:
    return [check for check in result.get_asset_check_evaluations() if check.check_name == "inputs_of_one_policy"]
