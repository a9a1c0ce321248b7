"""Rows as the service sends them, made fast enough for ten million of them.

Here: one row of findings and of machines as text. Not here: pages and files (``bodies.py``).

A finding has 24 members and about a kilobyte, a machine 31 and 1.2 kilobytes, as documented and observed. Devices have
a hundred findings each; products and CVEs repeat as they do in a fleet.
"""

import hashlib
from collections.abc import Iterator

FINDINGS_PER_DEVICE = 100

_PRODUCTS = [
    ("microsoft", "edge_chromium-based"),
    ("google", "chrome"),
    ("adobe", "acrobat_reader_dc"),
    ("oracle", "jre"),
    ("canonical", "openssl_for_ubuntu_linux"),
    ("mozilla", "firefox"),
    ("python", "python"),
]
_SEVERITIES = ["Low", "Medium", "High", "Critical", "High"]
_EXPLOITS = ["NoExploit", "ExploitIsPublic", "ExploitIsInKit"]
_SCORES = ["7", "5.5", "9.8", "8", "6.1"]

_MEMBERS = (
    '"deviceId":"%(device)s","rbacGroupId":%(group)d,"rbacGroupName":"Group %(group)d",'
    '"deviceName":"host-%(host)06d.corp.contoso.example","osPlatform":"Windows11","osVersion":"10.0.26100.4652",'
    '"osArchitecture":"x64","softwareVendor":"%(vendor)s","softwareName":"%(product)s","softwareVersion":"%(version)s",'
    '"cveId":"%(cve)s","vulnerabilitySeverityLevel":"%(severity)s",'
    '"recommendedSecurityUpdate":"September 2026 Security Updates","recommendedSecurityUpdateId":"%(update)d",'
    '"recommendedSecurityUpdateUrl":"https://catalog.update.microsoft.example/v7/site/Search.aspx?q=KB%(update)d",'
    '"recommendationReference":"va-_-%(vendor)s-_-%(product)s","exploitabilityLevel":"%(exploit)s",'
    '"cvssScore":%(score)s,"securityUpdateAvailable":%(available)s,'
    '"diskPaths":["C:\\\\Program Files\\\\%(vendor)s\\\\%(product)s\\\\%(version)s\\\\app.exe"],'
    '"registryPaths":["HKEY_LOCAL_MACHINE\\\\SOFTWARE\\\\Microsoft\\\\Windows\\\\CurrentVersion\\\\Uninstall\\\\%(product)s"],'
    '"firstSeenTimestamp":"%(first)s","lastSeenTimestamp":"2026-11-%(day)02d 04:30:00"}'
)
_PAGE_ROW = '{"id":"%(device)s_%(vendor)s_%(product)s_%(version)s_%(cve)s",' + _MEMBERS
"""Pages by cursor have names in camelCase."""


def name_in_file(name: str) -> str:
    """Export files have PascalCase names with irregular capitals."""
    return "OS" + name[2:] if name.startswith("os") else name[0].upper() + name[1:]


def _file_row() -> str:
    row = _PAGE_ROW
    for name in row.split('"')[1::2]:
        if f'"{name}":' in row:
            row = row.replace(f'"{name}":', f'"{name_in_file(name)}":')
    return row


_FILE_ROW = _file_row()


def _device(number: int) -> str:
    return hashlib.sha1(b"%d" % number).hexdigest()


def findings(start: int, stop: int, *, in_file: bool) -> Iterator[str]:
    """The rows of these numbers, as JSON texts; the same number is the same row in both forms."""
    template = _FILE_ROW if in_file else _PAGE_ROW
    device, host = "", -1
    for number in range(start, stop):
        if number // FINDINGS_PER_DEVICE != host:
            host = number // FINDINGS_PER_DEVICE
            device = _device(host)
        mixed = number * 2654435761 & 0xFFFFFFFF
        product = mixed % 7
        vendor, name = _PRODUCTS[product]
        yield template % {
            "device": device,
            "group": host % 40,
            "host": host,
            "vendor": vendor,
            "product": name,
            "version": f"{product}.{mixed % 9}.{mixed % 1013}",
            # No two findings of a device have the same CVE.
            "cve": f"CVE-{2016 + host % 10}-{1000 + number % FINDINGS_PER_DEVICE + mixed % 997 * FINDINGS_PER_DEVICE}",
            "severity": _SEVERITIES[mixed % 5],
            "update": 5_000_000 + mixed % 9_973,
            "exploit": _EXPLOITS[mixed % 3],
            "score": _SCORES[mixed % 5],
            "available": "true" if mixed % 5 else "false",
            "first": f"2026-{1 + mixed % 9:02d}-{1 + mixed % 28:02d} {mixed % 24:02d}:{mixed % 60:02d}:09",
            "day": 1 + mixed % 25,
        }


_MACHINE = (
    '{"id":"%(device)s","mergedIntoMachineId":null,"isPotentialDuplication":false,"isExcluded":false,'
    '"exclusionReason":null,"computerDnsName":"host-%(host)06d.corp.contoso.example",'
    '"firstSeen":"2026-0%(month)d-%(day)02dT%(hour)02d:11:35.%(mixed)07dZ",'
    '"lastSeen":"2026-11-%(day)02dT%(hour)02d:27:09.%(host)07dZ","osPlatform":"Windows11","osVersion":null,'
    '"osProcessor":"x64","version":"24H2","lastIpAddress":"10.%(a)d.%(b)d.%(c)d","lastExternalIpAddress":"203.0.113.7",'
    '"agentVersion":"10.8830.26100.%(build)d","osBuild":26100,"healthStatus":"%(health)s","deviceValue":"Normal",'
    '"rbacGroupId":%(group)d,"rbacGroupName":"Group %(group)d","riskScore":"None","exposureLevel":"Medium",'
    '"isAadJoined":true,"aadDeviceId":null,"machineTags":%(tags)s,"onboardingStatus":"Onboarded",'
    '"osArchitecture":"64-bit","managedBy":"Intune","managedByStatus":"Success","ipAddresses":['
    '{"ipAddress":"10.%(a)d.%(b)d.%(c)d","macAddress":"%(mac)012X","type":"Ethernet","operationalStatus":"Up"},'
    '{"ipAddress":"192.168.%(b)d.%(c)d","macAddress":"%(mac)012X","type":"Wireless80211","operationalStatus":"Up"},'
    '{"ipAddress":"127.0.0.1","macAddress":null,"type":"SoftwareLoopback","operationalStatus":"Up"}],'
    '"vmMetadata":null}'
)


def machines(start: int, stop: int) -> Iterator[str]:
    """The machines of these numbers, as JSON texts."""
    for host in range(start, stop):
        mixed = host * 2654435761 & 0xFFFFFF
        yield _MACHINE % {
            "device": _device(host),
            "host": host,
            "mixed": mixed % 9_999_999,
            "month": 1 + mixed % 9,
            "day": 1 + mixed % 25,
            "hour": mixed % 24,
            "a": mixed % 250,
            "b": host // 250 % 250,
            "c": host % 250,
            "build": 1000 + mixed % 4000,
            "health": "Inactive" if mixed % 11 == 0 else "Active",
            "group": host % 40,
            "tags": '["tier-1","site-7"]' if mixed % 5 == 0 else "[]",
            "mac": mixed << 20 | host & 0xFFFFF,
        }
