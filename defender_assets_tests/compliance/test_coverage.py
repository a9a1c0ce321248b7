"""Which of the known devices are protected, and what the others lack; what is missing protects nobody."""

from hypothesis import given
from hypothesis import strategies as st

from . import oracle
from .strategies import few, tenants
from .tenant import AS_OF, Row, Tenant, days

MOMENT = days(1 / 86_400 / 1_000_000)


def _protected(rows: list[Row]) -> tuple[int, int]:
    known = [row for row in rows if row["population"] != "excluded"]
    return sum(row["protection"] == "protected" for row in known), len(known)


DEVICES = {
    # as sent, whether its antivirus reports, and what follows
    "healthy": ({}, {}, "protected", []),
    "discovered": ({"onboarding_status": "CanBeOnboarded"}, None, "unprotected", ["can_be_onboarded"]),
    "unsupported": ({"onboarding_status": "Unsupported"}, None, "unprotected", ["onboarding_unsupported"]),
    "insufficient": ({"onboarding_status": "InsufficientInfo"}, None, "unprotected", ["insufficient_info"]),
    "offboarded": ({"onboarding_status": "Offboarded"}, None, "unprotected", ["not_onboarded"]),
    "no status": ({"onboarding_status": None}, {}, "unknown", ["onboarding_unknown"]),
    "silent": ({"last_seen": AS_OF - days(7) - MOMENT}, {}, "unprotected", ["not_seen"]),
    "seen a week ago": ({"last_seen": AS_OF - days(7)}, {}, "protected", []),
    "never seen": ({"last_seen": None}, {}, "unknown", ["last_seen_unknown"]),
    "a clock ahead": ({"last_seen": AS_OF + days(2)}, {}, "unknown", ["last_seen_unknown"]),
    "impaired": ({"health_status": "ImpairedCommunication"}, {}, "partly", ["sensor_impaired"]),
    "inactive": ({"health_status": "Inactive"}, {}, "partly", ["sensor_inactive"]),
    "no health": ({"health_status": None}, {}, "unknown", ["sensor_unknown"]),
    "passive": ({}, {"av_mode": "1"}, "partly", ["antivirus_passive"]),
    "block mode": ({}, {"av_mode": "4"}, "partly", ["antivirus_passive"]),
    "disabled": ({}, {"av_mode": "2"}, "partly", ["antivirus_disabled"]),
    "another mode": ({}, {"av_mode": "3"}, "unknown", ["antivirus_mode_unknown"]),
    "no mode": ({}, {"av_mode": None}, "unknown", ["antivirus_mode_unknown"]),
    "no report": ({}, None, "partly", ["no_antivirus_report"]),
    "old report": ({}, {"av_signature_data_refresh_time": AS_OF - days(8)}, "partly", ["no_antivirus_report"]),
    "a report ahead": ({}, {"av_signature_data_refresh_time": AS_OF + days(2)}, "partly", ["no_antivirus_report"]),
    # antivirus is judged on Windows alone; a system that is not known may be Windows
    "linux": ({"os_platform": "Ubuntu"}, None, "protected", []),
    "some system": ({"os_platform": None}, {}, "unknown", ["platform_unknown"]),
    # the worst counts, and everything is named
    "impaired and disabled": (
        {"health_status": "NoSensorData"},
        {"av_mode": "2"},
        "partly",
        ["antivirus_disabled", "sensor_impaired"],
    ),
    "silent and unknown": (
        {"last_seen": AS_OF - days(9), "health_status": None},
        {"av_mode": "2"},
        "unprotected",
        ["antivirus_disabled", "not_seen", "sensor_unknown"],
    ),
}


def test_every_known_device_is_protected_or_has_its_gaps() -> None:
    tenant = Tenant()
    for name, (machine, antivirus, _, _) in DEVICES.items():
        tenant.machine(name, **machine)
        if antivirus is not None:
            tenant.antivirus(name, **antivirus)
    found = tenant.by_device("coverage")
    assert {name: (row["protection"], row["gaps"]) for name, row in found.items()} == {
        name: (protection, gaps) for name, (_, _, protection, gaps) in DEVICES.items()
    }


def test_a_record_that_is_no_device_of_its_own_has_no_row() -> None:
    tenant = Tenant().machine("a", computer_dns_name="pc").machine("merged", merged_into_machine_id="a")
    tenant.machine("old", computer_dns_name="pc", last_seen=AS_OF - days(20)).machine("out", is_excluded=True)
    assert {row["device_id"]: row["population"] for row in tenant.one("coverage")} == {
        "a": "eligible",
        "out": "excluded",
    }


SUBNETS = [
    ("10.1.2.3", "10.1.2.0/24"),
    ("::ffff:10.1.2.3", "10.1.2.0/24"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("2001:0DB8:0001::6", "2001:db8:1::/64"),
    ("2001:db8::2:3:4:5:6", "2001:db8:0:2::/64"),
    ("2001:db8:1:2::", "2001:db8:1:2::/64"),
    ("fd00::1%eth0", "fd00::/64"),
    ("fe80::1", None),
    ("::1", None),
    ("127.0.0.1", None),
    ("169.254.7.7", None),
    ("10.1.2", None),
    ("1:2:3", None),
    ("no address", None),
    ("", None),
    (None, None),
]


def test_the_subnet_of_the_last_address() -> None:
    tenant = Tenant()
    for number, (address, _) in enumerate(SUBNETS):
        tenant.machine(str(number), last_ip_address=address)
    found = tenant.by_device("coverage")
    assert [(address, found[str(number)]["subnet"]) for number, (address, _) in enumerate(SUBNETS)] == SUBNETS


def test_without_the_antivirus_table_no_windows_device_is_known_to_be_protected() -> None:
    tenant = Tenant().machine("windows").antivirus("windows").machine("mac", os_platform="macOS")
    found = tenant.without("av_health").by_device("coverage")
    assert {device: (row["protection"], row["gaps"], row["absent_inputs"]) for device, row in found.items()} == {
        "windows": ("unknown", ["antivirus_unknown"], "av_health"),
        "mac": ("protected", [], "av_health"),
    }


@given(tenants(max_machines=5, max_findings=1))
@few
def test_coverage_is_what_the_words_say(tenant: Tenant) -> None:
    found = tenant.derive("device_identity", "coverage")
    identity = {row["device_id"]: row for row in found["device_identity"]}
    assert {row["device_id"]: (row["protection"], row["gaps"]) for row in found["coverage"]} == oracle.coverage(
        tenant.rows, identity, tenant.as_of
    )


@given(tenants(max_machines=5, max_findings=1), st.data())
@few
def test_whatever_is_missing_protects_nobody(tenant: Tenant, data: st.DataObject) -> None:
    before = tenant.one("coverage")
    lost = data.draw(
        st.sampled_from(["av_health", "rows", "health_status", "onboarding_status", "os_platform", "last_seen"])
    )
    worse = tenant.without("av_health") if lost == "av_health" else tenant.without()
    if lost == "rows":
        worse.rows["av_health"] = worse.rows.get("av_health", [])[1:]
    elif lost != "av_health":
        for machine in worse.rows["machines"]:
            machine[lost] = None
    after = worse.one("coverage")
    (protected, known), (protected_after, known_after) = _protected(before), _protected(after)
    assert protected_after <= protected
    assert protected_after * known <= protected * known_after
