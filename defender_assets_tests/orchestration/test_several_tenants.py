"""One run over several tenants, as one click in the UI starts it, and the automation where two are ready at once: each
is refreshed, and fails, alone."""

from collections.abc import Collection
from pathlib import Path

import dagster as dg
import pytest

from defender_assets.lake import Lake
from defender_assets.orchestration.notifications.message import failed_table

from .test_materialize import TODAY, run, sentences

TENANTS = ("contoso", "default", "tailspin")
FETCHED = ("machines", "software_inventory", "software_vulnerabilities", "vulnerabilities", "av_health", "kev")
COMPUTED = ("device_identity", "agent_compliance", "patch_findings", "patch_compliance")

# Dagster warns of the tags that it gives itself to a partition of two dimensions.
pytestmark = pytest.mark.filterwarnings("ignore:Non-compliant tag keys:DeprecationWarning")


@pytest.fixture
def wrong(own_settings, tmp_path):
    """Three tenants of one simulated service; sets up which of them have a wrong secret."""
    listed = tmp_path / "tenants.yaml"
    own_settings.setenv("DEFENDER_TENANTS", str(listed))

    def set_up(*names: str) -> None:
        entries = [f"  - {{name: {name}{', client_secret: wrong' if name in names else ''}}}\n" for name in TENANTS]
        listed.write_text("tenants:\n" + "".join(entries))

    set_up()
    return set_up


def over_all(*tables: str) -> dg.ExecuteInProcessResult:
    """Today of all tenants, as the UI asks for it."""
    tags = {
        "dagster/asset_partition_range_start": f"{TODAY}|{TENANTS[0]}",
        "dagster/asset_partition_range_end": f"{TODAY}|{TENANTS[-1]}",
    }
    return run(*tables, partition=None, tags=tags)


def made(result: dg.ExecuteInProcessResult) -> dict[str, set[str]]:
    """Tenant -> the tables that Dagster has heard of."""
    tables: dict[str, set[str]] = {}
    for event in result.get_asset_materialization_events():
        day, _, tenant = str(event.partition).partition("|")
        assert day == TODAY
        assert event.asset_key is not None
        tables.setdefault(tenant, set()).add(event.asset_key.to_user_string())
    return tables


def held(root: Path, tenant: str, tables: Collection[str]) -> set[str]:
    lake = Lake(str(root / "lake"), tenant)
    return {table for table in tables if lake.dates(table)}


def test_today_of_all_tenants_is_one_run(wrong, tmp_path):
    result = over_all(*FETCHED, *COMPUTED)
    assert result.success, sentences(result)
    assert made(result) == {tenant: {*FETCHED, *COMPUTED} for tenant in TENANTS}
    for tenant in TENANTS:
        assert held(tmp_path, tenant, (*FETCHED, *COMPUTED)) == {*FETCHED, *COMPUTED}
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert checks["not_empty"].passed


def test_a_tenant_that_is_refused_costs_the_others_nothing_and_is_named(wrong, tmp_path, own_simulator):
    """Given a tenant with a wrong secret; when all are refreshed in one run, then the run fails and names that tenant,
    and every table of the others is made, those too whose steps Dagster skips."""
    wrong("default")
    own_simulator.control.reset_counters()
    result = over_all(*FETCHED, *COMPUTED)
    assert not result.success
    of_service = {*FETCHED} - {"kev"}
    expected = {tenant: {*FETCHED, *COMPUTED} for tenant in ("contoso", "tailspin")} | {"default": {"kev"}}
    assert made(result) == expected
    for tenant, tables in expected.items():
        assert held(tmp_path, tenant, (*FETCHED, *COMPUTED)) == tables
    told = sentences(result)
    assert set(told) == of_service
    for table in of_service:
        assert told[table].startswith(f"{table}: not made for 1 tenant, made for 2. default: ")
        assert "secret" in told[table]
        assert "contoso" not in told[table]
    failed = [failed_table(event) for event in result.all_events if event.is_step_failure]
    assert {(each.reason, each.tenants) for each in failed} == {("bad_secret", ("default",))}
    # and it is not asked again for each of its tables
    refused = [path for _, path, status in own_simulator.control.requests() if status in (400, 401)]
    assert len(refused) <= 2, refused


def test_findings_of_one_tenant_that_cannot_be_read_stop_that_tenant_alone(wrong, tmp_path):
    over_all(*FETCHED)
    # given a tenant whose findings are damaged
    lake = Lake(str(tmp_path / "lake"), "default")
    for file in lake.parts("software_vulnerabilities"):
        (tmp_path / "lake" / file.path).write_bytes(b"no Parquet")
    result = over_all(*COMPUTED)
    assert not result.success
    assert {tenant: made(result).get(tenant, set()) for tenant in ("contoso", "tailspin")} == {
        "contoso": {*COMPUTED},
        "tailspin": {*COMPUTED},
    }
    assert "patch_findings" not in made(result).get("default", set())
    (first, *_) = sentences(result).values()
    assert "not made for 1 tenant, made for 2. default: " in first


def test_a_run_without_partitions_is_today_of_every_tenant(wrong, tmp_path):
    result = run("machines", partition=None)
    assert result.success
    assert made(result) == {tenant: {"machines"} for tenant in TENANTS}
