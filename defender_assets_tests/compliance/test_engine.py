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
    EngineError,
    Input,
    InputMissing,
    Inputs,
    Limits,
    Policy,
    derive_one,
    engine_of,
    headline_numbers,
)
from defender_assets.compliance.engine import DuckDBEngine
from defender_assets.compliance.errors import EngineErrorKind
from defender_assets.settings import Settings

from .tenant import AS_OF, Row, Tenant, days, derived

POLICY = Policy.load()
ENGINE = DuckDBEngine(Limits(memory="256MB", threads=1))


def _tenant() -> Tenant:
    return Tenant().machine("a").machine("b").finding("a").finding("b", first_seen_timestamp=AS_OF - days(40))


def _rows(name: str, inputs: Inputs) -> list[Row]:
    return derived(inputs, POLICY, name)[name].to_pylist()


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
    times = derived(inputs, POLICY, "remediation_times")["remediation_times"]
    assert headline_numbers("remediation_times", times, engine=ENGINE)["fixed"] == 2


def test_columns_that_a_file_lacks_are_null_and_those_it_has_beyond_are_passed_over(tmp_path) -> None:
    tables = _tenant().inputs
    narrow = tables["software_vulnerabilities"].drop_columns(["security_update_available", "extra", "cvss_score"])
    narrow = narrow.append_column("brand_new", pa.array(["x"] * narrow.num_rows))
    # and the older file had its ids as numbers
    older = narrow.set_column(narrow.schema.get_field_index("rbac_group_id"), "rbac_group_id", pa.array(["0", "0"]))
    assert _states({**tables, "software_vulnerabilities": older}) == {"a": "on_time", "b": "overdue"}


def test_a_result_says_which_optional_inputs_were_absent_and_how_old_each_input_is() -> None:
    tenant = _tenant().without("kev")
    tenant.add("kev", cve_id="CVE-1", due_date=AS_OF, observed_at=AS_OF - days(2))
    tenant.add("epss", cve_id="CVE-1", epss=0.1, observed_at=AS_OF + days(1))
    inputs = {**tenant.inputs, **derived(tenant.inputs, POLICY, "device_identity"), "ssvc": None}
    with derive_one("patch_findings", inputs, POLICY, engine=ENGINE) as derivation:
        pass
    assert derivation.absent == ("vulnerabilities", "ssvc")
    assert derivation.as_of == AS_OF
    assert derivation.ages["kev"] == days(2)
    assert derivation.ages["device_identity"] == days(0)
    assert derivation.ages["epss"] == days(0)  # observed later the same day
    assert derivation.observed["kev"] == AS_OF - days(2)


def test_one_table_from_tables_that_lie_elsewhere(tmp_path) -> None:
    inputs = dict(_tenant().inputs)
    # given each table computed on its own and stored, as an asset would
    for name in ("device_identity", "patch_findings", "patch_compliance"):
        with (
            derive_one(name, inputs, POLICY, engine=ENGINE) as derivation,
            pq.ParquetWriter(tmp_path / f"{name}.parquet", derivation.table.schema) as writer,
        ):
            for batch in derivation.reader(batch_rows=1):
                writer.write_batch(batch)
        inputs[name] = tmp_path / f"{name}.parquet"
    # then the numbers of the stored table are those of the whole chain
    numbers = headline_numbers("patch_compliance", inputs["patch_compliance"], engine=ENGINE)
    assert numbers == {
        "eligible": 2,
        "compliant": 1,
        "noncompliant": 1,
        "unknown": 0,
        "not_eligible": 0,
        "unsupported_software": 0,
    }
    assert pq.read_schema(tmp_path / "patch_compliance.parquet").field("verdict").metadata[b"description"]


def test_every_table_has_the_catalogs_schema_even_without_a_row() -> None:
    tenant = Tenant()
    for name in ("secure_configuration", "software_vulnerability_changes", "machine_users"):
        tenant.rows[name] = []
    found = derived(tenant.inputs, POLICY, *DERIVED)
    assert {name: table.schema for name, table in found.items()} == {n: t.schema for n, t in DERIVED.items()}


def test_without_a_needed_input_the_table_and_what_to_refresh_are_named() -> None:
    tables = {name: table for name, table in _tenant().inputs.items() if name != "software_vulnerabilities"}
    message = (
        "patch_findings needs software_vulnerabilities, absent for this day: refresh software_vulnerabilities first"
    )
    with pytest.raises(InputMissing, match=message):
        derived(tables, POLICY, "patch_compliance")
    with pytest.raises(InputMissing), derive_one("patch_findings", tables, POLICY, engine=ENGINE):
        pass


def test_derived_tables_are_read_as_they_are_given() -> None:
    tables = dict(_tenant().inputs)
    asleep = [row | {"population": "inactive"} for row in _rows("device_identity", tables)]
    tables["device_identity"] = pa.Table.from_pylist(asleep, schema=DERIVED["device_identity"].schema)
    assert {row["population"] for row in _rows("patch_compliance", tables)} == {"inactive"}


def test_a_file_that_cannot_be_read_is_told_with_the_table(tmp_path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"this is no Parquet file")
    tables = {**_tenant().inputs, "software_vulnerabilities": tmp_path / "broken.parquet"}
    with pytest.raises(DerivationFailed, match="device_identity could not be computed"):
        _rows("device_identity", tables)


