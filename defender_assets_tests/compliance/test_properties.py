"""What holds for every tenant: nothing gets better by a new finding, or by waiting; the order of rows means nothing."""

import copy
import random

from hypothesis import given
from hypothesis import strategies as st

from .strategies import draw_finding, few, tenants
from .tenant import Row, Tenant, days

RANK = {"compliant": 0, "unknown": 1, "noncompliant": 2}


def _findings(tenant: Tenant) -> dict[tuple[str, ...], Row]:
    key = ("device_id", "software_vendor", "software_name", "software_version", "cve_id")
    return {tuple(str(row[column]) for column in key): row for row in tenant.one("patch_findings")}


@given(tenants(max_machines=4, max_findings=6), st.data())
@few
def test_a_verdict_never_improves_when_a_finding_is_added(tenant: Tenant, data) -> None:
    # given a tenant in which every device was assessed, so that a finding makes nobody eligible
    for machine in tenant.rows["machines"]:
        tenant.add("software_inventory", device_id=machine["id"], software_name="agent")
    before = tenant.by_device("patch_compliance")
    more = copy.deepcopy(tenant)
    draw_finding(data.draw, more, list(before), ["CVE-2026-9999"], 999)
    for device, after in more.by_device("patch_compliance").items():
        assert RANK[before[device]["verdict"]] <= RANK[after["verdict"]]
        for count in ("open_findings", "overdue_findings", "due_soon_findings"):
            assert after[count] >= before[device][count]


@given(tenants(max_machines=3), st.floats(0, 400))
@few
def test_a_later_moment_never_makes_a_finding_less_overdue(tenant: Tenant, later) -> None:
    now, then = _findings(tenant), _findings(tenant.later(days(later)))
    order = {"on_time": 0, "due_soon": 1, "overdue": 2}
    for key, finding in now.items():
        assert then[key]["due_at"] == finding["due_at"]
        if finding["state"] in order:
            assert order[then[key]["state"]] >= order[finding["state"]]
            assert (then[key]["days_overdue"] or 0) >= (finding["days_overdue"] or 0)
        else:
            assert then[key]["state"] == finding["state"]


@given(tenants(), st.randoms(use_true_random=False))
@few
def test_the_order_of_rows_does_not_matter(tenant: Tenant, chance: random.Random) -> None:
    shuffled = copy.deepcopy(tenant)
    for rows in shuffled.rows.values():
        chance.shuffle(rows)
    names = (
        "device_identity",
        "patch_findings",
        "patch_compliance",
        "agent_compliance",
        "software_exposure",
        "fleet_summary",
    )
    first, second = tenant.derive(*names), shuffled.derive(*names)
    for name in names:
        assert sorted(first[name], key=repr) == sorted(second[name], key=repr)


@given(tenants())
@few
def test_every_record_is_judged_once_and_the_parts_add_up(tenant: Tenant) -> None:
    found = tenant.derive("device_identity", "patch_compliance", "agent_compliance", "fleet_summary")
    ids = sorted(machine["id"] for machine in tenant.rows["machines"])
    for name in ("device_identity", "patch_compliance", "agent_compliance"):
        assert sorted(row["device_id"] for row in found[name]) == ids
    (fleet,) = found["fleet_summary"]
    populations = ("merged", "excluded", "not_onboarded", "duplicate", "inactive", "not_assessed", "eligible")
    assert sum(fleet[population] for population in populations) == fleet["machines"] == len(ids)
    verdicts = ("compliant", "noncompliant", "unknown")
    assert sum(fleet[f"patch_{verdict}_devices"] for verdict in verdicts) == fleet["eligible"]


@given(tenants())
@few
def test_every_verdict_of_any_tenant_has_its_sentence(tenant: Tenant) -> None:
    found = tenant.derive("patch_compliance", "agent_compliance", "verdict_reasons")
    told: dict[tuple[str, str], set[str | None]] = {}
    places = [(row["device_id"], row["topic"], row["position"]) for row in found["verdict_reasons"]]
    assert len(set(places)) == len(places)
    for row in found["verdict_reasons"]:
        assert row["sentence"].endswith(".")
        assert "  " not in row["sentence"]
        assert ", ," not in row["sentence"]
        told.setdefault((row["device_id"], row["topic"]), set()).add(row["verdict"])
    for name, topic in (("patch_compliance", "patch"), ("agent_compliance", "agent")):
        for row in found[name]:
            assert told[row["device_id"], topic] == {row["verdict"]}
            assert told[row["device_id"], "identity"] == told[row["device_id"], "population"] == {None}
