"""The engine: where inputs may come from, what is said of absent and old ones, and how failures are told."""

from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from defender_assets.catalog.derived import DERIVED
from defender_assets.compliance import (
    DerivationFailed,
    Input,
    InputMissing,
    Inputs,
    Limits,
    Policy,
    computable,
    derive,
    derive_one,
    summarize,
)

from .tenant import AS_OF, LIMITS, Row, Tenant, days

POLICY = Policy.load()


def _tenant() -> Tenant:
    return Tenant().machine("a").machine("b").finding("a").finding("b", first_seen_timestamp=AS_OF - days(40))


def _rows(name: str, inputs: Inputs) -> list[Row]:
    for derivation, _ in derive([name], inputs, POLICY, limits=LIMITS):
        return derivation.read().to_pylist()
    raise AssertionError(name)


def _states(inputs: Inputs) -> dict[str, str]:
    return {row["device_id"]: row["state"] for row in _rows("patch_findings", inputs)}


def _written(folder: Path, table: pa.Table) -> Path:
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "part-00000.parquet")
    return folder


def test_tables_come_from_files_folders_lists_of_both_datasets_and_urls(tmp_path) -> None:
    tables = _tenant().inputs
    expected = {"a": "on_time", "b": "overdue"}
    partition = _written(tmp_path / "software_vulnerabilities" / "tenant=x" / "snapshot_date=2026-10-20",
                         tables["software_vulnerabilities"])  # fmt: skip
    with fsspec.open("memory://lake/findings.parquet", "wb") as file:
        pq.write_table(tables["software_vulnerabilities"], file)
    for source in (
        tables["software_vulnerabilities"],
        partition,
        str(partition / "part-*.parquet"),
        [partition / "part-00000.parquet"],
        ds.dataset(partition),
        "memory://lake/findings.parquet",
    ):
        assert _states({**tables, "software_vulnerabilities": source}) == expected


def test_several_tables_come_from_one_object_store() -> None:
    inputs: dict[str, Input] = {}
    for name, table in _tenant().inputs.items():
        inputs[name] = f"memory://lake/{name}/part-00000.parquet"
        with fsspec.open(inputs[name], "wb") as file:
            pq.write_table(table, file)
    assert _states(inputs) == {"a": "on_time", "b": "overdue"}


def test_event_tables_may_span_several_days(tmp_path) -> None:
    tenant = Tenant().machine("a")
    first = tenant.change("a", "Fixed", AS_OF - days(3), "CVE-1").inputs["software_vulnerability_changes"]
    tenant.rows["software_vulnerability_changes"] = []
    second = tenant.change("a", "Fixed", AS_OF - days(1), "CVE-2").inputs["software_vulnerability_changes"]
    parts = [_written(tmp_path / "1", first), _written(tmp_path / "2", second)]
    inputs = {**tenant.inputs, "software_vulnerability_changes": parts}
    ((_, summary),) = derive(["remediation_times"], inputs, POLICY, limits=LIMITS)
    assert summary.headlines["fixed"] == 2


def test_columns_that_a_file_lacks_are_null_and_those_it_has_beyond_are_passed_over(tmp_path) -> None:
    tables = _tenant().inputs
    narrow = tables["software_vulnerabilities"].drop_columns(["security_update_available", "extra", "cvss_score"])
    narrow = narrow.append_column("brand_new", pa.array(["x"] * narrow.num_rows))
    # and the older file had its ids as numbers
    older = narrow.set_column(narrow.schema.get_field_index("rbac_group_id"), "rbac_group_id", pa.array(["0", "0"]))
    assert _states({**tables, "software_vulnerabilities": older}) == {"a": "on_time", "b": "overdue"}


def test_a_result_says_which_optional_inputs_were_absent_and_how_old_each_input_is() -> None:
    tenant = _tenant()
    tenant.add("kev", cve_id="CVE-1", due_date=AS_OF, observed_at=AS_OF - days(2))
    tenant.add("epss", cve_id="CVE-1", epss=0.1, observed_at=AS_OF + days(1))
    ((derivation, summary),) = derive(["patch_findings"], {**tenant.inputs, "ssvc": None}, POLICY, limits=LIMITS)
    assert derivation.absent == ("vulnerabilities", "ssvc")
    assert derivation.as_of == summary.as_of == AS_OF
    assert derivation.ages["kev"] == days(2)
    assert derivation.ages["device_identity"] == days(0)
    assert derivation.ages["epss"] == days(0)  # observed later the same day
    assert derivation.observed["kev"] == AS_OF - days(2)


def test_one_table_from_tables_that_lie_elsewhere(tmp_path) -> None:
    inputs = dict(_tenant().inputs)
    # given each table computed on its own and stored, as an asset would
    for name in ("device_identity", "patch_findings", "patch_compliance"):
        with (
            derive_one(name, inputs, POLICY, limits=LIMITS) as derivation,
            pq.ParquetWriter(tmp_path / f"{name}.parquet", derivation.table.schema) as writer,
        ):
            for batch in derivation.reader(batch_rows=1):
                writer.write_batch(batch)
        inputs[name] = tmp_path / f"{name}.parquet"
    # then the numbers of the stored table are those of the whole chain
    summary = summarize("patch_compliance", inputs["patch_compliance"])
    assert (summary.rows, summary.as_of) == (2, AS_OF)
    assert summary.headlines == {"eligible": 2, "compliant": 1, "noncompliant": 1, "unknown": 0, "not_eligible": 0}
    assert pq.read_schema(tmp_path / "patch_compliance.parquet").field("verdict").metadata[b"description"]


