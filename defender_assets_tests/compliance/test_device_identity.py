"""Who counts: the populations in their order, and which record survives."""

import pytest

from .tenant import AS_OF, Row, Tenant, days

MOMENT = days(1 / 86_400 / 1_000_000)


POPULATIONS = [
    ({}, "eligible"),
    ({"merged_into_machine_id": "b"}, "merged"),
    ({"merged_into_machine_id": "2"}, "eligible"),  # into itself: not into another record
    ({"merged_into_machine_id": ""}, "eligible"),
    ({"is_excluded": True}, "excluded"),
    ({"onboarding_status": "CanBeOnboarded"}, "not_onboarded"),
    ({"onboarding_status": None}, "not_onboarded"),
    ({"onboarding_status": "ONBOARDED"}, "eligible"),
    ({"last_seen": AS_OF - days(30)}, "eligible"),  # not more than 30 days
    ({"last_seen": AS_OF - days(30) - MOMENT}, "inactive"),
    # a date that is missing or cannot be true says nothing about whether the device still reports
    ({"last_seen": None}, "not_assessed"),
    ({"last_seen": AS_OF + days(1)}, "eligible"),
    ({"last_seen": AS_OF + days(1) + MOMENT}, "not_assessed"),
    ({"assessed": False}, "not_assessed"),
    # the first that holds
    ({"merged_into_machine_id": "b", "is_excluded": True, "onboarding_status": None}, "merged"),
    ({"is_excluded": True, "onboarding_status": None}, "excluded"),
    ({"onboarding_status": "Unsupported", "last_seen": AS_OF - days(99)}, "not_onboarded"),
    ({"last_seen": AS_OF - days(99), "assessed": False}, "inactive"),
]


def test_each_population_is_the_first_that_holds() -> None:
    tenant = Tenant()
    for number, (values, _) in enumerate(POPULATIONS):
        tenant.machine(str(number), **values)
    found = tenant.by_device("device_identity")
    assert [(values, found[str(number)]["population"]) for number, (values, _) in enumerate(POPULATIONS)] == POPULATIONS


def test_a_row_of_the_assessment_without_a_cve_proves_that_the_device_was_assessed() -> None:
    tenant = Tenant().machine("a", assessed=False).finding("a", cve=None)
    assert tenant.by_device("device_identity")["a"]["population"] == "eligible"


def test_an_older_record_of_the_same_name_is_a_duplicate_of_the_latest() -> None:
    # given three records of one name, in different capitals, and one of another name
    tenant = Tenant()
    tenant.machine("today", computer_dns_name="PC.contoso.example")
    tenant.machine("last-week", computer_dns_name="pc.contoso.example", last_seen=AS_OF - days(8))
    tenant.machine("last-month", computer_dns_name="pc.CONTOSO.example", last_seen=AS_OF - days(40))
    tenant.machine("other", computer_dns_name="other.contoso.example", last_seen=AS_OF - days(8))
    found = tenant.by_device("device_identity")
    assert {device: (row["population"], row["primary_device_id"]) for device, row in found.items()} == {
        "today": ("eligible", "today"),
        "last-week": ("duplicate", "today"),
        "last-month": ("duplicate", "today"),  # not inactive: duplicate comes first
        "other": ("eligible", "other"),
    }


@pytest.mark.parametrize(
    "why_not",
    [
        {"last_seen": AS_OF - days(7)},  # not more than seven days ago
        {"computer_dns_name": None},
    ],
)
def test_a_record_that_is_recent_or_has_no_name_is_no_duplicate(why_not) -> None:
    tenant = Tenant().machine("new", computer_dns_name="pc").machine("old", **({"computer_dns_name": "pc"} | why_not))
    assert tenant.by_device("device_identity")["old"]["population"] == "eligible"


@pytest.mark.parametrize(
    "why_not",
    [{"is_excluded": True}, {"merged_into_machine_id": "x"}, {"onboarding_status": "CanBeOnboarded"}],
)
def test_a_record_that_does_not_count_itself_makes_no_duplicates(why_not) -> None:
    tenant = Tenant().machine("new", computer_dns_name="pc", **why_not)
    tenant.machine("old", computer_dns_name="pc", last_seen=AS_OF - days(9))
    assert tenant.by_device("device_identity")["old"]["population"] == "eligible"


