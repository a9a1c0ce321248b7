"""Looking at a part of the tenant in a lake that holds all of it: the same names, fewer rows."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from defender_assets.catalog import DERIVED, TABLES
from defender_assets.lake import Lake
from defender_assets.queries import QueryError, query, unknown_scope_names
from defender_assets.queries.scoped_views import counts_findings
from defender_assets.scope import FleetScope
from defender_assets.scope.conditions import scope_of_conditions
from defender_assets.settings import SettingsError

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MACHINES = [
    {"id": "a", "onboarding_status": "Onboarded", "machine_tags": ["PCI"], "last_seen": NOON},
    {"id": "b", "onboarding_status": "onboarded", "rbac_group_name": "O'Hara; DROP", "last_seen": None},
    {"id": "c", "onboarding_status": "CanBeOnboarded", "machine_tags": ["pci", "x"], "last_seen": NOON},
    {"id": "d", "onboarding_status": None, "last_seen": NOON - timedelta(days=9)},
]
FINDINGS = [
    {"id": f"{device}{level}", "device_id": device, "vulnerability_severity_level": level}
    for device in "abcd"
    for level in ("Low", "Critical", None)
]


@pytest.fixture
def lake(tmp_path) -> Lake:
    lake = Lake(tmp_path / "lake")
    contents = {
        "machines": MACHINES,
        "software_vulnerabilities": FINDINGS,
        "alerts": [{"id": "1", "machine_id": "a"}, {"id": "2", "machine_id": "b"}, {"id": "3", "machine_id": None}],
        "vulnerabilities": [{"id": "CVE-2026-0001", "severity": "Low"}],
        "patch_findings": [
            {"device_id": "a", "rated_severity": "medium"},
            {"device_id": "c", "rated_severity": "high"},
        ],
        "patch_compliance": [{"device_id": "a"}, {"device_id": "d"}],
        "agent_compliance": [{"device_id": "a"}, {"device_id": "d"}],
        "fleet_summary": [{"machines": 4}],
    }
    for name, rows in contents.items():
        table = TABLES[name]
        observed = {"observed_at": NOON} if "observed_at" in table.schema.names else {}
        with lake.writing(table, NOON.date(), {"observed_at": NOON.isoformat()}) as writer:
            writer.write(pa.Table.from_pylist([row | observed for row in rows], table.schema))
            writer.publish()
    return lake


def ids(lake: Lake, scope: FleetScope, table: str, column: str = "id") -> list[str]:
    return [row[column] for row in query(lake, f'FROM {table} ORDER BY "{column}"', scope).read_all().to_pylist()]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], "abcd"),
        (["onboarded"], "ab"),
        (["tag=PCI"], "ac"),
        (["tag=x", "tag=pci", "onboarded"], "a"),
        (["group=o'hara; drop"], "b"),
        (["seen=5"], "abc"),
        (["severity=high"], "abcd"),
        (["tag=PCI", "tag=nobody"], "ac"),
    ],
)
def test_the_devices_are_those_for_which_all_conditions_hold(lake, conditions, expected):
    scope = scope_of_conditions(conditions)
    assert ids(lake, scope, "machines") == list(expected)
    assert ids(lake, scope, "machines_history") == list(expected)
    assert sorted(set(ids(lake, scope, "software_vulnerabilities", "device_id"))) == list(expected)


@pytest.mark.parametrize(
    ("conditions", "says"),
    [
        (["tag=pcl"], r"tags and device groups of the scope: pcl; did you mean pci\?"),
        (["group=ohara; drop"], r"scope: ohara; drop; did you mean O'Hara; DROP\?"),
        (["group=nobody", "tag=x"], r"scope: nobody; are they misspelled\?"),
        (["tag=PCI", "group=o'hara; drop"], "conditions"),
    ],
)
def test_a_scope_without_a_device_is_refused_because_no_rows_would_look_like_good_news(lake, conditions, says):
    scope = scope_of_conditions(conditions)
    with pytest.raises(QueryError, match=f"None of the 4 machine records of 2026-03-02 is in the scope .*{says}"):
        query(lake, "FROM vulnerabilities", scope)


def test_a_name_that_no_device_has_beside_one_that_is_in_use_is_told(lake):
    assert unknown_scope_names(lake, scope_of_conditions(["tag=PCI", "tag=nobody"])).endswith(
        "scope: nobody; are they misspelled?"
    )
    assert not unknown_scope_names(lake, scope_of_conditions(["tag=pci", "onboarded"]))
    assert not unknown_scope_names(lake, scope_of_conditions([]))


def test_rows_without_a_device_and_tables_about_the_tenant_stay(lake):
    scope = FleetScope(tags=("PCI",), severity="high")
    assert ids(lake, scope, "alerts") == ["1", "3"]
    assert ids(lake, scope, "vulnerabilities") == ["CVE-2026-0001"]
    assert ids(lake, scope, "patch_findings", "device_id") == ["c"]
    # what nothing rates is in
    assert ids(lake, FleetScope(severity="medium"), "software_vulnerabilities") == sorted(
        f"{device}{level}" for device in "abcd" for level in ("Critical", None)
    )


def test_a_table_that_counts_devices_cannot_be_looked_at_in_part(lake):
    with pytest.raises(QueryError, match=r"fleet_summary is about the whole tenant.*Leave --scope out"):
        ids(lake, FleetScope(onboarded=True), "fleet_summary", "machines")
    assert ids(lake, FleetScope(), "fleet_summary", "machines") == [4]


def test_a_table_made_from_findings_of_every_severity_cannot_be_looked_at_by_severity(lake):
    with pytest.raises(QueryError, match=r"patch_compliance is made from findings of every severity.*patch_findings"):
        ids(lake, FleetScope(severity="critical"), "patch_compliance", "device_id")
    # with low, every severity is in; verdicts on agents know of no finding
    assert ids(lake, FleetScope(tags=("PCI",), severity="low"), "patch_compliance", "device_id") == ["a"]
    assert ids(lake, FleetScope(tags=("PCI",), severity="critical"), "agent_compliance", "device_id") == ["a"]


def test_which_computed_tables_depend_on_findings():
    assert sorted(set(DERIVED) - set(filter(counts_findings, DERIVED))) == [
        "agent_compliance",
        "coverage",
        "device_identity",
        "endpoint_status",
        "patch_findings",
        "policy_compliance",
        "remediation_times",
    ]


def test_several_tenants_have_no_common_scope(lake):
    with pytest.raises(QueryError, match="name it with --tenant"):
        ids(Lake(lake.root, "all"), FleetScope(onboarded=True), "machines")


@pytest.mark.parametrize("condition", ["", "tag=", "seen=0", "seen=soon", "severity=huge", "onboarded=yes", "os=linux"])
def test_what_is_no_condition_is_refused_with_those_that_are(condition):
    with pytest.raises(SettingsError, match="--scope cannot be understood: say onboarded, tag=NAME"):
        scope_of_conditions([condition])
