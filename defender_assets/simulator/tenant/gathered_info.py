"""Rows of the information gathered per device, which only export files have.

Here: ``DeviceGatheredInfo``, JSON in a text with other members on each operating system, and ``AvScanResults`` within
it, which is JSON in a text once more. What it says of the antivirus is what the antivirus health says
(``antivirus.py``). Not here: which devices there are (``fleet.py``).
"""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import orjson

from .antivirus import Antivirus
from .device_assessment import DeviceAssessment
from .fleet import Device
from .formats import Row, file_member, tvm_time
from .installed_software import InstalledSoftware
from .inventory import device_members, groups_of
from .randomness import rng_for
from .state import Assessment

_FROM_ANTIVIRUS = (
    "avMode", "avEngineVersion", "avSignatureVersion", "avPlatformVersion", "avModeDataRefreshTime",
    "cloudProtectionState", "avEngineUpdateTime", "avSignatureUpdateTime", "avPlatformUpdateTime",
    "avSignaturePublishTime", "avSignatureDataRefreshTime",
)  # fmt: skip
# Spelled as in the one row that was recorded, which differs from deviceavinfo.
_VERDICTS = {
    "avIsSignatureUpToDate": "AvIsSignatureUptoDate",
    "avIsEngineUpToDate": "AvIsEngineUptodate",
    "avIsPlatformUpToDate": "AvIsPlatformUptodate",
}
_LINUX_NULLS = ("AvScanResults", "AsrConfigurationStates", "WdavorHeartbeatEventType", "AvSignatureRing")
_PROTOCOLS = (("Ssl20", 0.02), ("Ssl30", 0.05), ("Tls10", 0.3), ("Tls11", 0.3), ("Tls12", 0.98))
"""Each with the share of devices that have it on."""


class GatheredInformation(DeviceAssessment):
    """The gathered information of a tenant."""

    def __init__(self, software: InstalledSoftware, antivirus: Antivirus) -> None:
        self.software = software
        self.antivirus = antivirus

    def rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        """The same as the files: there are no pages."""
        if not (self.software.is_assessed(device) and self.antivirus.has_row(device)):
            return
        rng = rng_for(self.software.shape.seed, "gathered", device.number)
        seen = min(device.last_seen, assessment.generated)
        gathered = self._gathered(device, assessment, rng)
        for group in groups_of(device):
            members = device_members(device, group) | {"osVersion": self._version(device)}
            row = {name[0].upper() + name[1:]: value for name, value in members.items()}
            row |= {"Timestamp": tvm_time(seen + timedelta(minutes=40)), "LastSeenTime": tvm_time(seen)}
            # Of a device that was only just onboarded there is nothing yet.
            if gathered is not None:
                row["DeviceGatheredInfo"] = gathered
            yield {name: value for name, value in row.items() if value is not None}

    def file_rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        return self.rows(device, assessment)

    def _version(self, device: Device) -> str:
        platform = device.platform
        if platform.family == "linux":
            return f"{platform.os_platform.lower()}_linux_{platform.version}"
        return self.software.os_version(device)

    def _gathered(self, device: Device, assessment: Assessment, rng: Random) -> str | dict[str, Any] | None:
        """A text, an object where the service forgets to write one, or nothing."""
        found = {}
        if rng.random() < 0.04:
            return None if device.number % 2 else ""
        health = self.antivirus.row(device, assessment.state)
        found.update({file_member(member): health.get(member) for member in _FROM_ANTIVIRUS})
        # An object, as in answers that others have published, has truth values; a text, as recorded, has words.
        is_object = rng.random() < 0.05
        for member, spelled in _VERDICTS.items():
            verdict = health[member]
            found[spelled] = verdict == "True" if is_object and verdict != "Unknown" else verdict
        match device.platform.family:
            case "windows":
                found |= self._windows(health, rng)
            case "linux":
                found |= {"EBPFStatus": "Running", "IsAvEngineLoaded": "true", "Log4j_CVE_2021_44228": None}
                found |= dict.fromkeys(_LINUX_NULLS)
                found["NetworkProtectionMode"] = rng.choice(["audit", "block"])
            case _:
                found["TamperProtection"] = {"mode": "block", "rules": [1, 2]}
        return found if is_object else orjson.dumps(found).decode()

    @staticmethod
    def _windows(health: Row, rng: Random) -> dict[str, Any]:
        scans = {
            kind: {"ScanStatus": health[f"{name}ScanResult"] or None, "ErrorCode": health[f"{name}ScanError"] or "0x0",
                   "Timestamp": health[f"{name}ScanTime"]}
            for kind, name in (("Quick", "quick"), ("Full", "full"))
        }  # fmt: skip
        scans["Custom"] = {"ScanStatus": "Completed", "ErrorCode": "0x0", "Timestamp": health["dataRefreshTimestamp"]}
        settings = {
            f"{protocol[:3]}{side}{protocol[3:]}": "Enabled" if rng.random() < share else "Disabled"
            for protocol, share in _PROTOCOLS
            for side in ("Client", "Server")
        }
        for member in ("SchUseStrongCrypto", "SystemDefaultTlsVersions"):
            for framework in ("35", "35Wow6432", "40", "40Wow6432"):
                settings[member + framework] = rng.choice(("Enabled", "Disabled", "NotConfigured"))
        published = health["avSignaturePublishTime"]
        return settings | {
            "AvScanResults": orjson.dumps(scans).decode() if rng.random() < 0.9 else None,
            "AvEnginePublishTime": published,
            "AvPlatformPublishTime": published,
            "AvPlatformExpirationTime": "2027-06-30T00:00:00Z",
            "AvSignatureRing": "Broad",
            "AvEngineRing": "Broad",
            "AvPlatformRing": "Broad" if rng.random() < 0.9 else "Staged",
            "WdavorHeartbeatEventType": "Heartbeat",
            "AsrConfigurationStates": "1,1,2,0",
            "Log4j_CVE_2021_44228": "NotVulnerable",
            "LocalCveScannerExecuted": "True",
            "Log4jLocalScanVulnerable": "False",
            "Log4JEnvironmentVariableMitigation": "NotConfigured",
            "IsWindowsLtscVersionRunning": "False",
            "Spring4Shell_CVE_2022_22965": "NotVulnerable",
            "CVE_2022_30190_Mitigated": "True",
            "Bootiful_Mind_status": "NotApplicable",
            # Members that nobody has documented yet.
            "SmartScreenLevel": 2,
            "KernelDmaProtection": rng.random() < 0.5,
        }