def test_every_table_has_the_catalogs_schema_even_without_a_row() -> None:
    tenant = Tenant()
    for name in ("secure_configuration", "software_vulnerability_changes", "machine_users"):
        tenant.rows[name] = []
    seen = set()
    for derivation, summary in derive(None, tenant.inputs, POLICY, limits=LIMITS):
        table = derivation.read()
        assert table.schema == derivation.table.schema
        assert table.num_rows == summary.rows
        seen.add(derivation.table.name)
    assert seen == set(DERIVED)


def test_without_a_needed_input_the_table_and_what_to_refresh_are_named() -> None:
    tables = {name: table for name, table in _tenant().inputs.items() if name != "software_vulnerabilities"}
    message = (
        "device_identity needs software_vulnerabilities, absent for this day: refresh software_vulnerabilities first"
    )
    with pytest.raises(InputMissing, match=message):
        list(derive(["patch_compliance"], tables, POLICY, limits=LIMITS))
    with pytest.raises(InputMissing), derive_one("patch_findings", tables, POLICY, limits=LIMITS):
        pass


def test_what_can_be_computed_is_known_beforehand() -> None:
    lacks = computable({"machines": "x", "software_vulnerabilities": "y"})
    assert lacks["patch_compliance"] == ()
    assert lacks["software_exposure"] == ("software_inventory",)
    assert lacks["policy_compliance"] == ("secure_configuration",)
    # all that can be computed, and nothing else, is computed when nothing is asked for by name
    tables = {name: table for name, table in _tenant().inputs.items() if name != "software_inventory"}
    made = {derivation.table.name for derivation, _ in derive(None, tables, POLICY, limits=LIMITS)}
    assert made == {name for name, missing in lacks.items() if not missing}


def test_derived_tables_that_are_there_are_not_computed_again() -> None:
    tables = dict(_tenant().inputs)
    asleep = [row | {"population": "inactive"} for row in _rows("device_identity", tables)]
    tables["device_identity"] = pa.Table.from_pylist(asleep, schema=DERIVED["device_identity"].schema)
    ((_, summary),) = derive(["patch_compliance"], tables, POLICY, limits=LIMITS)
    assert (summary.headlines["eligible"], summary.headlines["not_eligible"]) == (0, 2)


def test_a_file_that_cannot_be_read_is_told_with_the_table(tmp_path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"this is no Parquet file")
    tables = {**_tenant().inputs, "software_vulnerabilities": tmp_path / "broken.parquet"}
    with pytest.raises(DerivationFailed, match="device_identity could not be computed"):
        list(derive(["device_identity"], tables, POLICY, limits=LIMITS))


def test_a_failure_while_rows_are_read_is_told_as_one(tmp_path) -> None:
    # given a column whose last value cannot be converted
    tables = dict(_tenant().inputs)
    machines = tables["machines"]
    builds = pa.array(["19045", "not a number"])
    tables["machines"] = machines.set_column(machines.schema.get_field_index("os_build"), "os_build", builds)
    with derive_one("device_identity", tables, POLICY, limits=LIMITS) as derivation:
        tables["device_identity"] = derivation.read()  # does not look at that column
    with (
        derive_one("devices", tables, POLICY, limits=LIMITS) as derivation,
        pytest.raises(DerivationFailed, match="devices"),
    ):
        derivation.read()


def test_too_little_memory_is_told_with_what_to_do() -> None:
    tenant = Tenant()
    for number in range(3000):
        tenant.machine(f"{number:040d}")
    with pytest.raises(DerivationFailed, match="raise memory_limit"):
        list(derive(["device_identity"], tenant.inputs, POLICY, limits=Limits(memory_limit="1MB", threads=1)))


def test_nothing_is_left_behind(tmp_path) -> None:
    limits = Limits(memory_limit="256MB", threads=1, temp_directory=tmp_path)
    for derivation, _ in derive(["patch_compliance"], _tenant().inputs, POLICY, limits=limits):
        assert list(tmp_path.iterdir())
        derivation.read()
    assert not list(tmp_path.iterdir())


def test_the_same_inputs_give_the_same_answer_whatever_the_clock_says(monkeypatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    first = _tenant().derive("patch_findings", "fleet_summary")
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    assert _tenant().derive("patch_findings", "fleet_summary") == first


def test_reading_can_be_left_half_way() -> None:
    tenant = Tenant()
    for number in range(5000):
        tenant.machine(str(number))
    with derive_one("device_identity", tenant.inputs, POLICY, limits=LIMITS) as derivation:
        reader = derivation.reader(batch_rows=100)
        assert reader.read_next_batch().num_rows == 100
    # then what was left is over, and the connection with it
    assert list(reader) == []
