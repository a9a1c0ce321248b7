"""Rows of the machine list.

Here: one machine entity per device, with the members, spellings and gaps that were observed. Not here: which devices
there are (``fleet.py``).
"""

from datetime import timedelta
from random import Random
from typing import Any

from .device_kinds import NOT_ONBOARDED, RecordKind
from .fleet import Device, Fleet
from .formats import Row, iso_utc
from .platforms import Platform
from .randomness import digest, guid, rng_for, weighted_choice
from .releases import SENSE_PREVIEW, Releases, yymm
from .state import TenantState

_HEALTH = (
    ("Active", 0.955),
    ("ImpairedCommunication", 0.02),
    ("NoSensorData", 0.015),
    ("Unknown", 0.004),
    ("NoSensorDataImpairedCommunication", 0.006),
)
_RISK = (("None", 0.7), ("Informational", 0.08), ("Low", 0.12), ("Medium", 0.07), ("High", 0.03))
_EXPOSURE = (("None", 0.05), ("Low", 0.45), ("Medium", 0.35), ("High", 0.15))
_TAGS = ("Finance", "VIP", "Kiosk", "Homeoffice", "Produktion", "internetFacing", "Prod-Süd")
_ONBOARDING = {
    RecordKind.DISCOVERED: "CanBeOnboarded",
    RecordKind.UNSUPPORTED: "Unsupported",
    RecordKind.INSUFFICIENT: "InsufficientInfo",
}
_REASONS = ("InactiveDevice", "DuplicateDevice", "DeviceDoesNotExist", "DeviceOutOfScope", "Other")


