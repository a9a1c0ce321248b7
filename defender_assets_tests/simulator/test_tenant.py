"""The data: joins hold, the same shape gives the same tenant, and every case of the compliance rules occurs."""

import json
from collections import Counter
from datetime import timedelta

import pytest

from defender_assets.simulator import SimulatedTenant, TenantShape

from .conftest import AS_OF, parse_time

DATASETS = (
    "machines",
    "machine_users",
    "av_health",
    "alerts",
    "software",
    "vulnerabilities",
    "software_inventory",
    "software_vulnerabilities",
    "software_vulnerability_changes",
    "secure_configuration",
    "software_inventory_non_cpe",
    "browser_extensions",
    "hardware_firmware",
    "certificates",
    "baseline_assessment",
    "information_gathering",
)


@pytest.fixture(scope="module")
def machines(rows_of) -> dict[str, dict]:
    rows = rows_of("machines")
    found = {row["id"]: row for row in rows}
    assert len(found) == len(rows) == 200
    return found


@pytest.fixture(scope="module")
def findings(rows_of) -> list[dict]:
    return rows_of("software_vulnerabilities")


@pytest.fixture(scope="module")
def twin() -> SimulatedTenant:
    """A second tenant of the same shape."""
    return SimulatedTenant(TenantShape(machines=200, as_of=AS_OF))


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_same_shape_gives_the_same_rows_in_the_same_order(dataset, twin, rows_of):
    assert list(twin.rows(dataset)) == rows_of(dataset)


def test_another_seed_gives_another_tenant(rows_of):
    other = SimulatedTenant(TenantShape(machines=200, as_of=AS_OF, seed=8))
    ids = {row["id"] for row in rows_of("machines")}
    assert ids.isdisjoint(row["id"] for row in other.rows("machines"))


def test_a_device_does_not_depend_on_the_size_of_the_fleet():
    small, large = (SimulatedTenant(TenantShape(machines=n, as_of=AS_OF)) for n in (60, 600))
    assert [row["id"] for row in small.rows("machines")] == [
        row["id"] for row, _ in zip(large.rows("machines"), range(60), strict=False)
    ]


@pytest.mark.parametrize(
    ("dataset", "member"),
    [
        ("software_inventory", "deviceId"),
        ("software_vulnerabilities", "deviceId"),
        ("secure_configuration", "deviceId"),
        ("software_inventory_non_cpe", "deviceId"),
        ("browser_extensions", "DeviceId"),
        ("hardware_firmware", "deviceId"),
        ("certificates", "deviceId"),
        ("baseline_assessment", "deviceId"),
        ("information_gathering", "DeviceId"),
        ("av_health", "machineId"),
        ("alerts", "machineId"),
        ("machine_users", "machineId"),
    ],
)
def test_every_device_of_a_row_is_in_the_machine_list(dataset, member, machines, rows_of):
    rows = rows_of(dataset)
    assert rows
    assert {row[member] for row in rows} <= machines.keys()


@pytest.mark.parametrize(
    ("dataset", "key"),
    [
        ("machines", ("id",)),
        ("machine_users", ("machineId", "id")),
        ("av_health", ("machineId",)),
        ("alerts", ("id",)),
        ("software", ("id",)),
        ("vulnerabilities", ("id",)),
        ("software_inventory", ("deviceId", "softwareVendor", "softwareName", "softwareVersion", "rbacGroupId")),
        ("software_vulnerabilities", ("id", "rbacGroupId")),
        ("software_vulnerability_changes", ("id", "rbacGroupId", "eventTimestamp", "status")),
        ("secure_configuration", ("deviceId", "configurationId", "rbacGroupId")),
        (
            "software_inventory_non_cpe",
            ("deviceId", "softwareVendor", "softwareName", "softwareVersion", "rbacGroupId"),
        ),
        ("browser_extensions", ("DeviceId", "BrowserName", "ExtensionId", "RbacGroupId")),
        ("hardware_firmware", ("deviceId", "componentType", "componentName", "rbacGroupId")),
        ("certificates", ("deviceId", "thumbprint", "path", "rbacGroupId")),
        ("baseline_assessment", ("id", "rbacGroupId")),
        ("information_gathering", ("DeviceId", "RbacGroupId")),
    ],
)
def test_keys_are_unique(dataset, key, rows_of):
    counted = Counter(tuple(row[member] for member in key) for row in rows_of(dataset))
    assert [k for k, n in counted.items() if n > 1] == []


