"""What is odd is no better than what is missing: clocks that are ahead, other spellings, rows that differ."""

from typing import Any

import pytest

from defender_assets.compliance import Policy

from .tenant import AS_OF, Row, Tenant, days

AHEAD = AS_OF + days(3000)
LONG_AGO = AS_OF - days(100)


def _finding(tenant: Tenant, policy: Policy | str = "default") -> Row:
    (finding,) = tenant.one("patch_findings", policy)
    return finding


def _agent(**report: Any) -> Row:
    return Tenant().machine("a").antivirus("a", **report).by_device("agent_compliance")["a"]


# Clocks that are ahead


@pytest.mark.parametrize(
    ("first_seen", "published", "source"),
    [(AHEAD, LONG_AGO, "published"), (AHEAD, None, None), (None, AHEAD, None), (AHEAD, AHEAD, None)],
)
def test_a_first_sight_that_has_not_come_is_none(first_seen, published, source) -> None:
    tenant = Tenant().machine("a").finding("a", first_seen_timestamp=first_seen)
    tenant.add("vulnerabilities", id="CVE-2026-0001", published_on=published)
    finding = _finding(tenant)
    assert finding["clock_source"] == source
    assert (finding["state"], finding["undecided"]) == (("overdue", False) if source else ("no_due_date", True))
    assert finding["first_seen_at"] == first_seen  # as it was sent
    assert tenant.by_device("patch_compliance")["a"]["verdict"] != "compliant"


def test_a_clock_may_be_a_day_ahead() -> None:
    finding = _finding(Tenant().machine("a").finding("a", first_seen_timestamp=AS_OF + days(1)))
    assert (finding["state"], finding["clock_source"]) == ("on_time", "first_seen")


def test_security_intelligence_of_days_to_come_is_not_up_to_date() -> None:
    assert _agent(av_signature_publish_time=AS_OF + days(1))["intelligence_state"] == "up_to_date"
    assert _agent(av_signature_publish_time=AHEAD)["intelligence_state"] == "unknown"


@pytest.mark.parametrize(
    ("machine", "report", "sentence"),
    [
        (
            {},
            {"av_signature_publish_time": AHEAD},
            "Whether the security intelligence is up to date is not known: it is dated 2035-01-06, which has not come: "
            "a clock is wrong.",
        ),
        (
            {"os_platform": "macOS", "agent_version": "101.99012.0001"},
            {},
            "The release of the agent is not known: its version, 101.99012.0001, is of a month that has not come.",
        ),
    ],
)
def test_the_reason_is_that_the_day_has_not_come(machine, report, sentence) -> None:
    tenant = Tenant().machine("a", **machine).antivirus("a", **report)
    assert [row["sentence"] for row in tenant.one("verdict_reasons") if row["topic"] == "agent"] == [sentence]


def test_a_report_of_days_to_come_protects_nothing() -> None:
    tenant = Tenant().machine("a").antivirus("a", av_signature_data_refresh_time=AHEAD)
    assert tenant.by_device("coverage")["a"]["gaps"] == ["no_antivirus_report"]


@pytest.mark.parametrize(
    ("platform", "version", "release"),
    [
        ("macOS", "101.26122.0001", "2612"),  # two months ahead of October
        ("macOS", "101.27012.0001", None),
        ("Ubuntu", "30.199012.1.0", None),
    ],
)
def test_a_build_of_a_month_that_has_not_come_is_not_known(platform, version, release) -> None:
    row = Tenant().machine("a", os_platform=platform, agent_version=version).by_device("agent_compliance")["a"]
    assert (row["agent_release"], row["verdict"]) == (release, "compliant" if release else "unknown")


@pytest.mark.parametrize("month", ["99999", "27010", "9912", "999999999"])
def test_an_engine_of_a_month_that_has_not_come_is_not_what_others_are_measured_by(month) -> None:
    tenant = Tenant().machine("a").machine("b").antivirus("b")
    tenant.antivirus("a", av_engine_version=f"1.1.{month}.1", av_platform_version=f"4.18.{month}.1")
    found = tenant.by_device("agent_compliance")
    assert (found["a"]["engine_state"], found["a"]["platform_state"]) == ("unknown", "unknown")
    assert found["b"]["verdict"] == "compliant"
    assert found["a"]["newest_engine"] == "26090"


# Other spellings


def test_a_cve_in_another_spelling_is_the_same_cve() -> None:
    midnight = AS_OF.replace(hour=0, minute=0)
    tenant = Tenant().machine("a").finding("a", " cve-2026-0001", vulnerability_severity_level="Low")
    tenant.add("kev", cve_id="CVE-2026-0001", date_added=midnight - days(9), due_date=midnight - days(2))
    assert (_finding(tenant)["in_kev"], _finding(tenant)["state"]) == (True, "overdue")
    rated = Tenant().machine("a").finding("a", "cve-2026-0001", vulnerability_severity_level=None, cvss_score=None)
    rated.add("vulnerabilities", id="CVE-2026-0001", severity="Critical")
    assert _finding(rated)["rated_severity"] == "critical"


