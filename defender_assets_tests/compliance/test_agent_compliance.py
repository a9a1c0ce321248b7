"""Agents: releases as numbers, support by platform, Microsoft's antivirus states, and the verdict with its reasons."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defender_assets.compliance import Policy

from .tenant import AS_OF, Row, Tenant, days

MOMENT = timedelta(microseconds=1)

RELEASES = [
    # platform, version as sent -> release
    ("Windows11", "10.8760.22631.4317", "8760"),
    ("WindowsServer2016", "10.8735.26020.1009", "8735"),
    ("Windows11", "10.08760.1.1", "8760"),
    ("Windows11", None, None),
    ("Windows11", "", None),
    ("Windows11", "unknown", None),
    ("Windows11", "10", None),
    ("Windows11", "10.x.22631", None),
    ("Windows11", "30.124092.2.0", None),
    ("macOS", "20.126052.16.0", "2605"),
    ("macOS", "101.26012.0017", "2601"),
    ("macOS", "20.126132.1.0", None),  # there is no thirteenth month
    ("macOS", "20.26052.16.0", None),
    ("macOS", "10.8760.1.1", None),
    ("Ubuntu", "30.124092.2.0", "2409"),
    ("Debian", "101.25122.0004", "2512"),
    ("Ubuntu", "30.124092", "2409"),
    ("Ubuntu", "20.124092.2.0", None),
    ("Android", "1.0.8412.0101", "1.0.8412.0101"),
    ("iOS", "1.1.70290103", "1.1.70290103"),
    ("iOS", "1.1.", None),
    ("Other", "1.x", None),
]


def test_the_release_is_the_part_of_the_version_that_orders_releases() -> None:
    tenant = Tenant()
    for number, (platform, version, _) in enumerate(RELEASES):
        tenant.machine(str(number), os_platform=platform, agent_version=version)
    found = tenant.by_device("agent_compliance")
    told = [(*row[:2], found[str(number)]["agent_release"]) for number, row in enumerate(RELEASES)]
    assert told == RELEASES
    assert all((found[str(n)]["agent_state"] == "unknown") is (row[2] is None) for n, row in enumerate(RELEASES))


versions = st.lists(st.integers(0, 10**6), min_size=1, max_size=6).map(tuple)


@given(st.lists(versions, min_size=2, max_size=8))
@settings(max_examples=6, deadline=None)
def test_versions_compare_as_tuples_of_integers(numbers: list[tuple[int, ...]]) -> None:
    # given a phone for each version, with leading zeros here and there
    tenant = Tenant()
    for number, version in enumerate(numbers):
        text = ".".join(f"{part:0{4 + number % 3}d}" for part in version)
        tenant.machine(str(number), os_platform="Android", agent_version=text)
    found = tenant.by_device("agent_compliance")
    # then each is behind by the number of distinct greater tuples
    for number, version in enumerate(numbers):
        assert found[str(number)]["releases_behind"] == len({other for other in numbers if other > version})


def _fleet(counts: dict[str, int]) -> Tenant:
    """Windows devices: so many of each sense number."""
    tenant = Tenant()
    for sense, count in counts.items():
        for number in range(count):
            tenant.machine(f"{sense}-{number}", agent_version=f"10.{sense}.22631.1")
    return tenant


def test_the_newest_release_is_one_that_a_hundredth_of_the_fleet_runs() -> None:
    # given 200 devices of which two, the hundredth part, run 8790 and one runs 9000
    found = _fleet({"8790": 2, "9000": 1, "8780": 97, "8770": 50, "8760": 30, "8750": 20}).by_device("agent_compliance")
    # then 8790 is the newest; a device that is ahead of it is current
    assert {row["newest_release"] for row in found.values()} == {"8790"}
    states = {
        device: (row["releases_behind"], row["agent_state"]) for device, row in found.items() if device.endswith("-0")
    }
    assert states == {
        "9000-0": (0, "current"),
        "8790-0": (0, "current"),
        "8780-0": (1, "behind"),
        "8770-0": (2, "behind"),  # N-2 is supported still
        "8760-0": (3, "unsupported"),
        "8750-0": (4, "unsupported"),
    }


def test_a_release_of_less_than_a_hundredth_is_not_the_newest() -> None:
    # given 201 devices of which two run 8790
    found = _fleet({"8790": 2, "8780": 199}).by_device("agent_compliance")
    assert {row["newest_release"] for row in found.values()} == {"8780"}


def test_only_eligible_devices_of_the_same_family_are_measured_by() -> None:
    tenant = Tenant().machine("a", agent_version="10.8760.1.1")
    tenant.machine("asleep", agent_version="10.9999.1.1", last_seen=AS_OF - days(60))
    tenant.machine("server", os_platform="Ubuntu", agent_version="30.126092.1.0")
    found = tenant.by_device("agent_compliance")
    assert found["a"]["newest_release"] == "8760"
    assert (found["asleep"]["newest_release"], found["asleep"]["verdict"]) == ("8760", "unknown")


def test_the_policys_own_catalogue_counts_too(tmp_path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text("name: x\nreleases:\n  - {component: agent_windows, release: 8770, released: 2026-09-01}\n")
    found = _fleet({"8760": 1}).by_device("agent_compliance", Policy.load(file))
    assert (found["8760-0"]["newest_release"], found["8760-0"]["agent_state"]) == ("8770", "behind")


AGES = [
    # platform, version, age in calendar months in October 2026, state
    ("macOS", "20.126102.1.0", 0, "current"),
    ("macOS", "20.126052.1.0", 5, "behind"),
    ("macOS", "20.126042.1.0", 6, "unsupported"),
    ("Ubuntu", "30.126102.1.0", 0, "current"),
    ("Ubuntu", "30.126022.1.0", 8, "behind"),
    ("Ubuntu", "30.126012.1.0", 9, "unsupported"),
    ("Ubuntu", "30.125102.1.0", 12, "unsupported"),
]


def test_builds_of_macos_and_linux_expire_with_age() -> None:
    tenant = Tenant()
    for platform, version, _, _ in AGES:
        tenant.machine(version, os_platform=platform, agent_version=version)
    found = tenant.by_device("agent_compliance")
    told = [(row[0], row[1], found[row[1]]["agent_age_months"], found[row[1]]["agent_state"]) for row in AGES]
    assert told == AGES


def test_an_expired_build_is_unsupported_even_if_it_is_the_newest_of_the_fleet() -> None:
    found = Tenant().machine("a", os_platform="macOS", agent_version="20.126042.1.0").by_device("agent_compliance")["a"]
    assert (found["newest_release"], found["releases_behind"], found["agent_state"]) == ("2604", 0, "unsupported")
    assert (found["verdict"], found["reasons"]) == ("noncompliant", ["agent_unsupported"])


# Microsoft's antivirus health report, in the order of its tests (and what the contract adds). Each row: what differs
# from a healthy antivirus -> engine, platform, intelligence. The fleet's newest month is 26090.
AV_STATES: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    ({}, ("up_to_date", "up_to_date", "up_to_date")),
    # the refresh of the up-to-date status is older than seven days, or absent
    ({"av_signature_data_refresh_time": AS_OF - days(7)}, ("up_to_date", "up_to_date", "up_to_date")),
    ({"av_signature_data_refresh_time": AS_OF - days(7) - MOMENT}, ("unknown", "unknown", "unknown")),
    (
        {"av_signature_data_refresh_time": None},
        ("up_to_date", "up_to_date", "up_to_date"),
    ),  # dataRefreshTimestamp counts
    (
        {"av_signature_data_refresh_time": None, "data_refresh_timestamp": AS_OF - days(8)},
        ("unknown", "unknown", "unknown"),
    ),
    ({"av_signature_data_refresh_time": None, "data_refresh_timestamp": None}, ("unknown", "unknown", "unknown")),
    # security intelligence by its publication
    ({"av_signature_publish_time": AS_OF - days(7)}, ("up_to_date", "up_to_date", "up_to_date")),
    ({"av_signature_publish_time": AS_OF - days(7) - MOMENT}, ("up_to_date", "up_to_date", "out_of_date")),
    ({"av_signature_publish_time": None}, ("up_to_date", "up_to_date", "out_of_date")),
    # engine and platform by their month
    ({"av_engine_version": "1.1.26080.9"}, ("out_of_date", "up_to_date", "up_to_date")),
    ({"av_engine_version": "1.1.26100.1"}, ("up_to_date", "up_to_date", "up_to_date")),
    ({"av_platform_version": "4.18.2211.5"}, ("up_to_date", "out_of_date", "up_to_date")),  # four digits, years ago
    ({"av_engine_version": None}, ("unknown", "up_to_date", "up_to_date")),
    ({"av_engine_version": "1.1"}, ("unknown", "up_to_date", "up_to_date")),
    ({"av_platform_version": "-"}, ("up_to_date", "unknown", "up_to_date")),
]


def test_antivirus_states_by_microsofts_rules() -> None:
    # given a fleet of 300 on the month 26090, so that a single device on a later one does not make it the newest
    tenant = Tenant()
    for number in range(300):
        tenant.machine(f"fleet-{number}").antivirus(f"fleet-{number}")
    for number, (values, _) in enumerate(AV_STATES):
        tenant.machine(str(number)).antivirus(str(number), **values)
    found = tenant.by_device("agent_compliance")
    for number, (values, expected) in enumerate(AV_STATES):
        row = found[str(number)]
        assert (row["engine_state"], row["platform_state"], row["intelligence_state"]) == expected, values
        failing = [name for name, state in zip(("engine", "platform", "intelligence"), expected, strict=True)
                   if state == "out_of_date"]  # fmt: skip
        unknown = [name for name, state in zip(("engine", "platform", "intelligence"), expected, strict=True)
                   if state == "unknown"]  # fmt: skip
        verdict = "noncompliant" if failing else "unknown" if unknown else "compliant"
        reasons = [f"{name}_out_of_date" for name in failing] or sorted(f"{name}_unknown" for name in unknown)
        assert (row["verdict"], row["reasons"]) == (verdict, reasons), values


@pytest.mark.parametrize("platform", ["macOS", "Ubuntu", "Android"])
def test_anything_but_windows_has_no_such_states(platform) -> None:
    tenant = Tenant().machine("a", os_platform=platform).antivirus("a", av_is_engine_up_to_date="Unknown")
    row = tenant.by_device("agent_compliance")["a"]
    assert {row["engine_state"], row["platform_state"], row["intelligence_state"]} == {"not_applicable"}
    assert row["disagrees"] is False


def test_without_a_row_of_antivirus_health_nothing_is_known() -> None:
    row = Tenant().machine("a").by_device("agent_compliance")["a"]
    assert {row["engine_state"], row["platform_state"], row["microsoft_engine_state"]} == {"unknown"}
    assert row["av_mode"] is None


@pytest.mark.parametrize(
    ("age", "state"),
    [(days(2), "up_to_date"), (days(3), "up_to_date"), (days(3) + MOMENT, "out_of_date"), (days(-1), "up_to_date")],
)
def test_a_catalogued_month_counts_after_three_days_of_grace(age, state) -> None:
    tenant = Tenant().machine("a").antivirus("a", av_engine_version="1.1.26080.1")
    tenant.add("agent_releases", component="av_engine", release="26080", released_at=AS_OF - days(40))
    tenant.add("agent_releases", component="av_engine", release="26090", released_at=AS_OF - age)
    assert tenant.by_device("agent_compliance")["a"]["engine_state"] == state


def test_microsofts_verdicts_stand_beside_ours_and_differences_are_marked() -> None:
    tenant = Tenant().machine("same").antivirus("same")
    tenant.machine("theirs").antivirus("theirs", av_is_signature_up_to_date="False")
    tenant.machine("unsaid").antivirus("unsaid", av_is_engine_up_to_date="Unknown", av_is_platform_up_to_date=None)
    tenant.machine("stale").antivirus(
        "stale", av_signature_data_refresh_time=AS_OF - days(9), av_is_engine_up_to_date="False"
    )
    found = tenant.by_device("agent_compliance")
    assert {device: row["disagrees"] for device, row in found.items()} == {
        "same": False,
        "theirs": True,
        "unsaid": False,
        "stale": False,  # ours is unknown: no contradiction
    }
    assert found["theirs"]["microsoft_intelligence_state"] == "out_of_date"
    assert found["unsaid"]["microsoft_engine_state"] == "unknown"


SENSORS = {
    "Active": "healthy",
    "active": "healthy",
    "Inactive": "inactive",
    "ImpairedCommunication": "impaired",
    "NoSensorData": "impaired",
    "NoSensorDataImpairedCommunication": "impaired",
    "Unknown": "unknown",
    None: "unknown",
}


def test_sensor_states_and_what_they_mean_for_the_verdict() -> None:
    tenant = Tenant()
    for status in SENSORS:
        tenant.machine(str(status), health_status=status).antivirus(str(status))
    found = tenant.by_device("agent_compliance")
    assert {status: found[str(status)]["sensor_state"] for status in SENSORS} == SENSORS
    for status, state in SENSORS.items():
        row = found[str(status)]
        assert (row["verdict"], row["reasons"]) == (
            ("noncompliant", ["sensor_impaired"]) if state == "impaired" else ("compliant", [])
        )


def _policy(folder: Path, text: str) -> Policy:
    """The policy that ships, but for what the text says."""
    file = folder / "ours.yaml"
    file.write_text(f"name: ours\n{text}\n")
    return Policy.load(file)


def _verdict(tenant: Tenant, policy: Policy | str = "default") -> tuple[str, list[str]]:
    row: Row = tenant.by_device("agent_compliance", policy)["a"]
    return row["verdict"], row["reasons"]


def test_the_verdict_says_why() -> None:
    assert _verdict(Tenant().machine("a", agent_version=None).antivirus("a")) == ("unknown", ["agent_unknown"])
    # a failure outweighs an unknown version
    tenant = Tenant().machine("a", agent_version=None, health_status="NoSensorData")
    tenant.antivirus("a", av_signature_publish_time=AS_OF - days(30))
    assert _verdict(tenant) == ("noncompliant", ["intelligence_out_of_date", "sensor_impaired"])
    asleep = Tenant().machine("a", last_seen=AS_OF - days(90), health_status="NoSensorData")
    assert _verdict(asleep) == ("unknown", ["population_inactive"])


def test_what_fails_a_device_is_a_setting(tmp_path) -> None:
    policy = _policy(tmp_path, "agent: {noncompliant_when: [sensor_inactive], windows_max_releases_behind: 0}")
    impaired = Tenant().machine("a", health_status="NoSensorData").antivirus("a")
    assert _verdict(impaired, policy) == ("compliant", [])
    assert _verdict(Tenant().machine("a", health_status="Inactive"), policy) == ("noncompliant", ["sensor_inactive"])
    found = _fleet({"8760": 1, "8770": 1}).by_device("agent_compliance", policy)
    assert found["8760-0"]["agent_state"] == "unsupported"


UNKNOWN = ["engine_unknown", "intelligence_unknown", "platform_unknown"]
NO_REPORT = Tenant().machine("a")
STALE_REPORT = Tenant().machine("a").antivirus("a", av_signature_data_refresh_time=AS_OF - days(8))
CLOCK_AHEAD = Tenant().machine("a").antivirus("a", av_signature_data_refresh_time=AS_OF + days(300))


@pytest.mark.parametrize("tenant", [NO_REPORT, STALE_REPORT, CLOCK_AHEAD], ids=["none", "stale", "from the future"])
@pytest.mark.parametrize(
    ("setting", "expected"),
    [("unknown", ("unknown", UNKNOWN)), ("ignore", ("compliant", [])), ("noncompliant", ("noncompliant", UNKNOWN))],
)
def test_an_antivirus_of_which_nothing_is_known_is_what_the_policy_says(tmp_path, tenant, setting, expected) -> None:
    assert _verdict(tenant, _policy(tmp_path, f"agent: {{antivirus_unknown: {setting}}}")) == expected
    # the policy that ships
    assert _verdict(tenant) == ("unknown", UNKNOWN)


def test_a_failure_is_no_less_one_where_something_else_is_unknown() -> None:
    tenant = Tenant().machine("a").machine("b").antivirus("b")
    tenant.antivirus("a", av_engine_version=None, av_platform_version="4.18.26080.1")
    assert _verdict(tenant) == ("noncompliant", ["platform_out_of_date"])


@pytest.mark.parametrize(
    ("mode", "also"), [("0", []), ("1", ["antivirus_passive"]), ("2", ["antivirus_disabled"]), ("4", [])]
)
def test_an_antivirus_that_is_not_in_charge_is_named_beside_what_is_wrong_with_it(mode, also) -> None:
    unknown = Tenant().machine("a").antivirus("a", av_mode=mode, av_engine_version="-")
    assert _verdict(unknown) == ("unknown", sorted([*also, "engine_unknown"]))
    late = Tenant().machine("a").antivirus("a", av_mode=mode, av_signature_publish_time=AS_OF - days(8))
    assert _verdict(late) == ("noncompliant", sorted([*also, "intelligence_out_of_date"]))
    # with nothing wrong the mode is no reason: another antivirus may be in charge
    assert _verdict(Tenant().machine("a").antivirus("a", av_mode=mode)) == ("compliant", [])


# Builds from before mid-2023, whose numbers tell no month: known to be old.
BEFORE_MONTHS = [
    ("macOS", "101.98.64"),
    ("macOS", "101.09.61"),
    ("macOS", "100.90.27"),
    ("macOS", "20.198.64.0"),
    ("Ubuntu", "101.78.13"),
    ("RedHatEnterpriseLinux", "101.18.53"),
    ("Ubuntu", "30.1986.4"),
]


@pytest.mark.parametrize(("platform", "version"), BEFORE_MONTHS)
def test_a_build_of_before_the_months_is_known_to_be_old(platform, version) -> None:
    row = Tenant().machine("a", os_platform=platform, agent_version=version).by_device("agent_compliance")["a"]
    assert (row["agent_state"], row["verdict"], row["reasons"]) == (
        "unsupported",
        "noncompliant",
        ["agent_unsupported"],
    )
    assert (row["agent_release"], row["agent_age_months"]) == (None, None)


@pytest.mark.parametrize(
    ("platform", "version", "release"),
    [("macOS", "20.121082.14727.0", "2108"), ("Ubuntu", "30.123032.19864.0", "2303"), ("macOS", "101.23052.4", "2305")],
)
def test_the_apis_spelling_tells_the_month_of_old_builds_too(platform, version, release) -> None:
    row = Tenant().machine("a", os_platform=platform, agent_version=version).by_device("agent_compliance")["a"]
    assert (row["agent_release"], row["agent_state"]) == (release, "unsupported")


def _intelligence(*versions: str) -> Tenant:
    """Windows devices, named by their version of the security intelligence."""
    tenant = Tenant()
    for version in versions:
        tenant.machine(version).antivirus(version, av_signature_version=version)
    return tenant


def test_the_lag_of_security_intelligence_is_counted_in_known_versions(tmp_path) -> None:
    # given three devices, and a feed that has told of two more versions
    tenant = _intelligence("1.443.9.0", "1.443.10.0", "1.99.1200.0", "unreadable")
    tenant.machine("mac", os_platform="macOS").antivirus("mac", av_signature_version="1.443.9.0")
    for version, release in (("1.443.820.0", "44300820"), ("1.444.2.0", "44400002")):
        tenant.add("agent_releases", component="av_intelligence", release=release, version=version,
                   feed="antivirus_versions", listed_at=AS_OF)  # fmt: skip
    # when they are judged; then versions compare as tuples of numbers
    found = tenant.by_device("agent_compliance")
    assert {device: row["intelligence_releases_behind"] for device, row in found.items()} == {
        "1.443.9.0": 3, "1.443.10.0": 2, "1.99.1200.0": 4, "unreadable": None, "mac": None,
    }  # fmt: skip
    row = found["1.443.9.0"]
    assert (row["newest_intelligence"], row["newest_intelligence_source"]) == ("1.444.2.0", "feed")
    assert (found["mac"]["intelligence_version"], found["mac"]["newest_intelligence"]) == ("1.443.9.0", None)
    # and the lag is told without being judged
    assert {found[device]["verdict"] for device in found if device != "mac"} == {"compliant"}

    policy = _policy(
        tmp_path,
        "antivirus: {intelligence_max_behind: 2}\nagent: {noncompliant_when: [intelligence_behind]}",
    )
    judged = {
        device: (row["verdict"], row["reasons"]) for device, row in tenant.by_device("agent_compliance", policy).items()
    }
    assert judged == {
        "1.443.9.0": ("noncompliant", ["intelligence_behind"]),
        "1.443.10.0": ("compliant", []),
        "1.99.1200.0": ("noncompliant", ["intelligence_behind"]),
        # a lag that is judged and cannot be counted is not known to be small
        "unreadable": ("unknown", ["intelligence_unknown"]),
        "mac": ("unknown", ["agent_unknown"]),
    }


def test_the_newest_intelligence_of_a_fleet_of_many_versions_is_one_that_a_hundredth_has_reached() -> None:
    # given 250 devices, each on a version of its own: the three newest are more than a hundredth of them
    found = _intelligence(*(f"1.443.{number}.0" for number in range(250))).by_device("agent_compliance")
    assert {(row["newest_intelligence"], row["newest_intelligence_source"]) for row in found.values()} == {
        ("1.443.247.0", "fleet")
    }
    assert found["1.443.240.0"]["intelligence_releases_behind"] == 7
    assert found["1.443.249.0"]["intelligence_releases_behind"] == 0