def test_a_failure_while_rows_are_read_is_told_as_one(tmp_path) -> None:
    # given a column whose last value cannot be converted
    tables = dict(_tenant().inputs)
    machines = tables["machines"]
    builds = pa.array(["19045", "not a number"])
    tables["machines"] = machines.set_column(machines.schema.get_field_index("os_build"), "os_build", builds)
    with derive_one("device_identity", tables, POLICY, engine=ENGINE) as derivation:
        tables["device_identity"] = derivation.reader().read_all()  # does not look at that column
    with (
        derive_one("devices", tables, POLICY, engine=ENGINE) as derivation,
        pytest.raises(DerivationFailed, match="devices"),
    ):
        derivation.reader().read_all()


@pytest.mark.parametrize("place", [0, 9_000], ids=["in the first batch", "later"])
def test_a_failure_is_told_by_its_kind_however_far_the_stream_is(place) -> None:
    sql = f"SELECT CASE WHEN i = {place} THEN 'x' ELSE '1' END AS n FROM range(10000) AS r(i)"
    with ENGINE.session() as session, pytest.raises(EngineError) as told:
        list(session.stream(sql, pa.schema({"n": pa.int64()}), batch_rows=100))
    assert told.value.kind is EngineErrorKind.INPUT_UNREADABLE
    assert told.value.detail.startswith("Conversion Error")


def test_what_an_engine_says_reaches_nobody_unredacted() -> None:
    """Given an error of several lines with a signed address and a terminal escape in it."""
    address = "https://account.blob.core.windows.net/lake/part?sig=c2VjcmV0"
    with ENGINE.session() as session, pytest.raises(EngineError) as failure:
        session.fetch(f"SELECT error('cannot open {address} \x1b[31m\nsecond line')")
    for text in (str(failure.value), failure.value.detail):
        assert "c2VjcmV0" not in text
        assert text.isprintable()
        assert "cannot open https://account.blob.core.windows.net/lake/part" in text


def test_too_little_memory_is_told_with_what_to_do() -> None:
    tenant = Tenant()
    for number in range(3000):
        tenant.machine(f"{number:040d}")
    small = DuckDBEngine(Limits(memory="1MB", threads=1))
    with (
        pytest.raises(DerivationFailed, match=r"1MB of memory .* raise DEFENDER_COMPUTE_MEMORY"),
        derive_one("device_identity", tenant.inputs, POLICY, engine=small) as derivation,
    ):
        derivation.reader().read_all()


def test_the_settings_say_what_a_session_may_take(tmp_path, monkeypatch) -> None:
    for name, value in (("MEMORY", "1.5GiB"), ("THREADS", "3"), ("TEMP", str(tmp_path))):
        monkeypatch.setenv(f"DEFENDER_COMPUTE_{name}", value)
    with engine_of(Settings.load()).session() as session:
        found = {name: session.value(f"SELECT current_setting('{name}')") for name in ("memory_limit", "threads")}
        assert found == {"memory_limit": "1.5 GiB", "threads": 3}
        (folder,) = tmp_path.iterdir()
        assert Path(session.value("SELECT current_setting('temp_directory')")).is_relative_to(folder)
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_behind(tmp_path) -> None:
    engine = DuckDBEngine(Limits(memory="256MB", threads=1, temporary_folder=tmp_path))
    with derive_one("device_identity", _tenant().inputs, POLICY, engine=engine) as derivation:
        assert list(tmp_path.iterdir())
        derivation.reader().read_all()
    assert not list(tmp_path.iterdir())


def test_the_same_inputs_give_the_same_answer_whatever_the_clock_says(monkeypatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    first = derived(_tenant().inputs, POLICY, "patch_findings", "fleet_summary", engine=ENGINE)
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    assert derived(_tenant().inputs, POLICY, "patch_findings", "fleet_summary", engine=ENGINE) == first


def test_reading_can_be_left_half_way() -> None:
    tenant = Tenant()
    for number in range(5000):
        tenant.machine(str(number))
    with derive_one("device_identity", tenant.inputs, POLICY, engine=ENGINE) as derivation:
        reader = derivation.reader(batch_rows=100)
        assert reader.read_next_batch().num_rows == 100
    # then what was left is over, and the connection with it
    assert list(reader) == []


@pytest.mark.slow  # two million rows, within little memory
def test_what_is_materialized_has_the_memory_for_itself() -> None:
    devices = 400_000

    def gathered(n: int) -> str:
        hashes = ", ".join(f"max(sha1(concat(d, '{letter}{n}'))) AS {letter}" for letter in "abc")
        rows = f"SELECT i % {devices} AS d FROM range({2 * devices}) AS r(i)"
        return f"g{n} AS MATERIALIZED (\n  SELECT d, {hashes} FROM ({rows}) AS x GROUP BY d\n)"

    joined = " UNION ALL ".join(
        f"SELECT least(l.a, r.b, r.c) AS words FROM g{n} AS l INNER JOIN g{(n + 1) % 4} AS r ON l.d = r.d"
        for n in range(4)
    )
    expressions = ",\n".join(map(gathered, range(4)))
    # All in one statement need more: DuckDB fails here where it is told nothing of what is to be stored.
    with DuckDBEngine(Limits(memory="100MB", threads=1)).session() as session:
        (rows,) = session.stream(
            f"WITH\n{expressions}\nSELECT count(*) AS joined, count(words) AS told FROM ({joined}) AS u",
            pa.schema([("joined", pa.int64()), ("told", pa.int64())]),
        )
    assert rows.to_pylist() == [{"joined": 4 * devices, "told": 4 * devices}]
