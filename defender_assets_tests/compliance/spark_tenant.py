"""Tenants by which two engines are compared: one with every kind of record, and random ones.

Here: the rows. Not here: what is computed from them.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from defender_assets.catalog import DATASETS, REFERENCE, TABLES
from defender_assets.catalog.derived import DERIVED

from .tenant import AS_OF, Tenant, days

MIDNIGHT = AS_OF.replace(hour=0, minute=0)


def golden_tenant() -> Tenant:
    """Every kind of record, with nulls, empty lists and repeated rows where they occur."""
    tenant = Tenant()
    platforms = (
        ("Windows11", ("10.8760.1.1", "10.8750.1.1", "10.8700.2.2", "x")),
        ("macOS", ("20.126092.1.0", "101.26012.4", None, "20.126132.1.0")),
        ("Ubuntu", ("30.126012.1.0", "30.126092.1.0", "101.25122.1", "")),
        ("Android", ("1.0.84.0101", "1.0.9", "1.0", "1.")),
    )
    for number in range(16):
        device, (platform, versions) = f"d{number}", platforms[number % 4]
        tenant.machine(
            device,
            computer_dns_name=("desk", "DESK", None, f"pc-{number}")[number % 5 % 4],
            os_platform=platform if number else None,
            agent_version=versions[number // 4],
            last_seen=AS_OF - days((0, 1, 8, 40)[number % 7 % 4]),
            machine_tags=(None, [], ["Internet-Facing", "x"], ["internal"])[number % 4],
            rbac_group_name=(None, "Servers")[number % 2],
            merged_into_machine_id="d1" if number == 9 else None,
            is_excluded=number == 10,
            health_status=("Active", "NoSensorData")[number % 6 == 0],
        )
        tenant.antivirus(
            device,
            av_engine_version=("1.1.26090.1", "1.1.26080.1", None)[number % 3],
            av_signature_publish_time=AS_OF - days((1, 9)[number % 2]),
        )
        tenant.add("machine_users", machine_id=device, id=f"contoso\\{'ab'[number % 2]}",
                   logon_types="Network, Interactive", last_seen=AS_OF - days(number))  # fmt: skip
        tenant.add("alerts", id=f"da-{number}", machine_id=device, status=("New", "Resolved")[number % 2],
                   related_user={"user_name": "A", "domain_name": "Contoso"})  # fmt: skip
        for other in range(4):
            tenant.control(device, f"scid-20{other:02}", is_compliant=(number + other) % 3 > 0)
            tenant.add("software_inventory", device_id=device, software_name=("editor", "office")[other % 2],
                       software_vendor=("contoso", None)[other // 2], software_version=("1", None)[number % 2],
                       end_of_support_status=("None", "EOS Version", None)[number % 3])  # fmt: skip
        for cve in range(8):
            turn = number * 8 + cve
            values = {
                "software_vendor": ("contoso", None)[turn % 2],
                "software_name": ("editor", "windows_11", "chrome")[turn % 3],
                "vulnerability_severity_level": ("Critical", "High", "Low", None, "None")[turn % 5],
                "first_seen_timestamp": AS_OF - days((1, 14.5, 40, 200)[turn % 4]),
                "security_update_available": (True, None, False)[turn % 7 % 3],
                "cvss_score": (5.0, 7.0, 9.1)[turn % 3],
                "exploitability_level": ("NoExploit", "ExploitIsPublic")[turn % 2],
            }
            tenant.finding(device, f"CVE-{cve}", **values)
            if turn % 4 == 0:
                tenant.finding(device, f"CVE-{cve}", **(values | {"rbac_group_id": 5}))
            if turn % 3 == 0:
                tenant.change(device, ("New", "Fixed", "Updated")[turn % 3], AS_OF - days(turn % 5), f"CVE-{cve}")
                tenant.change(device, "Fixed", AS_OF - days(turn % 5), f"CVE-{cve}", software_version="0")
    for number in range(3):
        tenant.add("kev", cve_id=f"CVE-{number}", date_added=MIDNIGHT - days(20), due_date=MIDNIGHT - days(number))
        tenant.add("ssvc", cve_id=f"CVE-{number + 1}", automatable="yes", technical_impact="partial")
        tenant.add("vulnerabilities", id=f"CVE-{number + 2}", published_on=AS_OF - days(30), epss=0.5)
    tenant.add("software", id="contoso-_-editor", vendor="Contoso", name="Editor", weaknesses=3)
    tenant.add("agent_releases", component="av_engine", release="26080", released_at=AS_OF - days(10))
    return tenant


# Of each column the values at which rules turn, and what a service or a hostile device may send in its place.
_ODD = ["", " ", "x\n", "é|.*", "it's; \\ %_", "None", "0"]
_WORDS: dict[str, list[str]] = {
    "computer_dns_name": ["pc-1.contoso.example", "PC-1.contoso.example", "mac-1", "iPhone", "localhost", "pc-1"],
    "os_platform": ["Windows11", "WindowsServer2022", "windows", "macOS", "Ubuntu", "Android", "iOS", "Linux", "Other"],
    "agent_version": [
        "10.8760.22631.4317", "10.8750.1", "10.08700.2", "10.8760.1\n", "20.126092.1.0", "101.26012.4", "20.126132.1.0",
        "30.126012.1.0", "101.98.64", "30.198", "1.0.84.0101", "1.0.9", "1.", "10.99999999999.1", "101.2609210\r.1",
    ],
    "aad_device_id": ["e-1", "E-1", "e-2", "00000000-0000-0000-0000-000000000000"],
    "onboarding_status": ["Onboarded", "Onboarded", "Onboarded", "onboarded", "CanBeOnboarded", "InsufficientInfo"],
    "health_status": ["Active", "Active", "Inactive", "ImpairedCommunication", "NoSensorData"],
    "last_ip_address": ["10.1.2.3", "::ffff:10.1.2.3", "fe80::1%eth0", "2001:db8::1", "2001:0db8:0:0:1::", "127.0.0.1"],
    "mac_address": ["00155D010203", "00155d0a0b0c", "00:15:5D:0A:0B:0C", "000000000000"],
    "type": ["Ethernet", "SoftwareLoopback"],
    "rbac_group_name": ["Servers", "servers", "Clients"],
    "cve_id": [f"CVE-2026-000{number}" for number in range(7)] + ["cve-2026-0001", " CVE-2026-0002 "],
    "software_vendor": ["contoso", "Contoso", "microsoft"],
    "software_name": ["editor", "windows_11", "chrome", "office"],
    "software_version": ["1.2.3", "1.10", "2.0.0.1"],
    "vulnerability_severity_level": ["Critical", "critical", "High", "high ", "Medium", "Low", "Important"],
    "severity": ["Critical", " low ", "High", "Medium"],
    "status": ["New", "New", "Fixed", "Fixed", "Updated", "fixed", "UnderException", "PartialException", "Resolved"],
    "exploitability_level": ["NoExploit", "ExploitIsPublic", "ExploitIsVerified"],
    "cve_mitigation_status": ["Mitigated", "Workaround applied", *["Workaround pending reboot"] * 6],
    "recommended_security_update_id": ["5065429", "RHSA-2026:1"],
    "recommended_security_update": ["October update", "November update"],
    "end_of_support_status": ["None", "EOS Version", "EOS Software", "Upcoming EOS Version", "Upcoming EOS Software"],
    "configuration_id": ["scid-2000", "scid-2001", "SCID-2002", "scid-91"],
    "av_engine_version": ["1.1.26090.5", "1.1.26080.9", "1.1.9.1", "1.1", "1.1.x.2", "1.1.26090.5\n"],
    "av_platform_version": ["4.18.26090.3", "4.18.2211.5", "4.18.26080.1"],
    "av_signature_version": ["1.443.820.0", "1.443.9.0", "1.99.1200.0", "87523"],
    "av_mode": ["0", "0", "1", "2", "3", "4", "5"],
    "component": ["agent_windows", "agent_macos", "av_engine", "av_platform", "av_intelligence"],
    "release": ["8740", "8760", "2605", "2609", "26080", "26100"],
    "version": ["1.443.9.0", "1.443.1000.0", "8760"],
    "feed": ["antivirus_versions", "release_notes", "file"],
    "automatable": ["yes", "no", "Yes"],
    "technical_impact": ["total", "partial"],
    "logon_types": ["Network", "Network, Interactive", ",RemoteInteractive ,Network", "a.b, c|d"],
    "user_name": ["anna", "ANNA", "bob"],
    "domain_name": ["contoso", "Contoso"],
    "machine_tags": ["Internet-Facing", "internal", "a"],
    "risk_score": ["High", "Low"],
    "managed_by": ["Intune", "MicrosoftDefenderForEndpoint", "Unknown"],
    "av_is_engine_up_to_date": ["True", "False"],
    "av_is_platform_up_to_date": ["True", "False"],
    "av_is_signature_up_to_date": ["True", "False"],
    "known_ransomware_campaign_use": ["Known", "Unknown"],
    "recommended_security_update_url": ["https://catalog.update.example/5065429"],
}  # fmt: skip
_AGENTS = {
    "Windows11": ["10.8760.22631.4317", "10.8760.22631.4317", "10.8750.1", "10.08700.2", "10.8760.1\n"],
    "macOS": ["20.126092.1.0", "20.126102.1.0", "101.26012.4", "20.126132.1.0", "101.98.64"],
    "Ubuntu": ["30.126012.1.0", "30.126092.1.0", "101.25122.1", "30.198"],
    "Android": ["1.0.84.0101", "1.0.84.101", "1.0.9"],
}
_TURNS = [
    days(number) + moment
    for number in (-1, 0, 1, 3, 7, 8, 15, 30, 45, 90, 180, 400)
    for moment in (timedelta(microseconds=-1), timedelta(), timedelta(microseconds=1), timedelta(hours=5))
]
_DAYS = (datetime(1969, 12, 31, 23, 59, 59, 999_999, AS_OF.tzinfo), datetime(1899, 1, 1, tzinfo=AS_OF.tzinfo))
"""Before what some take for the beginning of time."""
_NUMBERS = [0.0, -0.0, 0.1, 0.2, 0.3, 1.0, 3.9, 4.0, 5.7, 6.9, 7.0, 8.9, 9.0, 9.8, float("nan"), float("inf"), -1.0]
_ROWS = {
    "machines": 40,
    "software_inventory": 90,
    "software_vulnerabilities": 260,
    "software_vulnerability_changes": 160,
    "av_health": 36,
    "machine_users": 60,
    "secure_configuration": 110,
    "agent_releases": 14,
    "alerts": 30,
    "certificates": 30,
    "kev": 5,
    "vulnerabilities": 6,
    "recommendations": 10,
    "software": 6,
    "ssvc": 5,
    "epss": 5,
}
_ALWAYS = {"machines": ["id"], "agent_releases": ["component", "release"]}


def random_tenant(seed: int) -> Tenant:
    """Rows of every table that a derived table or a query of the report reads, of odd values too."""
    chance = random.Random(seed)
    tenant = Tenant()
    machines = [f"m-{number}" for number in range(_ROWS["machines"])]
    for name, rows in _ROWS.items():
        for number in range(rows):
            schema = {**DATASETS, **REFERENCE}[name].schema
            row = {field.name: _value(chance, field.name, field.type, machines) for field in schema}
            for column in _ALWAYS.get(name, ["id"]):
                if column in row and row[column] is None:
                    row[column] = _WORDS.get(column, [f"{name}-{number}"])[0]
            if name == "machines":
                row["id"] = machines[number]
                if chance.random() < 0.7:  # one that is judged
                    row |= {"onboarding_status": "Onboarded", "is_excluded": None, "merged_into_machine_id": None}
                    row["last_seen"] = AS_OF - days(chance.choice([0, 0.5, 3, 6]))
                    row["os_platform"] = chance.choice(list(_AGENTS))
                    row["agent_version"] = chance.choice(_AGENTS[row["os_platform"]])
            elif name == "vulnerabilities":
                row["id"] = _WORDS["cve_id"][number]
            elif "id" in row:
                row["id"] = f"contoso\\u{number % 9}" if name == "machine_users" else f"{name}-{number}"
            tenant.add(name, **(row | ({"observed_at": AS_OF} if "observed_at" in row else {})))
    # What a device group repeats.
    repeated = [row | {"rbac_group_id": 9} for row in tenant.rows["software_vulnerabilities"][::3]]
    for row in repeated:
        row["vulnerability_severity_level"] = chance.choice(_WORDS["vulnerability_severity_level"])
    tenant.rows["software_vulnerabilities"] += repeated
    return tenant


def _value(chance: random.Random, name: str, kind: pa.DataType, machines: list[str]) -> Any:
    if chance.random() < 0.12:
        return None
    if pa.types.is_list(kind):
        return [_value(chance, name, kind.value_type, machines) for _ in range(chance.randrange(3))]
    if pa.types.is_struct(kind):
        return {field.name: _value(chance, field.name, field.type, machines) for field in kind}
    if name in ("device_id", "machine_id", "merged_into_machine_id"):
        is_other = name == "merged_into_machine_id" and chance.random() < 0.8
        return None if is_other else chance.choice([*machines, *machines, *machines, "gone", "GONE"])
    of_kind: dict[Callable[[pa.DataType], bool], Callable[[], Any]] = {
        pa.types.is_boolean: lambda: chance.random() < 0.5,
        pa.types.is_integer: lambda: chance.choice([0, 1, 2, 7, 9]),
        pa.types.is_floating: lambda: chance.choice(_NUMBERS),
        pa.types.is_timestamp: lambda: chance.choice([*(AS_OF - turn for turn in _TURNS), *_DAYS]),
    }
    for is_kind, choose in of_kind.items():
        if is_kind(kind):
            return choose()
    return chance.choice(_ODD) if chance.random() < 0.08 else chance.choice(_WORDS.get(name, ["a", "B"]))


OURS = """
name: ours
population: {shared_names: [pc-1, localhost]}
patch:
  clock_start: {earliest_of: [first_seen, published, kev_added]}
  kev: {days: 14}
  exceptions: report
  no_fix: count
