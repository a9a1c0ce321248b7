"""Who counts: the populations in their order, and which record survives."""

import pytest

from .tenant import AS_OF, Tenant, days

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
    ({"last_seen": None}, "eligible"),  # nothing says that it was last seen too long ago
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
