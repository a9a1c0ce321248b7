"""Software past its end of support, or near it: by the date first, then by the service's words."""

from .tenant import AS_OF, Row, Tenant, days

MIDNIGHT = AS_OF.replace(hour=0, minute=0)


def _installed(tenant: Tenant, device: str, version: str, status: str | None, ends: float | None, **values) -> Tenant:
    usual = {"software_vendor": "contoso", "software_name": "reader"}
    date = None if ends is None else MIDNIGHT + days(ends)
    return tenant.add(
        "software_inventory",
        device_id=device,
        software_version=version,
        end_of_support_status=status,
        end_of_support_date=date,
        **(usual | values),
    )


def _by_version(tenant: Tenant) -> dict[str, Row]:
    found = tenant.derive("patch_findings", "software_end_of_support")
    return {row["software_version"]: row for row in found["software_end_of_support"]}


STATUS = [
    ("Upcoming EOS Version", -100, "ended"),
    ("EOS Version", None, "ended"),
    ("eos software", 30, "ended"),
    (None, -1, "ended"),
    ("Upcoming EOS Software", 0, "ends_soon"),  # its last day
    ("None", 180, "ends_soon"),
    ("Upcoming EOS Software", None, "ends_soon"),
    ("Upcoming EOS Software", 181, "supported_until"),
    ("Retired", None, "unknown"),
]


def test_each_status_is_the_first_that_holds() -> None:
    tenant = Tenant().machine("a")
    for number, (status, ends, _) in enumerate(STATUS):
        _installed(tenant, "a", str(number), status, ends)
    _installed(tenant, "a", "nothing told", "None", None)
    found = _by_version(tenant)
    assert [(status, ends, found[str(n)]["status"]) for n, (status, ends, _) in enumerate(STATUS)] == STATUS
    assert "nothing told" not in found
    told = {version: (row["days_since_end"], row["days_until_end"]) for version, row in found.items()}
    assert [told["0"], told["1"], told["4"], told["5"], told["6"]] == [
        (100, None),
        (None, None),  # no date
        (None, 0),
        (None, 179),  # 180 days from midnight, and the morning has passed
        (None, None),
    ]


def test_devices_and_cves_are_counted_and_a_product_without_a_cve_counts_too() -> None:
    tenant = Tenant().machine("a").machine("b").machine("asleep", last_seen=AS_OF - days(60))
    for device in ("a", "b", "asleep"):
        _installed(tenant, device, "9", "EOS Version", -1)
    _installed(tenant, "a", "8", "EOS Version", -1)
    for cve in ("CVE-1", "CVE-2"):
        tenant.finding("a", cve, software_name="reader", software_version="9")
    tenant.finding("b", "CVE-1", software_name="reader", software_version="9")
    # in a version that is supported, and on a device that is not judged
    tenant.finding("b", "CVE-3", software_name="reader", software_version="10")
    tenant.finding("asleep", "CVE-4", software_name="reader", software_version="9")
    tenant.add("kev", cve_id="CVE-2", date_added=AS_OF, due_date=AS_OF)
    names = ("devices", "eligible_devices", "other_devices", "open_findings", "cves", "kev_cves")
    found = _by_version(tenant)
    assert [found["9"][name] for name in names] == [2, 2, 1, 3, 2, 1]
    assert [found["8"][name] for name in names] == [1, 2, 0, 0, 0, 0]
    # without the catalogue nobody knows
    assert [_by_version(tenant.without("kev"))[version]["kev_cves"] for version in "98"] == [None, 0]


def test_editions_of_a_version_that_differ_have_a_row_each() -> None:
    tenant = Tenant().machine("home").machine("ltsc")
    _installed(tenant, "home", "10.0", "EOS Version", -9)
    _installed(tenant, "ltsc", "10.0", "None", 900)
    assert [(row["status"], row["devices"]) for row in tenant.one("software_end_of_support")] == [
        ("ended", 1),
        ("supported_until", 1),
    ]
    found = tenant.by_device("patch_compliance")
    assert (found["home"]["unsupported_software"], found["ltsc"]["unsupported_software"]) == (1, 0)


def test_without_the_inventory_the_fleets_numbers_are_not_known_rather_than_zero() -> None:
    tenant = _installed(Tenant().machine("a").finding("a"), "a", "9", "EOS Version", -1)
    tables = ("software_end_of_support", "fleet_summary")
    (fleet,) = tenant.derive(*tables)["fleet_summary"]
    assert (fleet["unsupported_software_devices"], fleet["unsupported_products"]) == (1, 1)
    (fleet,) = tenant.without("software_inventory").one("fleet_summary")
    assert (fleet["unsupported_software_devices"], fleet["unsupported_products"]) == (None, None)