scopes:
  - {name: servers, match: {groups: [Servers], tags: [a]}, patch: {severity_days: {critical: 7, high: 14}}}
  - {name: macs, match: {platforms: [macos]}, patch: {clock_start: published, unrated: ignore}}
exemptions:
  - {id: EX-1, reason: later, approved_by: CISO, expires: 2027-01-01, products: {name: editor}, tags: [internal]}
  - {id: EX-2, reason: spring, approved_by: CISO, owner: us, expires: 2026-10-20, cves: [CVE-2026-0003, CVE-2026-0004]}
  - {id: EX-3, reason: never, approved_by: CISO, expires: 2027-01-01, devices: [m-3, mac-1, d5]}
agent:
  antivirus_unknown: noncompliant
  noncompliant_when: [agent_unsupported, agent_behind, intelligence_behind, sensor_inactive]
antivirus: {intelligence_max_behind: 0}
software: {unsupported: noncompliant}
releases:
  - {component: av_platform, release: 26100, released: 2026-10-19, source: notes}
controls: {minimum_score: 0.7, required: [scid-2000, SCID-2002, scid-9999]}
"""
"""A policy with what the presets leave out: scopes, exemptions, a minimum, states that fail an agent."""


def nothing_but_machines() -> Tenant:
    """What is needed has no rows, and the rest is absent."""
    tenant = Tenant().machine("a", assessed=False).machine("b", assessed=False, os_platform=None).without("kev")
    for declared in DERIVED.values():
        for name in declared.inputs:
            if name not in DERIVED:
                tenant.rows.setdefault(name, [])
    return tenant


def report_tables(inputs: dict[str, Any], derived: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """What the report's queries read: tables of the day, and what the report offers beside them."""
    devices = derived["device_identity"]
    absent = {name: declared.schema.empty_table() for name, declared in TABLES.items() if name not in DERIVED}
    return {
        **absent,
        **inputs,
        **derived,
        "opened_devices": devices.select(["device_id"]).slice(0, 5),
        "former_device_identity": devices.slice(2),
        "former_fleet_summary": derived["fleet_summary"],
        "devices_out_of_scope": pa.table({"device_id": pa.array(["m-0", "d0"], pa.string())}),
        "former_devices_out_of_scope": pa.table({"device_id": pa.array(["m-1", "d1"], pa.string())}),
        "scope_state": pa.table({"lacks_devices_out_of_scope": [False], "lacks_former_devices_out_of_scope": [False]}),
    }
