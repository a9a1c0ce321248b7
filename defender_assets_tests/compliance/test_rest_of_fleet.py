"""A device is judged in a part of the tenant as it is in the whole of it."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from defender_assets.compliance import RestOfFleet, derive_one, rest_in, rest_of_av_health, rest_of_machines
from defender_assets.scope import LeftOut

from .strategies import tenants
from .tenant import AS_OF, ENGINE, Row, Tenant, days, preset, table

JUDGED = ("device_identity", "agent_compliance")
DEVICE = {"machines": "id", "av_health": "machine_id"}


def _rest(tenant: Tenant, inside: set[str]) -> RestOfFleet:
    """As the metadata of the two files tells it."""
    with TemporaryDirectory() as folder:
        files = {name: Path(folder) / f"{name}.parquet" for name in DEVICE}
        for name, file in files.items():
            pq.write_table(table(name, tenant.rows.get(name, [])), file)
        machines, windows = rest_of_machines(
            files["machines"], pa.array(sorted(inside), pa.string()), preset("default"), engine=ENGINE
        )
        av_health = rest_of_av_health(files["av_health"], windows, engine=ENGINE)
    records = len(tenant.rows["machines"])
    left_out = LeftOut(records, records - len(inside)).facts()
    return rest_in([left_out | machines.facts(), left_out | av_health.facts()])


def _part(tenant: Tenant, inside: set[str], rest: RestOfFleet) -> dict[str, dict[str, Row]]:
    part = tenant.without()
    for name, column in DEVICE.items():
        if name in part.rows:
            part.rows[name] = [row for row in part.rows[name] if row[column] in inside]
    found: dict[str, pa.Table] = {}
    for name in JUDGED:
        with derive_one(name, {**part.inputs, **found}, preset("default"), engine=ENGINE, rest=rest) as derivation:
            found[name] = derivation.reader().read_all()
    return {name: {row["device_id"]: row for row in found[name].to_pylist()} for name in JUDGED}


@given(tenants(max_machines=9, max_findings=0), st.integers(1, 2**9 - 1))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_device_in_any_scope_is_judged_as_in_the_whole_tenant(tenant: Tenant, chosen: int) -> None:
    """Given devices that vulnerability management knows, when a scope leaves any of them out."""
    ids = [row["id"] for row in tenant.rows["machines"]]
    for device in ids:
        tenant.add("software_inventory", device_id=device, software_name="agent")
    inside = {device for place, device in enumerate(ids) if chosen >> place & 1} or {ids[0]}
    part = _part(tenant, inside, _rest(tenant, inside))
    for name in JUDGED:
        assert part[name] == {device: row for device, row in tenant.by_device(name).items() if device in inside}, name


def test_a_record_gives_way_to_a_later_one_out_of_the_scope_and_a_release_out_of_it_is_known() -> None:
    tenant = Tenant()
    tenant.machine("old", agent_version="10.8730.1.1", aad_device_id="e-1", last_seen=AS_OF - days(20))
    tenant.machine("other", agent_version="10.8730.1.1").antivirus("other", av_engine_version="1.1.26070.1")
    tenant.machine("out", agent_version="10.8760.1.1", aad_device_id="e-1").antivirus("out")
    inside = {"old", "other"}
    rest = _rest(tenant, inside)
    part, alone = _part(tenant, inside, rest), _part(tenant, inside, RestOfFleet())
    told = [part["device_identity"]["old"][name] for name in ("population", "primary_device_id")]
    assert told == ["duplicate", "out"]
    assert alone["device_identity"]["old"]["population"] == "eligible"
    judged, judged_alone = part["agent_compliance"]["other"], alone["agent_compliance"]["other"]
    assert (judged["newest_release"], judged["agent_state"], judged["engine_state"]) == (
        "8760",
        "behind",
        "out_of_date",
    )
    assert (judged_alone["agent_state"], judged_alone["engine_state"]) == ("current", "up_to_date")
    # versions and how many devices run them, not which
    assert [row["devices"] for row in rest.releases.to_pylist()] == [1, 1, 1, 1]
    assert "out" not in rest.facts()["releases_out_of_scope"]


@pytest.mark.parametrize("facts", [{}, {"releases_out_of_scope": "[[1]]", "identity_of_whole_tenant": "<script>"}])
def test_a_file_that_does_not_tell_of_what_it_left_out_makes_no_agent_current(facts: dict[str, str]) -> None:
    tenant = Tenant().machine("a").antivirus("a")
    rest = rest_in([LeftOut(5, 4).facts() | facts])
    assert not rest.is_known
    row = _part(tenant, {"a"}, rest)["agent_compliance"]["a"]
    assert row["newest_source"] == "fleet"
    assert (row["agent_state"], row["engine_state"], row["verdict"]) == ("unknown", "unknown", "unknown")
    assert rest_in([LeftOut(5, 0).facts(), {}]).is_known
    assert not rest_in([{"scope": "devices tagged A"}]).is_known


def test_antivirus_of_another_part_of_the_tenant_makes_no_device_compliant() -> None:
    """Given machines of one scope and antivirus health of another, where later versions run out of the scope."""
    tenant = Tenant().machine("in").antivirus("in", av_engine_version="1.1.26070.1").machine("out").antivirus("out")
    own = _rest(tenant, {"in"}).facts() | LeftOut(2, 1).facts()
    for other in ({}, {"scope": "devices tagged B"} | own):
        rest = rest_in([{"scope": "devices tagged A"} | own, other])
        row = _part(tenant, {"in"}, RestOfFleet(is_known=rest.is_known))["agent_compliance"]["in"]
        assert (row["engine_state"], row["verdict"]) == ("unknown", "unknown")
    assert rest_in([{"scope": "devices tagged A"} | own] * 2).is_known
