"""The set of definitions as a whole: what is there, by name, and that it loads without any setting."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from defender_assets.catalog import DATASETS, DERIVED, TABLES
from defender_assets.compliance.lineage import column_origins
from defender_assets.definitions import build_defs

from . import snapshot

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The definitions without any setting, neither in the environment nor in a file."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DEFENDER_")]:
            patch.delenv(name)
        patch.chdir(tmp_path_factory.mktemp("empty"))
        return build_defs()


def test_definitions_load_without_credentials(defs):
    dg.Definitions.validate_loadable(defs)


def test_what_is_defined_is_what_the_reviewed_snapshot_says(defs):
    """Without any setting, assets, checks, jobs, schedules, sensors and resources are those of the committed file."""
    assert snapshot.as_text(defs) == snapshot.FILE.read_text(encoding="utf-8"), (
        "run `make snapshot` and review the diff"
    )


def test_there_is_an_asset_for_every_table_of_the_catalog(defs):
    keys = {key.to_user_string() for key in defs.resolve_asset_graph().materializable_asset_keys}
    assert set(TABLES) <= keys


def test_the_jobs_of_the_contract_are_there(defs):
    names = {job.name for job in defs.resolve_all_job_defs()}
    assert {"refresh_all", "refresh_inventory", "refresh_vulnerabilities", "refresh_alerts", "test_connection"} <= names


@pytest.mark.parametrize("name", DATASETS)
def test_the_ui_is_told_columns_with_descriptions_permission_and_owner(defs, name):
    spec = defs.resolve_asset_graph().get(dg.AssetKey(name))
    schema = spec.metadata["dagster/column_schema"]
    columns = [column.name for column in schema.columns]
    assert [column for column in columns if "." not in column] == DATASETS[name].schema.names
    assert all(column.description for column in schema.columns)
    assert spec.group_name == "defender"
    assert spec.owners
    assert spec.kinds == {"azure", "parquet"}
    assert spec.tags["permission"] == DATASETS[name].permission


def test_personal_columns_are_tagged(defs):
    spec = defs.resolve_asset_graph().get(dg.AssetKey("machine_users"))
    tagged = {c.name for c in spec.metadata["dagster/column_schema"].columns if "personal" in c.tags}
    assert {"id", "account_name", "account_sid"} == tagged
    assert (spec.tags["personal"], defs.resolve_asset_graph().get(dg.AssetKey("software")).tags["personal"]) == (
        "yes",
        "no",
    )


def test_members_of_objects_stand_after_them_with_their_own_tags(defs):
    columns = defs.resolve_asset_graph().get(dg.AssetKey("alerts")).metadata["dagster/column_schema"].columns
    names = [column.name for column in columns]
    evidence = names.index("evidence")
    assert names[evidence + 1].startswith("evidence.")
    tagged = {column.name for column in columns if "personal" in column.tags}
    assert {"assigned_to", "evidence.user_principal_name"} <= tagged


def test_a_derived_table_shows_its_sql_and_where_each_column_is_from(defs):
    metadata = defs.resolve_asset_graph().get(dg.AssetKey("users")).metadata
    described = {column.name: column.description for column in metadata["dagster/column_schema"].columns}
    assert described["user_id"].endswith("From machine_users.id.")
    # what joins and conditions decide is not followed, so a computed column does not claim to be made from these alone
    verdict = defs.resolve_asset_graph().get(dg.AssetKey("agent_compliance")).metadata["dagster/column_schema"]
    told = next(column.description for column in verdict.columns if column.name == "verdict")
    assert "Reads, among others, device_identity." in told
    assert "FROM machine_users" in metadata["SQL"].value
    assert Path(metadata["SQL file"].value).read_text().strip() in metadata["SQL"].value


@pytest.mark.parametrize("name", DERIVED)
def test_the_lineage_of_columns_names_columns_that_there_are(name):
    assert column_origins(name), "the SQL has changed: run `make snapshot`"
    for column, origins in column_origins(name).items():
        assert column in DERIVED[name].schema.names
        for table, origin in origins:
            assert origin in TABLES[table].schema.names, (column, table, origin)


def test_every_asset_has_the_same_daily_partitions_that_hold_today(defs):
    from datetime import UTC, datetime

    graph = defs.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        assert graph.get(key).partitions_def.get_last_partition_key() == datetime.now(UTC).date().isoformat()


def test_secrets_show_as_references_never_as_values(defs, monkeypatch):
    monkeypatch.setenv("DEFENDER_CLIENT_SECRET", "planted-secret-value")
    application = build_defs().resources["application"]
    assert "planted" not in repr(application)
    assert application.client_secret == ""


def test_the_workspace_file_loads_the_definitions(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_not_chosen_and_what_needs_it_says_so_and_is_never_late(monkeypatch):
    monkeypatch.setenv("DEFENDER_DATASETS", "!secure_configuration")
    graph = build_defs().resolve_asset_graph()
    specs = {name: graph.get(dg.AssetKey(name)) for name in ("secure_configuration", "policy_compliance", "machines")}
    told = {name: spec.metadata.get("left out") for name, spec in specs.items()}
    assert "DEFENDER_DATASETS" in told["secure_configuration"]
    assert "secure_configuration" in told["policy_compliance"]
    assert told["machines"] is None
    assert {name for name, spec in specs.items() if spec.freshness_policy is None} == {
        "secure_configuration", "policy_compliance",
    }  # fmt: skip
