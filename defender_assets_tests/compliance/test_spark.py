"""The same SQL on Spark: every derived table, row by row, as DuckDB has it. Runs where PySpark is installed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
import sqlglot

from defender_assets.catalog import DERIVED, TABLES
from defender_assets.compliance import Policy, table_sql
from defender_assets.compliance.derivation import DEVICES_OUT_OF_SCOPE, INPUT_STATE, NO_DEVICES, input_state
from defender_assets.compliance.rest_of_fleet import NO_REST

from .tenant import AS_OF, Row, Tenant, days, derived

pyspark_sql = pytest.importorskip("pyspark.sql", reason="PySpark is not installed")
# PySpark warns of versions it has not been tested with; what matters here is what it computes.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

MIDNIGHT = AS_OF.replace(hour=0, minute=0)


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    builder = pyspark_sql.SparkSession.builder.master("local[2]")
    for name, value in (
        ("spark.sql.session.timeZone", "UTC"),
        # Spark plans the longest SELECTs in more than its default of one gigabyte.
        ("spark.driver.memory", "4g"),
        ("spark.sql.shuffle.partitions", "2"),
        ("spark.ui.enabled", "false"),
        ("spark.driver.bindAddress", "127.0.0.1"),
        ("spark.driver.host", "127.0.0.1"),
    ):
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


def _tenant() -> Tenant:
    """Every kind of record, with nulls, empty lists and repeated rows where they occur."""
    tenant = Tenant()
    platforms = (
        ("Windows11", ("10.8760.1.1", "10.8750.1.1", "10.8700.2.2", "x")),
        ("macOS", ("20.126092.1.0", "101.26012.4", None, "20.126132.1.0")),
        ("Ubuntu", ("30.126012.1.0", "30.126092.1.0", "101.25122.1", "")),
        ("Android", ("1.0.84.0101", "1.0.9", "1.0", "1.")),
    )
    for number in range(16):
        device, (platform, versions) = f"d{number}", platforms[number % 4]
        tenant.machine(
            device,
            computer_dns_name=("desk", "DESK", None, f"pc-{number}")[number % 5 % 4],
            os_platform=platform if number else None,
            agent_version=versions[number // 4],
            last_seen=AS_OF - days((0, 1, 8, 40)[number % 7 % 4]),
            machine_tags=(None, [], ["Internet-Facing", "x"], ["internal"])[number % 4],
            rbac_group_name=(None, "Servers")[number % 2],
            merged_into_machine_id="d1" if number == 9 else None,
            is_excluded=number == 10,
            health_status=("Active", "NoSensorData")[number % 6 == 0],
        )
        tenant.antivirus(
            device,
            av_engine_version=("1.1.26090.1", "1.1.26080.1", None)[number % 3],
            av_signature_publish_time=AS_OF - days((1, 9)[number % 2]),
        )
        tenant.add("machine_users", machine_id=device, id=f"contoso\\{'ab'[number % 2]}",
                   logon_types="Network, Interactive", last_seen=AS_OF - days(number))  # fmt: skip
        tenant.add("alerts", id=f"da-{number}", machine_id=device, status=("New", "Resolved")[number % 2],
                   related_user={"user_name": "A", "domain_name": "Contoso"})  # fmt: skip
        for other in range(4):
            tenant.control(device, f"scid-20{other:02}", is_compliant=(number + other) % 3 > 0)
            tenant.add("software_inventory", device_id=device, software_name=("editor", "office")[other % 2],
                       software_vendor=("contoso", None)[other // 2], software_version=("1", None)[number % 2],
                       end_of_support_status=("None", "EOS Version", None)[number % 3])  # fmt: skip
        for cve in range(8):
            turn = number * 8 + cve
            values = {
                "software_vendor": ("contoso", None)[turn % 2],
                "software_name": ("editor", "windows_11", "chrome")[turn % 3],
                "vulnerability_severity_level": ("Critical", "High", "Low", None, "None")[turn % 5],
                "first_seen_timestamp": AS_OF - days((1, 14.5, 40, 200)[turn % 4]),
                "security_update_available": (True, None, False)[turn % 7 % 3],
                "cvss_score": (5.0, 7.0, 9.1)[turn % 3],
                "exploitability_level": ("NoExploit", "ExploitIsPublic")[turn % 2],
            }
            tenant.finding(device, f"CVE-{cve}", **values)
            if turn % 4 == 0:
                tenant.finding(device, f"CVE-{cve}", **(values | {"rbac_group_id": 5}))
            if turn % 3 == 0:
                tenant.change(device, ("New", "Fixed", "Updated")[turn % 3], AS_OF - days(turn % 5), f"CVE-{cve}")
                tenant.change(device, "Fixed", AS_OF - days(turn % 5), f"CVE-{cve}", software_version="0")
    for number in range(3):
        tenant.add("kev", cve_id=f"CVE-{number}", date_added=MIDNIGHT - days(20), due_date=MIDNIGHT - days(number))
        tenant.add("ssvc", cve_id=f"CVE-{number + 1}", automatable="yes", technical_impact="partial")
        tenant.add("vulnerabilities", id=f"CVE-{number + 2}", published_on=AS_OF - days(30), epss=0.5)
    tenant.add("software", id="contoso-_-editor", vendor="Contoso", name="Editor", weaknesses=3)
    tenant.add("agent_releases", component="av_engine", release="26080", released_at=AS_OF - days(10))
    return tenant


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, float):
        return round(value, 9)
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _rows(table: pa.Table, columns: list[str]) -> list[Row]:
    return sorted(({name: _plain(row[name]) for name in columns} for row in table.to_pylist()), key=repr)


@pytest.mark.parametrize("preset", ["default", "cisa-bod-26-04", "essential8-ml3"])
def test_every_derived_table_is_the_same_on_spark(spark, preset) -> None:
    policy, inputs = Policy.load(preset), _tenant().inputs
    ours = derived(inputs, policy, *DERIVED)
    assert set(ours) == set(DERIVED)
    views = {
        name: inputs.get(name, table.schema.empty_table()) for name, table in TABLES.items() if name not in DERIVED
    }
    for name, table in {**views, **policy.tables}.items():
        spark.createDataFrame(table).createOrReplaceTempView(name)
    for name, table in DERIVED.items():
        absent = tuple(each for each in table.optional_inputs if each not in DERIVED and each not in inputs)
        spark.createDataFrame(input_state(absent)).createOrReplaceTempView(INPUT_STATE)
        spark.createDataFrame(pa.table({"device_id": NO_DEVICES})).createOrReplaceTempView(DEVICES_OUT_OF_SCOPE)
        for told, rows in NO_REST.tables().items():
            spark.createDataFrame(rows).createOrReplaceTempView(told)
        (query,) = sqlglot.transpile(table_sql(name), read="duckdb", write="spark")
        theirs = spark.sql(query).toArrow()
        assert _rows(theirs, table.schema.names) == _rows(ours[name], table.schema.names), name
        spark.createDataFrame(ours[name]).createOrReplaceTempView(name)
