"""Rows of the secure configuration per device.

Here: the controls and which device complies. Not here: which devices there are (``fleet.py``). Control ids are the
service's (scid-…); those of the sensor and the antivirus are the ones that agent policies require.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from .device_kinds import Discipline, RecordKind
from .fleet import Device
from .formats import Row, file_row, tvm_fraction, tvm_time
from .installed_software import InstalledSoftware
from .inventory import device_members, groups_of
from .randomness import rng_for
from .state import Assessment


@dataclass(frozen=True)
class SecurityControl:
    """One control. ``families`` are the platform families it applies to, ``compliance_rate`` the share of devices that
    comply, ``has_user_impact`` whether users notice it."""

    id: str
    name: str
    category: str
    subcategory: str
    impact: float
    families: tuple[str, ...]
    compliance_rate: float
    has_user_impact: bool = False


_ASR = "Attack Surface Reduction"
_ALL = ("windows", "macos", "linux")
_WIN = ("windows",)
_SECURITY, _OS, _NETWORK, _ACCOUNT, _APPLICATION = "Security controls", "OS", "Network", "Accounts", "Application"

CONTROLS = (
    SecurityControl("scid-2000", "Turn on Microsoft Defender for Endpoint sensor", _SECURITY, "EDR", 10, _WIN, 0.99),
    SecurityControl("scid-2001", "Fix sensor data collection", _SECURITY, "EDR", 9, _WIN, 0.97),
    SecurityControl("scid-2002", "Fix impaired communications", _SECURITY, "EDR", 9, _WIN, 0.97),
    SecurityControl("scid-2003", "Turn on Tamper Protection", _SECURITY, "Antivirus", 8, _ALL, 0.9),
    SecurityControl("scid-2010", "Turn on Microsoft Defender Antivirus", _SECURITY, "Antivirus", 10, _WIN, 0.97),
    SecurityControl("scid-2011", "Update antivirus definitions", _SECURITY, "Antivirus", 9, _WIN, 0.93),
    SecurityControl("scid-6095", "Update antivirus definitions (Linux)", _SECURITY, "Antivirus", 9, ("linux",), 0.9),
    SecurityControl("scid-2012", "Turn on real-time protection", _SECURITY, "Antivirus", 9.5, _ALL, 0.96),
    SecurityControl("scid-2013", "Turn on PUA protection in block mode", _SECURITY, "Antivirus", 5, _ALL, 0.7, True),
    SecurityControl("scid-2014", "Fix antivirus reporting", _SECURITY, "Antivirus", 0, _WIN, 0.95),
    SecurityControl("scid-2016", "Enable cloud-delivered protection", _SECURITY, "Antivirus", 7.5, _ALL, 0.94),
    SecurityControl("scid-2030", "Update the EDR sensor of down-level servers", _SECURITY, "EDR", 8, _WIN, 0.8),
    SecurityControl("scid-91", "Enable behaviour monitoring", _SECURITY, "Antivirus", 7, _ALL, 0.95),
    SecurityControl("scid-90", "Enable scanning of e-mail", _SECURITY, "Antivirus", 4, _WIN, 0.6),
    SecurityControl("scid-2500", "Block credential stealing (lsass.exe)", _SECURITY, _ASR, 9, _WIN, 0.75),
    SecurityControl("scid-2501", "Block executable content from e-mail", _SECURITY, _ASR, 9, _WIN, 0.7, True),
    SecurityControl("scid-2090", "Encrypt all BitLocker-supported drives", _SECURITY, "Bitlocker", 9, _WIN, 0.85),
    SecurityControl("scid-2070", "Turn on Microsoft Defender Firewall", _SECURITY, "Firewall", 8, _WIN, 0.97),
    SecurityControl("scid-96", "Disable SMBv1 client driver", _OS, "", 6, _WIN, 0.92),
    SecurityControl("scid-3001", "Disable the built-in Administrator account", _ACCOUNT, "", 5, _WIN, 0.8),
    SecurityControl("scid-3010", "Set minimum password length to 14", _ACCOUNT, "Password Policy", 6, _ALL, 0.65, True),
    SecurityControl("scid-4001", "Disable insecure administrative protocol (Telnet)", _NETWORK, "", 7, _ALL, 0.98),
    SecurityControl("scid-5001", "Disable Flash on Adobe Reader DC", _APPLICATION, "", 3, ("windows", "macos"), 0.9),
    SecurityControl("scid-5090", "Enable FileVault", _SECURITY, "", 9, ("macos",), 0.88),
    SecurityControl("scid-6090", "Turn on real-time protection (Linux)", _SECURITY, "Antivirus", 9, ("linux",), 0.85),
    SecurityControl("scid-6001", "Restrict SSH root login", _OS, "", 7, ("linux",), 0.7),
)  # fmt: skip
_RATE_FACTOR = {Discipline.FRESH: 1.0, Discipline.LAGGING: 0.93, Discipline.NEGLECTED: 0.7}


class Configurations:
    """The secure configuration of a tenant."""

    def __init__(self, software: InstalledSoftware) -> None:
        self.software = software
        self.seed = software.shape.seed

    def is_covered(self, device: Device) -> bool:
        """Whether the device has rows: assessed ones except phones, and a third of the discovered Windows devices."""
        if device.record_kind is RecordKind.DISCOVERED:
            return device.platform.is_windows and device.number % 3 == 0
        return device.platform.kind != "phone" and self.software.is_assessed(device)

    def count(self, device: Device, assessment: Assessment) -> int:
        if not self.is_covered(device):
            return 0
        family = device.platform.family
        return sum(family in control.families for control in CONTROLS) * len(groups_of(device))

    def rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        """The device's rows as the JSON pages have them."""
        return self._rows(device, assessment, files=False)

    def file_rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        """The device's rows as the export files have them."""
        return self._rows(device, assessment, files=True)

    def _rows(self, device: Device, assessment: Assessment, *, files: bool) -> Iterator[Row]:
        if not self.is_covered(device):
            return
        rng = rng_for(self.seed, "configuration times", device.number)
        at = min(device.last_seen, assessment.generated) - timedelta(minutes=int(rng.random() * 400))
        assessment_sources = tvm_time(at, tvm_fraction(rng))
        version = self.software.os_version(device)
        results = list(self.assess(device))
        for group in groups_of(device):
            head = device_members(device, group)
            head |= {"osVersion": version, "timestamp": assessment_sources}
            if not device.onboarded:
                head |= {"deviceName": None, "osVersion": "NT kernel 6.x"}
            if files:
                head = file_row(head)
            for control, applicable, compliant in results:
                yield {**head, **_control(control, applicable, compliant, files)}

    def assess(self, device: Device) -> Iterator[tuple[SecurityControl, bool, bool]]:
        """(control, applicable, compliant). Controls that do not apply are compliant, as the service reports them."""
        rng = rng_for(self.seed, "configuration", device.number)
        factor = _RATE_FACTOR[device.discipline]
        family = device.platform.family
        for control in CONTROLS:
            if family not in control.families:
                continue
            u = rng.random()
            applicable = not (control.id == "scid-2030" and not device.platform.unified_agent) and u < 0.97
            yield control, applicable, not applicable or rng.random() < control.compliance_rate * factor


@cache
def _control(control: SecurityControl, applicable: bool, compliant: bool, files: bool) -> Row:
    """The members that are the same on every device with this result."""
    members = {
        "configurationId": control.id,
        "configurationCategory": control.category,
        "configurationSubcategory": control.subcategory,
        "configurationImpact": int(control.impact) if float(control.impact).is_integer() else control.impact,
        "isCompliant": compliant,
        "isApplicable": applicable,
        "isExpectedUserImpact": control.has_user_impact,
        "configurationName": control.name,
        "recommendationReference": f"sca-_-{control.id}",
    }
    return file_row(members) if files else members