def test_every_cve_of_a_finding_is_in_the_vulnerability_list_with_the_devices_it_exposes(findings, rows_of):
    exposed: dict[str, set[str]] = {}
    for row in findings:
        if row["cveId"]:
            exposed.setdefault(row["cveId"], set()).add(row["deviceId"])
    listed = {row["id"]: row["exposedMachines"] for row in rows_of("vulnerabilities")}
    assert {cve: len(devices) for cve, devices in exposed.items()} == {cve: n for cve, n in listed.items() if n}
    assert 0 in listed.values()


def test_every_finding_is_of_software_in_the_inventory_whose_weaknesses_count_right(findings, rows_of):
    def software(row: dict) -> tuple:
        return row["deviceId"], row["rbacGroupId"], row["softwareVendor"], row["softwareName"], row["softwareVersion"]

    flaws = Counter(software(row) for row in findings if row["cveId"])
    inventory = {software(row): row["numberOfWeaknesses"] for row in rows_of("software_inventory")}
    assert {software(row) for row in findings} == inventory.keys()
    assert {key: count for key, count in inventory.items() if count} == dict(flaws)


def test_the_product_list_counts_what_the_inventory_holds(rows_of):
    installed: dict[str, set[str]] = {}
    exposed: dict[str, set[str]] = {}
    for row in rows_of("software_inventory"):
        product = f"{row['softwareVendor']}-_-{row['softwareName']}"
        installed.setdefault(product, set()).add(row["deviceId"])
        if row["numberOfWeaknesses"]:
            exposed.setdefault(product, set()).add(row["deviceId"])
    products = {row["id"]: row for row in rows_of("software")}
    without_vendor = {product for product in installed if product.startswith("None-_-")}
    assert products.keys() == installed.keys() - without_vendor
    assert without_vendor
    for product, row in products.items():
        assert row["exposedMachines"] == len(exposed.get(product, ()))
        assert row.get("installedMachines", len(installed[product])) == len(installed[product])


def test_extensions_are_in_browsers_that_the_device_has(rows_of):
    browsers = {"chrome": "chrome", "edge_chromium-based": "edge", "firefox": "firefox"}
    installed = {(row["deviceId"], browsers.get(row["softwareName"])) for row in rows_of("software_inventory")}
    extensions = rows_of("browser_extensions")
    assert {(row["DeviceId"], row["BrowserName"]) for row in extensions} <= installed
    assert {row["ExtensionRisk"] for row in extensions} >= {"None", "Low", "Critical"}


def test_certificates_are_valid_expired_and_about_to_expire(rows_of):
    ends = [parse_time(row["notAfter"]) for row in rows_of("certificates")]
    assert None in ends
    days = [(end - AS_OF).days for end in ends if end]
    assert min(days) < 0 < max(days)
    assert any(0 < left < 60 for left in days)


def test_every_baseline_row_is_of_a_device_with_the_system_of_its_profile(machines, rows_of):
    rows = rows_of("baseline_assessment")
    platforms: dict[str, set[str]] = {}
    for row in rows:
        assert row["id"] == f"{row['deviceId']}_{row['profileId']}_{row['configurationId']}"
        platforms.setdefault(row["profileId"], set()).add(machines[row["deviceId"]]["osPlatform"])
    assert sorted(map(sorted, platforms.values())) == [["Windows10"], ["Windows11"], ["WindowsServer2022"]]
    assert {row["isCompliant"] for row in rows} == {True, False}