def _interfaces(*addresses: str | None, kind: str | None = "Ethernet") -> list[Row]:
    return [{"ip_address": "10.0.0.1", "mac_address": address, "type": kind} for address in addresses]


MAC_1, MAC_2, MAC_3 = "00155D010203", "00155D0A0B0C", "F01898AA0001"
LOOPBACK = _interfaces("0A0000000001", kind="SoftwareLoopback")

# What an old and a new record of one name have besides, and whether the old one is a duplicate.
EVIDENCE = {
    "two Entra ids": ({"aad_device_id": "e-1"}, {"aad_device_id": "e-2"}, False),
    "one Entra id, spelled in two ways": ({"aad_device_id": "E-1"}, {"aad_device_id": "e-1"}, True),
    "one of them without an Entra id": ({"aad_device_id": "e-1"}, {"aad_device_id": ""}, True),
    "an Entra id of zeros is none": (
        {"aad_device_id": "00000000-0000-0000-0000-000000000000"},
        {"aad_device_id": "e-2"},
        True,
    ),
    "two platform families": ({"os_platform": "Ubuntu"}, {"os_platform": "macOS"}, False),
    "two platforms of a family": ({"os_platform": "Windows10"}, {"os_platform": "Windows11"}, True),
    "two hardware addresses": ({"ip_addresses": _interfaces(MAC_1)}, {"ip_addresses": _interfaces(MAC_2)}, False),
    "one of several addresses in common": (
        {"ip_addresses": _interfaces(MAC_1, MAC_2)},
        {"ip_addresses": _interfaces(MAC_3, "00:15:5d:0a:0b:0c")},
        True,
    ),
    "one of them without addresses": ({"ip_addresses": _interfaces(MAC_1)}, {"ip_addresses": []}, True),
    "empty, zero and tunnel addresses are none": (
        {"ip_addresses": _interfaces(MAC_1)},
        {"ip_addresses": _interfaces("", None, "000000000000", "00000000000000E0")},
        True,
    ),
    "a loopback's address is none": ({"ip_addresses": _interfaces(MAC_1)}, {"ip_addresses": LOOPBACK}, True),
    "one hardware address, two Entra ids": (
        {"ip_addresses": _interfaces(MAC_1), "aad_device_id": "e-1"},
        {"ip_addresses": _interfaces(MAC_1), "aad_device_id": "e-2"},
        False,
    ),
    "one Entra id, two hardware addresses": (
        {"ip_addresses": _interfaces(MAC_1), "aad_device_id": "e-1"},
        {"ip_addresses": _interfaces(MAC_2), "aad_device_id": "e-1"},
        True,
    ),
}


@pytest.mark.parametrize(("old", "new", "is_duplicate"), EVIDENCE.values(), ids=EVIDENCE)
def test_the_same_name_makes_one_device_where_nothing_contradicts_it(old, new, is_duplicate) -> None:
    tenant = Tenant().machine("new", computer_dns_name="pc", **new)
    tenant.machine("old", computer_dns_name="pc", last_seen=AS_OF - days(9), **old)
    found = tenant.by_device("device_identity")["old"]
    assert (found["population"], found["primary_device_id"]) == (
        ("duplicate", "new") if is_duplicate else ("eligible", "old")
    )


def test_one_entra_id_makes_one_device_whatever_the_names() -> None:
    # given a device that was renamed, and another of the new name with an Entra id of its own
    tenant = Tenant().machine("renamed", computer_dns_name="new-name", aad_device_id="e-1")
    tenant.machine("ghost", computer_dns_name="old-name", aad_device_id="E-1", last_seen=AS_OF - days(9))
    tenant.machine("other", computer_dns_name="new-name", aad_device_id="e-2", last_seen=AS_OF - days(9))
    # and a record of that Entra id that has been silent for too short a time to be one
    tenant.machine("recent", computer_dns_name="third-name", aad_device_id="e-1", last_seen=AS_OF - days(7))
    found = tenant.by_device("device_identity")
    assert {device: (row["population"], row["primary_device_id"]) for device, row in found.items()} == {
        "renamed": ("eligible", "renamed"),
        "ghost": ("duplicate", "renamed"),
        "other": ("eligible", "other"),
        "recent": ("eligible", "recent"),
    }