@pytest.mark.parametrize(
    ("machine", "column", "value"),
    [
        ({"os_platform": " Windows11 "}, "platform_family", "windows"),
        ({"onboarding_status": "Onboarded "}, "population", "eligible"),
        ({"merged_into_machine_id": " "}, "population", "eligible"),
    ],
)
def test_spaces_change_neither_system_nor_population(machine, column, value) -> None:
    assert Tenant().machine("a", **machine).by_device("device_identity")["a"][column] == value


def test_spaces_change_neither_sensor_nor_protection() -> None:
    tenant = Tenant().machine("a", health_status=" NoSensorData ").antivirus("a")
    assert tenant.by_device("agent_compliance")["a"]["sensor_state"] == "impaired"
    assert tenant.by_device("coverage")["a"]["gaps"] == ["sensor_impaired"]


def test_spaces_do_not_prolong_support() -> None:
    tenant = Tenant().machine("a")
    tenant.add("software_inventory", device_id="a", software_vendor="contoso", software_name="editor",
               software_version="1", end_of_support_status=" EOS Version ")  # fmt: skip
    assert [row["status"] for row in tenant.one("software_end_of_support")] == ["ended"]
    assert tenant.by_device("patch_compliance")["a"]["unsupported_software"] == 1


@pytest.mark.parametrize(
    "same",
    [
        {"aad_device_id": " "},
        {"computer_dns_name": " "},
        # what iOS and Android tell every application
        {"computer_dns_name": "iPhone", "ip_addresses": [{"mac_address": "02:00:00:00:00:00", "type": "Ethernet"}]},
    ],
)
def test_strangers_are_not_one_device_by_what_everybody_has(same) -> None:
    tenant = Tenant().machine("a", last_seen=AS_OF - days(10), **same).machine("b", **same)
    assert {row["population"] for row in tenant.one("device_identity")} == {"eligible"}


# Rows that contradict each other


@pytest.mark.parametrize("seen", [(AS_OF - days(2), AS_OF), (None, AS_OF), (AS_OF, AS_OF)])
def test_of_two_records_that_are_merged_into_each_other_the_later_seen_survives(seen) -> None:
    tenant = Tenant().machine("b", merged_into_machine_id="a", last_seen=seen[0])
    tenant.machine("a", merged_into_machine_id="b", last_seen=seen[1])
    found = tenant.by_device("device_identity")
    assert {device: (row["population"], row["primary_device_id"]) for device, row in found.items()} == {
        "a": ("eligible", "a"),
        "b": ("merged", "a"),
    }


def test_of_repeated_rows_the_more_severe_counts_however_it_is_spelt() -> None:
    tenant = Tenant().machine("a")
    tenant.finding("a", vulnerability_severity_level="CRITICAL ", exploitability_level="ExploitIsVerified ")
    tenant.finding("a", rbac_group_id=7, vulnerability_severity_level="Low")
    finding = _finding(tenant, "essential8-ml1")
    assert (finding["rated_severity"], finding["exploitability_level"]) == ("critical", "ExploitIsVerified ")


def test_of_repeated_rows_of_a_cve_the_more_severe_counts() -> None:
    tenant = Tenant().machine("a").finding("a", vulnerability_severity_level=None, cvss_score=None)
    for severity in ("Low", "Medium", "None"):
        tenant.add("vulnerabilities", id="CVE-2026-0001", severity=severity)
    assert _finding(tenant)["rated_severity"] == "medium"


def test_a_score_below_zero_is_none() -> None:
    tenant = Tenant().machine("a").finding("a", vulnerability_severity_level=None, cvss_score=-1.0)
    assert _finding(tenant)["undecided"]
    tenant.add("vulnerabilities", id="CVE-2026-0001", cvss_v3=9.8)
    assert _finding(tenant)["rated_severity"] == "critical"


@pytest.mark.parametrize("system", [None, "", " ", "windows11", "Windows11 "])
def test_a_system_that_is_not_known_or_spelt_otherwise_is_asked_for_the_controls_that_others_have(system) -> None:
    tenant = Tenant().machine("a").control("a", "scid-2000")
    tenant.machine("b", os_platform=system).control("b", "scid-1")
    row = tenant.by_device("policy_compliance")["b"]
    assert (row["verdict"], row["unknown_required_control_ids"]) == ("unknown", ["scid-2000"])


@pytest.mark.parametrize("impact", [float("nan"), float("inf"), -5.0, -100.0])
def test_a_weight_that_is_none_lifts_no_score(tmp_path, impact) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text("name: ours\ncontrols: {minimum_score: 0.5}\n")
    tenant = Tenant().machine("a").control("a", "scid-1", is_compliant=False)
    tenant.control("a", "scid-3", configuration_impact=impact)
    row = tenant.by_device("policy_compliance", Policy.load(str(file)))["a"]
    assert (row["verdict"], row["weighted_score"]) == ("noncompliant", 0)


def test_repeated_rows_of_which_one_says_nothing_of_a_fix_do_not_deny_it() -> None:
    tenant = Tenant().machine("a")
    for group, available in ((1, False), (2, None)):
        tenant.finding(
            "a",
            rbac_group_id=group,
            security_update_available=available,
            recommended_security_update=None,
            recommended_security_update_id=None,
            first_seen_timestamp=AS_OF - days(99),
        )
    (row,) = tenant.one("patch_findings")
    assert (row["fix_available"], row["state"]) == (None, "overdue")