def test_what_was_gathered_depends_on_the_operating_system_and_agrees_with_the_antivirus_health(rows_of):
    health = {row["machineId"]: row for row in rows_of("av_health")}
    members: dict[str, set[str]] = {}
    for row in rows_of("information_gathering"):
        gathered = row.get("DeviceGatheredInfo")
        if not gathered:
            continue
        told = json.loads(gathered) if isinstance(gathered, str) else gathered
        assert told["AvEngineVersion"] == health[row["DeviceId"]]["avEngineVersion"]
        members.setdefault(health[row["DeviceId"]]["osKind"], set()).update(told)
    assert members.keys() == {"windows", "mac", "linux"}
    assert "TlsServer12" in members["windows"] - members["linux"]
    assert "EBPFStatus" in members["linux"] - members["windows"]


def test_users_recur_over_devices(rows_of):
    devices = Counter(row["id"] for row in rows_of("machine_users"))
    assert devices.most_common(1)[0][1] > 5
    assert sum(1 for n in devices.values() if n == 1) > 10


def _populations(machines: dict[str, dict], assessed: set[str]) -> dict[str, str]:
    """The populations by the rules of device_identity, in their order."""
    found = {}
    by_name: dict[str, list[dict]] = {}
    for row in machines.values():
        by_name.setdefault(row["computerDnsName"].lower(), []).append(row)
    for key, row in machines.items():
        seen = parse_time(row["lastSeen"])
        later = any(
            other["onboardingStatus"] == "Onboarded"
            and not other["mergedIntoMachineId"]
            and not other["isExcluded"]
            and parse_time(other["lastSeen"]) > seen
            for other in by_name[row["computerDnsName"].lower()]
        )
        if row["mergedIntoMachineId"]:
            found[key] = "merged"
        elif row["isExcluded"]:
            found[key] = "excluded"
        elif row["onboardingStatus"].lower() != "onboarded":
            found[key] = "not_onboarded"
        elif AS_OF - seen > timedelta(days=7) and later:
            found[key] = "duplicate"
        elif AS_OF - seen > timedelta(days=30):
            found[key] = "inactive"
        else:
            found[key] = "eligible" if key in assessed else "not_assessed"
    return found


@pytest.mark.parametrize("size", [10, 60, 200])
def test_even_a_small_tenant_has_every_population(size):
    small = SimulatedTenant(TenantShape(machines=size, as_of=AS_OF))
    machines = {row["id"]: row for row in small.rows("machines")}
    assessed = {row["deviceId"] for row in small.rows("software_inventory")}
    assert set(_populations(machines, assessed).values()) == {
        "merged",
        "excluded",
        "not_onboarded",
        "duplicate",
        "inactive",
        "not_assessed",
        "eligible",
    }


def test_a_merged_record_names_the_survivor(machines):
    merged = [row for row in machines.values() if row["mergedIntoMachineId"]]
    assert merged
    for row in merged:
        survivor = machines[row["mergedIntoMachineId"]]
        assert survivor["mergedIntoMachineId"] is None
        assert survivor["computerDnsName"] == row["computerDnsName"]


def test_findings_are_overdue_due_and_without_a_fix(tenant, findings):
    severities = Counter(row["vulnerabilitySeverityLevel"] for row in findings)
    assert severities.keys() == {"Critical", "High", "Medium", "Low", "None", None}
    high = [row for row in findings if row["vulnerabilitySeverityLevel"] == "High"]
    ages = [AS_OF - parse_time(row["firstSeenTimestamp"]) for row in high]
    assert min(ages) < timedelta(days=15) < timedelta(days=60) < max(ages)
    assert all(age > timedelta(0) for age in ages)
    assert {row["securityUpdateAvailable"] for row in findings if row["cveId"]} == {True, False}
    known = {entry["cveID"] for entry in tenant.feeds.known_exploited(tenant.as_of)["vulnerabilities"]}
    assert known & {row["cveId"] for row in findings}


def test_devices_of_two_groups_have_their_rows_twice(findings):
    groups: dict[str, set[int]] = {}
    for row in findings:
        groups.setdefault(row["id"], set()).add(row["rbacGroupId"])
    assert {len(found) for found in groups.values()} == {1, 2}


