"""The simulator serves every dataset of the catalog, and both agree on paths, permissions, quotas and members."""

import json
from dataclasses import replace

import pytest

from defender_assets.catalog import (
    DATASETS,
    Column,
    CursorPages,
    Dataset,
    ExportFiles,
    Group,
    ODataPages,
    OneAnswer,
    PerDevice,
    QuotaFamily,
)
from defender_assets.catalog.column import flag, nested, real, text, time, whole
from defender_assets.catalog.dataset import GENERAL_QUOTA
from defender_assets.catalog.table import Days
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape
from defender_assets.simulator.wire.endpoint import EndpointKind
from defender_assets.simulator.wire.endpoints import ENDPOINTS, Routes
from defender_assets.simulator.wire.entitlements import ADD_ON
from defender_assets.simulator.wire.quota_limits import QuotaLimit

from .conftest import AS_OF, client_of, walked

SERVED = [dataset for dataset in DATASETS.values() if dataset.name in {e.dataset for e in ENDPOINTS}]
# osVersion of machines is null in every answer that was seen; the score of the organisation is of no group; the delta
# shares the columns of the assessment, but lacks one member of the pages and two of the files.
NEVER_SENT = {
    "machines": {"osVersion"},
    "exposure_score": {"rbacGroupName", "rbacGroupId"},
    "configuration_score": {"rbacGroupName", "rbacGroupId"},
    "software_vulnerability_changes": {"securityUpdateAvailable", "cveBatchTitle", "cveBatchUrl"},
}


@pytest.fixture(scope="module")
def forms(rows_of) -> dict[str, list[dict]]:
    """Every row of every dataset, in every form that it has."""
    found = {}
    for dataset in SERVED:
        has_files = isinstance(dataset.fetch, CursorPages) and dataset.fetch.files is not None
        found[dataset.name] = rows_of(dataset.name) + (rows_of(dataset.name, "files") if has_files else [])
    return found


def _missing(columns: tuple[Column, ...], rows: list[dict], path: str = "") -> set[str]:
    """Declared members that no row has a value for."""
    seen: dict[str, list] = {}
    for row in rows:
        for member, value in row.items():
            if value is not None and value != []:
                seen.setdefault(member.lower(), []).append(value)
    found = set()
    for column in columns:
        values = [value for name in (column.member, *column.aliases) for value in seen.get(name.lower(), ())]
        if not values:
            found.add(path + column.member)
        elif column.members:
            if column.in_text:
                values = [json.loads(value) if isinstance(value, str) else value for value in values if value]
            inner = [item for value in values for item in (value if isinstance(value, list) else [value])]
            found |= _missing(column.members, inner, f"{path}{column.member}.")
    return found


@pytest.mark.parametrize("dataset", SERVED, ids=lambda dataset: dataset.name)
def test_every_declared_member_has_a_value_in_some_row(dataset: Dataset, forms):
    assert _missing(dataset.columns, forms[dataset.name]) == NEVER_SENT.get(dataset.name, set())


@pytest.mark.parametrize("dataset", SERVED, ids=lambda dataset: dataset.name)
def test_members_that_are_not_declared_are_few(dataset: Dataset, forms):
    declared = {name.lower() for column in dataset.columns for name in (column.member, *column.aliases)}
    unknown = {m for row in forms[dataset.name] for m in row if m.lower() not in declared and not m.startswith("@")}
    assert unknown <= {"assetCriticality", "aiSummary"}


@pytest.mark.parametrize("dataset", SERVED, ids=lambda dataset: dataset.name)
def test_path_permission_and_quota_are_the_services(dataset: Dataset):
    # Device ids are 40 hexadecimal characters.
    found = Routes(ENDPOINTS).find(dataset.path.replace("{device}", "0" * 40))
    assert found is not None, f"the service has no {dataset.path}"
    endpoint = found[0]
    assert endpoint.dataset == dataset.name
    assert endpoint.roles == (dataset.permission, *dataset.also_permitted)
    assert endpoint.quota == _as_enforced(dataset.quota)
    match dataset.fetch:
        case ODataPages(top=top):
            assert endpoint.kind is EndpointKind.LIST
            assert top <= endpoint.top_max
        case CursorPages(since=since, files=files):
            assert endpoint.kind is (EndpointKind.DELTA if since else EndpointKind.CURSOR)
            if files:
                exported = Routes(ENDPOINTS).find(files.path)
                assert exported is not None
                assert (exported[0].dataset, exported[0].kind) == (dataset.name, EndpointKind.EXPORT)
                assert exported[0].quota == _as_enforced(files.quota)
        case OneAnswer(is_object=is_object):
            assert endpoint.kind is (EndpointKind.OBJECT if is_object else EndpointKind.WHOLE)
        case PerDevice():
            assert endpoint.kind is EndpointKind.USERS
        case ExportFiles():
            assert endpoint.kind is EndpointKind.EXPORT