def test_of_records_seen_at_one_moment_the_first_by_id_survives() -> None:
    tenant = Tenant().machine("b", computer_dns_name="pc").machine("a", computer_dns_name="pc")
    tenant.machine("old", computer_dns_name="pc", last_seen=AS_OF - days(9))
    assert tenant.by_device("device_identity")["old"]["primary_device_id"] == "a"


def test_a_chain_of_duplicates_ends_at_the_record_that_survives() -> None:
    # given the oldest one device with the next by its name, and that one with the latest by its Entra id
    tenant = Tenant().machine("latest", computer_dns_name="new-name", aad_device_id="e-1")
    tenant.machine("next", computer_dns_name="pc", aad_device_id="e-1", last_seen=AS_OF - days(20))
    tenant.machine("oldest", computer_dns_name="pc", last_seen=AS_OF - days(40))
    found = tenant.by_device("device_identity")
    assert [(found[device]["population"], found[device]["primary_device_id"]) for device in ("next", "oldest")] == [
        ("duplicate", "latest"),
        ("duplicate", "latest"),
    ]


@pytest.mark.parametrize("name", ["iPhone", "localhost", "localhost.localdomain"])
def test_a_name_that_strangers_share_needs_a_hardware_address_in_common(name) -> None:
    tenant = Tenant().machine("new", computer_dns_name=name, ip_addresses=_interfaces(MAC_1))
    tenant.machine("stranger", computer_dns_name=name, last_seen=AS_OF - days(9))
    tenant.machine("same", computer_dns_name=name, last_seen=AS_OF - days(9), ip_addresses=_interfaces(MAC_1, MAC_2))
    found = tenant.by_device("device_identity")
    assert (found["stranger"]["population"], found["same"]["population"]) == ("eligible", "duplicate")


def test_a_record_whose_clock_is_ahead_makes_no_duplicates() -> None:
    tenant = Tenant().machine("ahead", computer_dns_name="pc", last_seen=AS_OF + days(365))
    tenant.machine("old", computer_dns_name="pc", last_seen=AS_OF - days(9))
    found = tenant.by_device("device_identity")
    assert (found["ahead"]["population"], found["old"]["population"]) == ("not_assessed", "eligible")


def test_merges_are_followed_to_the_record_that_survives() -> None:
    tenant = Tenant().machine("0")
    for number in range(1, 9):
        tenant.machine(str(number), merged_into_machine_id=str(number - 1))
    tenant.machine("gone", merged_into_machine_id="not-in-the-list")
    found = tenant.by_device("device_identity")
    assert {row["primary_device_id"] for device, row in found.items() if device != "gone"} == {"0"}
    assert found["gone"]["primary_device_id"] == "not-in-the-list"


FAMILIES = [
    ("Windows10", "windows"),
    ("WindowsServer2012R2", "windows"),
    ("windows11", "windows"),
    ("macOS", "macos"),
    ("MacOS", "macos"),
    ("Ubuntu", "linux"),
    ("RedHatEnterpriseLinux", "linux"),
    ("Debian", "linux"),
    ("CentOS", "linux"),
    ("SLES", "linux"),
    ("OracleLinux", "linux"),
    ("AmazonLinux2", "linux"),
    ("Fedora", "linux"),
    ("Rocky", "linux"),
    ("AlmaLinux", "linux"),
    ("Linux", "linux"),
    ("Android", "android"),
    ("iOS", "ios"),
    ("Other", "other"),
    ("IOSXE", "other"),  # a network device, not a phone
    (None, "other"),
]


def test_platforms_belong_to_families() -> None:
    tenant = Tenant()
    for number, (platform, _) in enumerate(FAMILIES):
        tenant.machine(str(number), os_platform=platform)
    found = tenant.by_device("device_identity")
    assert [
        (platform, found[str(number)]["platform_family"]) for number, (platform, _) in enumerate(FAMILIES)
    ] == FAMILIES