def test_agents_are_current_behind_unsupported_and_unreadable(tenant, machines):
    versions = {
        family: [row["agentVersion"] for row in machines.values() if row["osPlatform"].startswith(family)]
        for family in ("Windows", "macOS", "Ubuntu", "Debian", "Android", "iOS")
    }
    known = [int(release.release) for release in tenant.releases.catalogue()["agent_windows"]]
    behind = Counter(known.index(int(v.split(".")[1])) for v in versions["Windows"] if v and _listed(v, known))
    assert {0, 1} <= behind.keys()
    assert max(behind) > 2
    assert None in versions["Windows"]
    assert "Unknown" in versions["Windows"]
    assert any(version.startswith("101.") for version in versions["Ubuntu"] if version)
    assert all(version.startswith("20.1") for version in versions["macOS"] if version)
    assert all(version.startswith("1.0.") for version in versions["Android"] if version)
    assert all(version.startswith("1.1.") for version in versions["iOS"] if version)


def _listed(version: str, known: list[int]) -> bool:
    parts = version.split(".")
    return len(parts) > 1 and parts[1].isdigit() and int(parts[1]) in known


def test_antivirus_is_fresh_stale_wrong_and_absent(tenant, machines, rows_of):
    rows = {row["machineId"]: row for row in rows_of("av_health")}
    windows = [row for row in rows.values() if row["osKind"] == "windows"]
    for member in ("avIsSignatureUpToDate", "avIsEngineUpToDate", "avIsPlatformUpToDate"):
        assert {row[member] for row in windows} == {"True", "False", "Unknown"}
        assert {row[member] for row in rows.values() if row["osKind"] != "windows"} == {"Unknown"}
    onboarded = {key for key, row in machines.items() if row["onboardingStatus"] == "Onboarded"}
    assert onboarded - rows.keys()
    assert any(row["dataRefreshTimestamp"].startswith("0001-") for row in windows)
    assert any(row["avEngineVersion"] == "" for row in windows)
    newest = int(tenant.releases.av_engine[0].release)
    wrong = [
        row
        for row in windows
        if row["avIsEngineUpToDate"] == "False" and row["avEngineVersion"].split(".")[2:3] == [str(newest)]
    ]
    assert wrong, "no device whose verdict disagrees with its version"


def test_sensors_are_in_every_health(machines):
    assert {row["healthStatus"] for row in machines.values()} == {
        "Active",
        "Inactive",
        "ImpairedCommunication",
        "NoSensorData",
        "NoSensorDataImpairedCommunication",
        "Unknown",
    }


def test_a_service_as_documented_has_no_members_and_no_devices_of_its_own() -> None:
    tenant = SimulatedTenant(TenantShape(machines=150, as_documented=True))
    machines = {row["id"]: row for row in tenant.rows("machines")}
    assert not any("assetCriticality" in row for row in machines.values())
    assert not any("aiSummary" in row for row in tenant.rows("alerts"))
    changes = list(tenant.rows("software_vulnerability_changes"))
    assert changes
    assert {row["deviceId"] for row in changes} <= machines.keys()


