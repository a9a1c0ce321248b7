"""Random small tenants, made of the values at which rules turn: the days of each limit, and a moment to either side."""

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from .tenant import AS_OF, Tenant, days

few = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Of each property, for an example takes a second: other ones with every run. Many at once are in test_oracle.py."""

_NAMES = [None, "pc-1.contoso.example", "PC-1.contoso.example", "pc-2.contoso.example", "mac-1", "iPhone", "localhost"]
_ENTRA_IDS = [None, None, "", "e-1", "E-1", "e-2", "00000000-0000-0000-0000-000000000000"]
_ADDRESSES = [None, "", "000000000000", "00155D010203", "00155d0a0b0c", "00:15:5D:0A:0B:0C"]
_PLATFORMS = [
    "Windows11",
    "WindowsServer2022",
    "macOS",
    "Ubuntu",
    "RedHatEnterpriseLinux",
    "Android",
    "iOS",
    "Other",
    None,
]
_AGENTS = {
    "Windows11": [f"10.{sense}.22631.4317" for sense in (8730, 8740, 8750, 8760, 9, 10000)],
    "macOS": [
        "20.126052.16.0",
        "20.126092.3.0",
        "20.126042.1.0",
        "101.26102.0017",
        "20.126132.1.0",
        "101.98.64",
        "100.90.27",
        "20.1986.4",
    ],
    "Ubuntu": [
        "30.126012.2.0",
        "30.126022.2.0",
        "101.25122.0004",
        "30.126102.1.0",
        "30.26012.2.0",
        "101.78.13",
        "30.123032.19864.0",
        "30.198",
    ],
    "Android": ["1.0.8412.0101", "1.0.8412.101", "1.0.9.1", "1.0", "1.0.0"],
}
_MALFORMED = [None, "", "unknown", "10", "10.x.1", "20.126052", "1.2.", ".1"]

_SUPPORT = [None, "None", "EOS Version", "EOS Software", "Upcoming EOS Version", "Upcoming EOS Software"]
_ENDS = (-100, -1, 0, 1, 100, 180, 181, 900)

# How far back a limit of N days lies: just inside, exactly on it, just outside.
_TURNS = [
    days(number) + moment
    for number in (0, 7, 8, 15, 23, 30, 90, 180)
    for moment in (timedelta(microseconds=-1), timedelta(), timedelta(microseconds=1), timedelta(hours=5))
]


# At and around the age at which a list of releases is believed no more.
_LISTED = [days(0), days(45), days(45) + timedelta(microseconds=1), days(400)]


def ago(*, nullable: bool = True) -> st.SearchStrategy:
    """Moments at and around the limits, before the moment of judging."""
    moments = st.sampled_from([AS_OF - turn for turn in _TURNS]) | st.integers(0, 250 * 24).map(
        lambda hours: AS_OF - timedelta(hours=hours)
    )
    return (st.none() | moments) if nullable else moments


@st.composite
def tenants(draw: st.DrawFn, max_machines: int = 6, max_findings: int = 10) -> Tenant:
    """A tenant with all that the four exact tables read."""
    tenant = Tenant()
    ids = [f"device-{number}" for number in range(draw(st.integers(1, max_machines)))]
    for device in ids:
        platform = draw(st.sampled_from(_PLATFORMS))
        versions = _AGENTS.get(
            {"WindowsServer2022": "Windows11", "RedHatEnterpriseLinux": "Ubuntu"}.get(platform, platform)
        )
        tenant.machine(
            device,
            assessed=draw(st.booleans()),
            computer_dns_name=draw(st.sampled_from(_NAMES)),
            os_platform=platform,
            agent_version=draw(st.sampled_from([*(versions or _AGENTS["Android"]), *_MALFORMED])),
            last_seen=draw(ago() | st.sampled_from([AS_OF + days(1), AS_OF + days(1.1), AS_OF + days(400)])),
            aad_device_id=draw(st.sampled_from(_ENTRA_IDS)),
            ip_addresses=draw(
                st.none()
                | st.lists(
                    st.fixed_dictionaries(
                        {
                            "mac_address": st.sampled_from(_ADDRESSES),
                            "type": st.sampled_from([None, "Ethernet", "Ethernet", "SoftwareLoopback"]),
                        }
                    ),
                    max_size=2,
                )
            ),
            # Into an earlier record or one that is gone: records that are merged into each other survive nowhere.
            merged_into_machine_id=draw(st.none() | st.none() | st.sampled_from([*ids[: ids.index(device)], "gone"])),
            is_excluded=draw(st.sampled_from([None, False, False, True])),
            onboarding_status=draw(st.sampled_from(["Onboarded", "Onboarded", "onboarded", "CanBeOnboarded", None])),
            health_status=draw(
                st.sampled_from(["Active", "Inactive", "ImpairedCommunication", "NoSensorData", "Unknown", None])
            ),
            machine_tags=draw(st.sampled_from([None, [], ["a"], ["a", "b"]])),
            rbac_group_id=draw(st.sampled_from([None, 0, 7])),
        )
        if draw(st.booleans()):
            tenant.antivirus(
                device,
                av_engine_version=draw(
                    st.sampled_from(["1.1.26090.5", "1.1.26080.9", "1.1.9.1", None, "1.1", "1.1.x.2"])
                ),
                av_platform_version=draw(st.sampled_from(["4.18.26090.3", "4.18.2211.5", "4.18.26080.1", None, ""])),
                av_mode=draw(st.sampled_from(["0", "0", "1", "2", "3", "4", None])),
                av_signature_version=draw(st.sampled_from(["1.443.820.0", "1.443.9.0", "1.99.1200.0", "87523", None])),
                av_signature_publish_time=draw(ago()),
                av_signature_data_refresh_time=draw(ago()),
                data_refresh_timestamp=draw(ago()),
                av_is_engine_up_to_date=draw(st.sampled_from(["True", "False", "Unknown", None])),
                av_is_platform_up_to_date=draw(st.sampled_from(["True", "False", "Unknown", None])),
                av_is_signature_up_to_date=draw(st.sampled_from(["True", "False", "Unknown", None])),
            )
        for number in range(draw(st.integers(0, 2))):
            ends = draw(st.sampled_from([None, *(AS_OF.replace(hour=0, minute=0) + days(far) for far in _ENDS)]))
            tenant.add(
                "software_inventory",
                device_id=device,
                software_vendor="contoso",
                software_name=draw(st.sampled_from(["editor", "viewer"])),
                software_version=f"{number}.0",
                number_of_weaknesses=draw(st.sampled_from([None, 0, 3])),
                end_of_support_status=draw(st.sampled_from(_SUPPORT)),
                end_of_support_date=ends,
            )
    cves = [f"CVE-2026-000{number}" for number in range(5)]
    for number in range(draw(st.integers(0, max_findings))):
        draw_finding(draw, tenant, [*ids, "gone"], cves, number)
    for cve in draw(st.lists(st.sampled_from(cves), unique=True, max_size=3)):
        midnight = AS_OF.replace(hour=0, minute=0)
        due = midnight + days(draw(st.integers(-20, 20)))
        tenant.add("kev", cve_id=cve, date_added=due - days(14), due_date=due)
    if draw(st.sampled_from([False, False, True])):
        for entry in tenant.rows.get("kev", []):
            entry["observed_at"] = AS_OF - days(15)
    if draw(st.sampled_from([False, False, True])):
        tenant = tenant.without("kev")
    for cve in draw(st.lists(st.sampled_from(cves), unique=True, max_size=3)):
        tenant.add(
            "vulnerabilities",
            id=cve,
            published_on=draw(ago()),
            patch_first_available=draw(ago() | st.just(AS_OF + days(1))),
            epss=draw(st.none() | st.floats(0, 1)),
            severity=draw(st.sampled_from(["Critical", " low ", "None", None])),
            cvss_v3=draw(st.sampled_from([0, 3.9, 9.8, None])),
            status=draw(
                st.sampled_from(["UnderException", "PartialException", "RemediationRequired", "NoActionRequired", None])
            ),
        )
    draw_releases(draw, tenant)
    return tenant


def draw_releases(draw: st.DrawFn, tenant: Tenant) -> None:
    """Lists of releases by component and feed: whole, in part or not at all, fresh or old."""
    for component, releases in (
        ("agent_windows", ("8740", "8755", "8760", "10000")),
        ("agent_macos", ("2605", "2609", "2610")),
        ("av_engine", ("26080", "26090", "26100")),
        ("av_platform", ("26070", "26100")),
        ("av_intelligence", ("1.443.9.0", "1.443.1000.0", "1.444.2.0")),
    ):
        for feed in draw(
            st.lists(st.sampled_from(["antivirus_versions", "release_notes", "file", None]), unique=True, max_size=2)
        ):
            listed_at = draw(st.sampled_from([None, *(AS_OF - age for age in _LISTED)]))
            for release in draw(st.lists(st.sampled_from(releases), unique=True, max_size=2)):
                age = draw(
                    st.sampled_from([None, days(-1), days(2), days(3), days(3) + timedelta(seconds=1), days(60)])
                )
                tenant.add(
                    "agent_releases",
                    component=component,
                    release=release.replace(".", ""),
                    version=release,
                    released_at=None if age is None else AS_OF - age,
                    feed=feed,
                    listed_at=listed_at,
                )


def draw_finding(draw: st.DrawFn, tenant: Tenant, devices: list[str], cves: list[str], number: int) -> None:
    """One more row of the assessment, sometimes repeated for a second device group."""
    values = {
        "software_version": draw(st.sampled_from(["1.2.3", "1.10", None])),
        "software_vendor": draw(st.sampled_from(["contoso", None])),
        "vulnerability_severity_level": draw(
            st.sampled_from(["Critical", "high", "Medium ", "Low", "None", "Important", None])
        ),
        "cvss_score": draw(st.sampled_from([None, 0, 0.1, 3.9, 4.0, 6.9, 7.0, 8.9, 9.0])),
        "cve_mitigation_status": draw(
            st.sampled_from(
                [None, None, None, "Mitigated", "Workaround applied", "Workaround pending reboot", "Unknown"]
            )
        ),
        "security_update_available": draw(st.sampled_from([True, True, False, None])),
        "recommended_security_update_id": draw(st.sampled_from(["5065429", "RHSA-2026:1", None])),
        "recommended_security_update": draw(st.sampled_from(["October update", None])),
        "first_seen_timestamp": draw(ago()),
        "id": f"row-{number}",
    }
    device, cve = draw(st.sampled_from(devices)), draw(st.sampled_from([*cves, *cves, None]))
    key = (device, values["software_vendor"], values["software_version"], cve)
    taken = {
        (row["device_id"], row["software_vendor"], row["software_version"], row["cve_id"])
        for row in tenant.rows["software_vulnerabilities"]
    }
    if key in taken:
        return
    tenant.finding(device, cve, **values)
    if draw(st.booleans()):
        other = {
            "rbac_group_id": 9,
            "first_seen_timestamp": draw(ago()),
            "last_seen_timestamp": AS_OF,
            "cve_mitigation_status": draw(st.sampled_from([None, "Mitigated"])),
        }
        tenant.finding(device, cve, **(values | other))