class Machines:
    """The machine list of a tenant."""

    def __init__(self, fleet: Fleet, releases: Releases) -> None:
        self.fleet = fleet
        self.releases = releases
        self.seed = fleet.shape.seed

    def row(self, device: Device, state: TenantState) -> Row:
        """One machine entity."""
        rng = rng_for(self.seed, "machine", device.number)
        platform, record_kind = device.platform, device.record_kind
        onboarded = device.onboarded
        bare = record_kind is RecordKind.DISCOVERED
        number = device.number
        merged = record_kind is RecordKind.MERGED
        joined = None if rng.random() < 0.03 else platform.is_windows and onboarded and rng.random() < 0.8
        in_entra = device.template.in_entra or (joined and rng.random() < 0.7)
        addresses = self._addresses(device, rng)
        row: Row = {
            "id": device.id,
            "mergedIntoMachineId": self.fleet.id_of(device.original_index)
            if merged and device.original_index is not None
            else None,
            "isPotentialDuplication": record_kind is RecordKind.DUPLICATE and rng.random() < 0.5,
            "isExcluded": record_kind is RecordKind.EXCLUDED,
            "exclusionReason": _REASONS[number % len(_REASONS)] if record_kind is RecordKind.EXCLUDED else None,
            "computerDnsName": device.name,
            "firstSeen": iso_utc(device.first_seen, rng),
            "lastSeen": iso_utc(device.last_seen, rng),
            "osPlatform": platform.os_platform,
            "osVersion": None,
            "osProcessor": None if bare else "arm64" if platform.family == "macos" else "x64",
            "version": platform.version,
            "lastIpAddress": addresses[0]["ipAddress"] or None,
            "lastExternalIpAddress": None if bare else f"203.0.113.{1 + number % 250}",
            "agentVersion": self._agent_version(device, rng) if onboarded else None,
            "osBuild": platform.build,
            "healthStatus": self._health(device, rng, state),
            "deviceValue": "High" if rng.random() < 0.04 else "Low" if rng.random() < 0.03 else "Normal",
            "rbacGroupId": device.group.id,
            "rbacGroupName": device.group.name,
            "riskScore": weighted_choice(rng.random(), _RISK) if onboarded else "None",
            "exposureLevel": weighted_choice(rng.random(), _EXPOSURE) if onboarded else "None",
            "isAadJoined": device.template.in_entra or joined,
            "aadDeviceId": guid(self.seed, "entra device", device.hardware) if in_entra else None,
            "machineTags": self._tags(device, rng),
            "onboardingStatus": _ONBOARDING.get(record_kind, "Onboarded"),
            "osArchitecture": None if bare else "64-bit",
            **self._management(device, rng),
            "ipAddresses": addresses,
            "vmMetadata": self._virtual_machine(device, rng),
        }
        self._vary_members(row, device, rng)
        return row

    def _vary_members(self, row: Row, device: Device, rng: Random) -> None:
        """Adds and removes members that only some of the service's rows have."""
        u = rng.random()
        if u < 0.03 or device.number == 1:
            row["defenderAvStatus"] = "Updated" if u < 0.02 else "NotUpdated"
        elif u < 0.06 or device.number == 2:
            if not self.fleet.shape.as_documented:
                row["assetCriticality"] = {"level": 1 + device.number % 3, "rules": ["Domänencontroller"]}
        elif u < 0.5:
            del row["osVersion"]

    def _health(self, device: Device, rng: Random, state: TenantState) -> str:
        u = rng.random()
        if device.template.health:
            return device.template.health
        if device.record_kind in NOT_ONBOARDED:
            return "Unknown" if device.record_kind is RecordKind.INSUFFICIENT else "Inactive"
        if state.now - device.last_seen > timedelta(days=7):
            return "Inactive"
        return weighted_choice(u, _HEALTH)

    def _tags(self, device: Device, rng: Random) -> list[str]:
        if device.platform.os_platform == "RedHatEnterpriseLinux" and device.number % 3 == 0:
            return [""]  # one empty tag, which is not the same as no tag
        first = _TAGS[int(rng.random() * len(_TAGS))]
        u = rng.random()
        if u < 0.55:
            return []
        return [first] if u < 0.9 else list(dict.fromkeys([first, "", _TAGS[device.number % len(_TAGS)]]))

    def _management(self, device: Device, rng: Random) -> dict[str, str]:
        u = rng.random()
        if not device.onboarded:
            return {"managedBy": "Unknown", "managedByStatus": "Unknown"}
        if device.platform.family in ("windows", "macos") and u < 0.72:
            return {"managedBy": "Intune", "managedByStatus": "Unknown" if u < 0.3 else "Success"}
        if u < 0.85:
            status = "Error" if u > 0.83 else "Success"
            return {"managedBy": "MicrosoftDefenderForEndpoint", "managedByStatus": status}
        return {"managedBy": "Unknown", "managedByStatus": "Unknown"}

    def _addresses(self, device: Device, rng: Random) -> list[Row]:
        number = device.number
        bare = device.record_kind is RecordKind.DISCOVERED
        mac = digest(self.seed, "mac", device.hardware, size=6).hex().upper()
        first = {
            "ipAddress": f"10.{(number >> 16 & 31) * 8 + number % 6}.{number >> 8 & 255}.{number & 255}",
            "macAddress": mac,
            "type": None if bare else "Ethernet",
            "operationalStatus": "Up",
        }
        found = [first]
        if bare:
            return found
        linux = device.platform.family == "linux"
        found.append(
            {
                "ipAddress": "127.0.0.1" if linux else "::1",
                "macAddress": "000000000000" if linux else None,
                "type": "SoftwareLoopback",
                "operationalStatus": "Unknown" if linux else "Up",
            }
        )
        u = rng.random()
        if u < 0.05:
            found.append(
                {"ipAddress": "", "macAddress": "00000000000000E0", "type": "Tunnel", "operationalStatus": "Down"}
            )
        elif u < 0.10:
            # 53 is a type that the service's own enumeration has no name for.
            found.append({"ipAddress": f"fe80::{number:x}", "macAddress": "", "type": "53", "operationalStatus": "Up"})
        elif u < 0.35:
            found.append(
                {
                    "ipAddress": f"2001:db8::{number:x}",
                    "macAddress": f"{mac[:-2]}01",
                    "type": "IEEE80211",
                    "operationalStatus": "Up",
                }
            )
        return found

    def _virtual_machine(self, device: Device, rng: Random) -> dict[str, Any] | None:
        u = rng.random()
        if device.platform.kind != "server" or u > 0.4:
            return None
        known = u < 0.3
        machine = guid(self.seed, "vm", device.number)
        return {
            "vmId": machine,
            "cloudProvider": "Azure" if known else "Unknown",
            "resourceId": f"/virtualMachines/{machine}" if known else None,
            "subscriptionId": guid(self.seed, "subscription") if known else None,
        }

    def _agent_version(self, device: Device, rng: Random) -> str | None:
        lag, digits = self._agent_lag(device, rng), int(rng.random() * 5_000)
        case, family = device.template.agent, device.platform.family
        if case == "missing":
            return None
        if case == "malformed":
            return "Unknown"
        if family == "windows":
            return self._windows_agent(device.platform, case, lag, digits)
        if family == "android":
            return f"1.0.{8412 - 37 * lag}.0101"
        if family == "ios":
            return f"1.1.{70290103 - 10_000 * lag}"
        newest = 1 if family == "macos" else 2
        label = yymm(self.fleet.epoch, newest + lag)
        if case == "app_spelling":
            return f"101.{label}2.{digits % 30:04d}"
        return f"{'20' if family == 'macos' else '30'}.1{label}{digits % 3}.{digits % 30}.0"

    def _windows_agent(self, platform: Platform, case: str | None, lag: int, digits: int) -> str:
        known = self.releases.agent_windows
        sense = str(SENSE_PREVIEW) if case == "preview" else known[min(lag, len(known) - 1)].release
        if platform.unified_agent:
            return f"10.{sense}.{25_857 + digits % 900}.{1000 + digits % 10}"
        return f"10.{sense}.{platform.build}.{1_000 + digits}"

    def _agent_lag(self, device: Device, rng: Random) -> int:
        """Releases (Windows, phones) or months (macOS, Linux) behind the newest."""
        u, v = rng.random(), rng.random()
        match device.template.agent:
            case "current" | "preview" | "app_spelling":
                return 0
            case "behind":
                return 1
            case "expiring":
                return 5
            case "unsupported":
                return 8
        match device.discipline.value:
            case "fresh":
                return 0 if u < 0.9 else 1
            case "lagging":
                return 0 if u < 0.55 else 1 if u < 0.85 else 2
        return int(v * 10)