def test_oddities_that_were_observed_occur(machines, findings, rows_of):
    names = [row["computerDnsName"] for row in machines.values()]
    assert "<script>alert(1)</script>" in names
    assert "chat_Desk " in names
    assert any(not name.isascii() for name in names)
    assert [""] in [row["machineTags"] for row in machines.values()]
    assert any("osVersion" not in row for row in machines.values())
    assert any("defenderAvStatus" in row for row in machines.values())
    assert any("assetCriticality" in row for row in machines.values())
    assert any(address["type"] == "53" for row in machines.values() for address in row["ipAddresses"])
    bare = [row for row in machines.values() if row["onboardingStatus"] == "CanBeOnboarded"]
    assert bare
    assert {(row["osProcessor"], row["osArchitecture"], row["lastExternalIpAddress"]) for row in bare} == {(None,) * 3}
    software = rows_of("software_inventory")
    assert any(row["softwareName"].endswith("\0") for row in software)
    assert any(not row["softwareName"].isascii() for row in software)
    assert any(row["softwareVendor"] is None for row in software)
    assert any(":" in row["softwareVersion"] and "+" in row["softwareVersion"] for row in software)
    ends = {row["endOfSupportDate"] for row in software if row["endOfSupportDate"]}
    assert {len(end) for end in ends} == {10, 25}
    vulnerabilities = rows_of("vulnerabilities")
    assert any(row["publishedOn"].startswith("0001-") for row in vulnerabilities)
    assert any("@odata.type" in row for row in vulnerabilities)
    assert any(row["epss"] is None for row in vulnerabilities)
    assert any(isinstance(row["cvssV3"], int) for row in vulnerabilities)
    assert any("&amp;" in row["description"] for row in vulnerabilities)
    assert any(row["cveId"] is None for row in findings)
    assert any(row["category"] == "null" for row in rows_of("alerts"))
    linux = {machines[row["deviceId"]]["osPlatform"] for row in findings if row["osPlatform"] == "Linux"}
    assert {"Ubuntu", "RedHatEnterpriseLinux"} <= linux


def test_fractions_of_seconds_have_0_to_7_digits(rows_of):
    digits: Counter[int] = Counter()
    for row in rows_of("machines"):
        for member in ("firstSeen", "lastSeen"):
            digits[len(row[member].rstrip("Z").partition(".")[2])] += 1
            assert not row[member].rstrip("Z").endswith(".")
            assert parse_time(row[member]) <= AS_OF + timedelta(seconds=1)
    assert digits.keys() == set(range(8))


def test_assessment_times_have_a_blank_and_no_zone(findings):
    spelled = {row["lastSeenTimestamp"] for row in findings} | {row["firstSeenTimestamp"] for row in findings}
    assert all(" " in text and not text.endswith("Z") for text in spelled)
    assert {len(text.partition(".")[2]) for text in spelled} == {0, 2, 3, 7}


def test_files_spell_in_pascal_case_and_leave_out_what_has_no_value(findings, rows_of):
    files = rows_of("software_vulnerabilities", "files")
    assert len(files) == len(findings)
    assert [row["Id"] for row in files] == [row["id"] for row in findings]
    members = {member for row in files for member in row}
    assert {"OSPlatform", "OSVersion", "OSArchitecture", "CveId", "RbacGroupId", "CveBatchTitle", "Status"} <= members
    assert all(value is not None and value != [] for row in files for value in row.values())
    assert {"SecurityUpdateAvailable" in row for row in files} == {True}


def test_files_may_lack_the_member_about_updates():
    without = SimulatedTenant(TenantShape(machines=30, as_of=AS_OF, security_update_available=False))
    assert not any("SecurityUpdateAvailable" in row for row in without.rows("software_vulnerabilities", "files"))
    assert all("securityUpdateAvailable" in row for row in without.rows("software_vulnerabilities"))


def test_alerts_carry_evidence_only_where_it_was_asked_for(tenant, rows_of):
    expanded = rows_of("alerts")
    bare = list(tenant.listing("alerts", expanded=False).slice(0, 10_000))
    assert all(row["evidence"] == [] for row in bare)
    assert all(row["evidence"] for row in expanded)
    assert [{**row, "evidence": []} for row in expanded] == bare
    ages = [AS_OF - parse_time(row["alertCreationTime"]) for row in expanded]
    assert ages == sorted(ages)
    assert ages[0] < timedelta(days=4)
    assert timedelta(days=170) < ages[-1] < timedelta(days=180)


def test_shapes_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="between 1 and"):
        TenantShape(machines=0)
    with pytest.raises(ValueError, match="time zone"):
        TenantShape(as_of=AS_OF.replace(tzinfo=None))


def test_the_sizes_are_those_of_a_real_fleet(rows_of):
    assert 24 < len(rows_of("software_inventory")) / 200 < 36
    assert 32 < len(rows_of("software_vulnerabilities")) / 200 < 48