def _as_enforced(quota: QuotaFamily) -> QuotaLimit:
    """What the client paces itself by, as a limit to compare with the one that the simulated service enforces."""
    return QuotaLimit(quota.name, quota.per_minute, quota.per_hour)


def test_no_dataset_of_the_catalog_is_left_out():
    with Simulator(SimulatedTenant(TenantShape(machines=12, as_of=AS_OF))) as simulator, client_of(simulator) as client:
        device = next(iter(simulator.tenant.rows("machines")))["id"]
        for dataset in DATASETS.values():
            since = "?sinceTime=2026-11-20" if isinstance(dataset.fetch, CursorPages) and dataset.fetch.since else ""
            answer = client.get(dataset.path.replace("{device}", device) + since)
            assert answer.status_code == 200, (dataset.name, answer.text)


INVENTED = Dataset(
    name="firmware",
    title="Firmware",
    description="A dataset that is only declared.",
    group=Group.DEFENDER,
    days=Days.STATE,
    path="/api/firmware",
    permission="Firmware.Read.All",
    documentation="https://learn.microsoft.com/",
    quota=GENERAL_QUOTA,
    fetch=ODataPages(top=25),
    key=("id",),
    columns=(
        text("id", "Id."),
        text("deviceId", "Device."),
        whole("revision", "Revision."),
        real("score", "Score."),
        flag("isSigned", "Signed."),
        time("releasedOn", "Released."),
        text("tags", "Tags.", many=True),
        nested("parts", "Parts.", text("name", "Name."), whole("size", "Size."), many=True),
    ),
)


@pytest.mark.parametrize(
    "fetch",
    [
        ODataPages(top=25),
        CursorPages(page_size=10),
        CursorPages(files=ExportFiles("/api/firmwareExport")),
        ExportFiles("/api/firmware", GENERAL_QUOTA),
        PerDevice(member="deviceId"),
        OneAnswer(),
    ],
    ids=["list", "cursor", "files", "files only", "per device", "one answer"],
)
def test_a_dataset_that_is_only_declared_is_served(fetch):
    path = "/api/machines/{device}/firmware" if isinstance(fetch, PerDevice) else "/api/firmware"
    dataset = replace(INVENTED, fetch=fetch, path=path)
    tenant = SimulatedTenant(TenantShape(machines=40, as_of=AS_OF))
    with Simulator(tenant, datasets={dataset.name: dataset}) as simulator, client_of(simulator) as client:
        truth = list(tenant.rows("firmware"))
        machines = [row["id"] for row in tenant.rows("machines")]
        assert {row["deviceId"] for row in truth} == set(machines)
        assert len({row["id"] for row in truth}) == len(truth)
        if isinstance(fetch, PerDevice):
            device = machines[3]
            rows = client.get(path.replace("{device}", device)).json()["value"]
            assert [row["id"] for row in rows] == [row["id"] for row in truth if row["deviceId"] == device]
        elif isinstance(fetch, ExportFiles):
            assert len(client.get("/api/firmware").json()["exportFiles"]) > 1
        else:
            assert walked(client, "/api/firmware") == truth
        if isinstance(fetch, CursorPages) and fetch.files:
            assert len(client.get("/api/firmwareExport").json()["exportFiles"]) > 1
        assert _missing(dataset.columns, truth) == set()
        simulator.control.revoke_roles("Firmware.Read.All")
        refused = client.get(path.replace("{device}", machines[0]))
        assert refused.status_code == 403
        assert "API required roles: Firmware.Read.All" in refused.json()["error"]["message"]


def test_the_simulated_tenant_loses_with_the_add_on_what_the_catalog_says_it_needs_it_for():
    licensed = {name for name, dataset in DATASETS.items() if dataset.licence}
    assert licensed == ADD_ON & DATASETS.keys()
