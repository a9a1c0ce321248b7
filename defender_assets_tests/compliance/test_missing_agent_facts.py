"""Nothing gets better by what is missing: antivirus reports, lists of releases, configuration, in whole or in part."""

import copy
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender_assets.compliance import InputMissing, Policy

from .strategies import few, tenants
from .tenant import AS_OF, Row, Tenant, days


def _compliant(tenant: Tenant, table: str = "agent_compliance", policy: Policy | str = "default") -> set[str]:
    return {device for device, row in tenant.by_device(table, policy).items() if row["verdict"] == "compliant"}


def _judged(tenant: Tenant) -> tuple[set[str], Row]:
    """The devices whose agent is compliant, and the fleet's numbers."""
    found = tenant.derive("agent_compliance", "fleet_summary")
    compliant = {row["device_id"] for row in found["agent_compliance"] if row["verdict"] == "compliant"}
    return compliant, found["fleet_summary"][0]


def _but(tenant: Tenant, table: str, change: Callable[[list[Row]], list[Row] | None]) -> Tenant:
    """The tenant with other rows of a table; None: without the table."""
    other = copy.deepcopy(tenant)
    rows = change(other.rows.pop(table, []))
    if rows is not None:
        other.rows[table] = rows
    return other


def _with_the_newest_listed(tenant: Tenant) -> Tenant:
    """So that what is the newest does not depend on who reports: it is listed, and later than anything that is run."""
    for component in ("av_engine", "av_platform"):
        tenant.add("agent_releases", component=component, release="26100", version="x", released_at=AS_OF - days(30),
                   feed="antivirus_versions", listed_at=AS_OF)  # fmt: skip
    return tenant


@st.composite
def _windows(draw: st.DrawFn) -> Tenant:
    """Devices whose verdict the antivirus decides: a sensor that works, of the newest release."""
    tenant = Tenant()
    for number in range(draw(st.integers(2, 5))):
        device = f"device-{number}"
        tenant.machine(device)
        if draw(st.sampled_from([True, True, True, False])):
            refreshed = AS_OF - days(draw(st.sampled_from([0, 1, 8])))
            tenant.antivirus(
                device,
                av_engine_version=draw(st.sampled_from(["1.1.26090.5", "1.1.26080.9", "1.1.26100.1", None])),
                av_platform_version=draw(st.sampled_from(["4.18.26090.3", "4.18.26100.1"])),
                av_signature_publish_time=AS_OF - days(draw(st.sampled_from([1, 7, 8]))),
                av_signature_data_refresh_time=refreshed,
                data_refresh_timestamp=refreshed,
                av_is_engine_up_to_date=draw(st.sampled_from(["True", "False"])),
            )
    return tenant


_REFRESHED = ("av_signature_data_refresh_time", "data_refresh_timestamp")
_GONE = {
    "no table": lambda rows: None,
    "no rows": lambda rows: [],
    "reports that are too old": lambda rows: [row | dict.fromkeys(_REFRESHED, AS_OF - days(8)) for row in rows],
    "reports without a time": lambda rows: [row | dict.fromkeys(_REFRESHED) for row in rows],
}


@given(tenant=_windows(), gone=st.sampled_from(list(_GONE)))
@few
def test_without_antivirus_reports_no_device_becomes_compliant_and_their_numbers_are_not_known(gone, tenant) -> None:
    compliant, before = _judged(tenant)
    still, after = _judged(_but(tenant, "av_health", _GONE[gone]))
    assert still <= compliant
    assert after["agent_compliant_devices"] <= before["agent_compliant_devices"]
    assert after["av_unknown"] == after["windows_devices"]
    numbers = ("engine_out_of_date", "platform_out_of_date", "intelligence_out_of_date", "intelligence_up_to_date",
               "av_disagreements")  # fmt: skip
    assert {after[number] for number in numbers} == ({None} if after["windows_devices"] else {0})


@given(tenant=_windows(), data=st.data())
@few
def test_without_some_of_the_reports_or_of_their_members_no_device_becomes_compliant(tenant, data) -> None:
    _with_the_newest_listed(tenant)
    members = st.sampled_from(
        [
            ("av_signature_data_refresh_time", "data_refresh_timestamp"),
            ("av_engine_version",),
            ("av_platform_version",),
            ("av_signature_version",),
            ("av_signature_publish_time",),
        ]
    )
    keep = data.draw(st.lists(st.sampled_from(["row", "row without", "nothing"]), min_size=5, max_size=5))
    lost = data.draw(members)
    left = {
        "row": lambda row: [row],
        "row without": lambda row: [row | dict.fromkeys(lost)],
        "nothing": lambda row: [],
    }
    without = _but(
        tenant,
        "av_health",
        lambda rows: [kept for row, how in zip(rows, keep, strict=False) for kept in left[how](row)],
    )
    (compliant, before), (still, after) = _judged(tenant), _judged(without)
    assert still <= compliant
    assert after["agent_compliant_pct"] is None or after["agent_compliant_pct"] <= before["agent_compliant_pct"]
    # the number that the report shows is the one that cannot rise
    assert (after["intelligence_up_to_date"] or 0) <= (before["intelligence_up_to_date"] or 0)


@given(tenant=tenants(max_findings=1))
@few
def test_lists_that_tell_no_more_than_the_fleet_can_go_without_making_a_device_compliant(tenant) -> None:
    found = tenant.by_device("agent_compliance").values()
    eligible = [row for row in found if row["population"] == "eligible"]
    run = {(f"agent_{row['platform_family']}", row["agent_release"]) for row in eligible}
    listed = _but(
        tenant,
        "agent_releases",
        lambda rows: [row for row in rows if (row["component"], row["release"]) in run],
    )
    still, fleet = _judged(_but(tenant, "agent_releases", lambda rows: None))
    assert still == _compliant(listed)
    # and what the fleet stands in for is said
    assert {component for component, release in run if release} <= set(fleet["agent_newest_inferred"])


@given(tenant=tenants(max_findings=1), member=st.sampled_from(["released_at", "listed_at", "feed", "source"]))
@few
def test_a_list_without_dates_or_feeds_makes_no_device_compliant(tenant, member) -> None:
    without = _but(tenant, "agent_releases", lambda rows: [row | {member: None} for row in rows])
    assert _compliant(without) <= _compliant(tenant)


_CONTROLS = ("scid-2000", "scid-2003", "scid-2012", "scid-1")


@st.composite
def _configured(draw: st.DrawFn) -> Tenant:
    """Devices of two systems with controls that apply or not, are met or not, or of which it is not said."""
    tenant = Tenant()
    for number in range(draw(st.integers(1, 5))):
        device = f"device-{number}"
        tenant.machine(device, os_platform=draw(st.sampled_from(["Windows11", "WindowsServer2022"])))
        for control in draw(st.lists(st.sampled_from(_CONTROLS), unique=True)):
            tenant.control(
                device,
                control,
                is_applicable=draw(st.sampled_from([True, True, False, None])),
                is_compliant=draw(st.sampled_from([True, True, False, None])),
                configuration_impact=draw(st.sampled_from([0.0, 5.0, 9.0, None])),
            )
    # one device of each system on which everything is assessed: what a system has is known
    for system in ("Windows11", "WindowsServer2022"):
        tenant.machine(f"all-{system}", os_platform=system)
        for control in _CONTROLS:
            tenant.control(f"all-{system}", control)
    return tenant


@pytest.mark.parametrize("minimum", [None, 0.6])
@given(tenant=_configured(), data=st.data())
@few
def test_a_configuration_of_which_less_is_known_makes_no_device_compliant(
    tmp_path_factory, minimum, tenant, data
) -> None:
    policy: Policy | str = "default"
    if minimum:
        file = tmp_path_factory.mktemp("policy") / "ours.yaml"
        file.write_text(f"name: ours\ncontrols: {{minimum_score: {minimum}}}\n")
        policy = Policy.load(file)
    rows = [row for row in tenant.rows["secure_configuration"] if row["device_id"].startswith("device")]
    members = ["is_applicable", "is_compliant", "configuration_impact"]
    kept: list[Row] = [row for row in tenant.rows["secure_configuration"] if row not in rows]
    for row in rows:
        # A score is made of what is there: without a minimum rows may go as well.
        lost = data.draw(st.sampled_from([None, *members, *([] if minimum else ["row"])]))
        if lost != "row":
            kept.append(row | ({lost: None} if lost else {}))
    without = _but(tenant, "secure_configuration", lambda _: kept)
    assert _compliant(without, "policy_compliance", policy) <= _compliant(tenant, "policy_compliance", policy)


def test_without_the_configuration_nothing_is_said_of_it() -> None:
    tenant = Tenant().machine("a").control("a", "scid-2012", is_compliant=False)
    (before,) = tenant.derive("policy_compliance", "fleet_summary")["fleet_summary"]
    # an empty table: nobody is known to meet anything
    (empty,) = _but(tenant, "secure_configuration", lambda _: []).derive("policy_compliance", "fleet_summary")[
        "fleet_summary"
    ]
    absent = _but(tenant, "secure_configuration", lambda _: None)
    with pytest.raises(InputMissing):
        absent.one("policy_compliance")
    (none,) = absent.one("fleet_summary")
    assert (before["policy_compliant_pct"], before["policy_noncompliant_devices"]) == (0, 1)
    assert (empty["policy_compliant_pct"], empty["policy_unknown_devices"]) == (0, 1)
    assert (none["policy_compliant_pct"], none["policy_noncompliant_devices"]) == (None, None)
