"""Rows of the secure configuration per device.

Here: the controls and who complies. Not here: which devices there are (``fleet.py``).
Control ids are the service's (scid-…); those of the sensor and the antivirus are the ones that agent policies require.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from .fleet import Device, Discipline, RecordKind
from .formats import Row, file_row, tvm_fraction, tvm_time
from .installed_software import InstalledSoftware
from .inventory import device_members, groups_of
from .randomness import rng_for
from .state import Assessment


@dataclass(frozen=True)
class Control:
    """``impact`` is the weight in the score, ``families`` where it applies, ``kept`` how many comply."""

    id: str
    name: str
    category: str
    subcategory: str
    impact: float
    families: tuple[str, ...]
    kept: float
    has_user_impact: bool = False


_ASR = "Attack Surface Reduction"
_ALL = ("windows", "macos", "linux")
_WINDOWS = ("windows",)
_SECURITY, _OS, _NETWORK, _ACCOUNTS, _APPLICATION = "Security controls", "OS", "Network", "Accounts", "Application"

CONTROLS = (
    Control("scid-2000", "Turn on Microsoft Defender for Endpoint sensor", _SECURITY, "EDR", 10, _WINDOWS, 0.99),
    Control("scid-2001", "Fix sensor data collection", _SECURITY, "EDR", 9, _WINDOWS, 0.97),
    Control("scid-2002", "Fix impaired communications", _SECURITY, "EDR", 9, _WINDOWS, 0.97),
    Control("scid-2003", "Turn on Tamper Protection", _SECURITY, "Antivirus", 8, _ALL, 0.9),
    Control("scid-2010", "Turn on Microsoft Defender Antivirus", _SECURITY, "Antivirus", 10, _WINDOWS, 0.97),
    Control("scid-2011", "Update antivirus definitions", _SECURITY, "Antivirus", 9, _WINDOWS, 0.93),
    Control("scid-6095", "Update antivirus definitions (Linux)", _SECURITY, "Antivirus", 9, ("linux",), 0.9),
    Control("scid-2012", "Turn on real-time protection", _SECURITY, "Antivirus", 9.5, _ALL, 0.96),
    Control("scid-2013", "Turn on PUA protection in block mode", _SECURITY, "Antivirus", 5, _ALL, 0.7, True),
    Control("scid-2014", "Fix antivirus reporting", _SECURITY, "Antivirus", 0, _WINDOWS, 0.95),
    Control("scid-2016", "Enable cloud-delivered protection", _SECURITY, "Antivirus", 7.5, _ALL, 0.94),
    Control("scid-2030", "Update the EDR sensor of down-level servers", _SECURITY, "EDR", 8, _WINDOWS, 0.8),
    Control("scid-91", "Enable behaviour monitoring", _SECURITY, "Antivirus", 7, _ALL, 0.95),
    Control("scid-90", "Enable scanning of e-mail", _SECURITY, "Antivirus", 4, _WINDOWS, 0.6),
    Control("scid-2500", "Block credential stealing (lsass.exe)", _SECURITY, _ASR, 9, _WINDOWS, 0.75),
    Control("scid-2501", "Block executable content from e-mail", _SECURITY, _ASR, 9, _WINDOWS, 0.7, True),
    Control("scid-2090", "Encrypt all BitLocker-supported drives", _SECURITY, "Bitlocker", 9, _WINDOWS, 0.85),
    Control("scid-2070", "Turn on Microsoft Defender Firewall", _SECURITY, "Firewall", 8, _WINDOWS, 0.97),
    Control("scid-96", "Disable SMBv1 client driver", _OS, "", 6, _WINDOWS, 0.92),
    Control("scid-3001", "Disable the built-in Administrator account", _ACCOUNTS, "", 5, _WINDOWS, 0.8),
    Control("scid-3010", "Set minimum password length to 14", _ACCOUNTS, "Password Policy", 6, _ALL, 0.65, True),
    Control("scid-4001", "Disable insecure administrative protocol (Telnet)", _NETWORK, "", 7, _ALL, 0.98),
    Control("scid-5001", "Disable Flash on Adobe Reader DC", _APPLICATION, "", 3, ("windows", "macos"), 0.9),
    Control("scid-5090", "Enable FileVault", _SECURITY, "", 9, ("macos",), 0.88),
    Control("scid-6090", "Turn on real-time protection (Linux)", _SECURITY, "Antivirus", 9, ("linux",), 0.85),
    Control("scid-6001", "Restrict SSH root login", _OS, "", 7, ("linux",), 0.7),
)  # fmt: skip
_KEPT_FACTOR = {Discipline.FRESH: 1.0, Discipline.LAGGING: 0.93, Discipline.NEGLECTED: 0.7}


class Configurations:
    """The secure configuration of a tenant."""

    def __init__(self, software: InstalledSoftware) -> None:
        self.software = software
        self.seed = software.shape.seed

    def is_covered(self, device: Device) -> bool:
        """Assessed devices but phones; now and then one that is not onboarded, then without its name."""
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
        judged = list(self.assess(device))
        for group in groups_of(device):
            head = device_members(device, group)
            head |= {"osVersion": version, "timestamp": assessment_sources}
            if not device.onboarded:
                head |= {"deviceName": None, "osVersion": "NT kernel 6.x"}
            if files:
                head = file_row(head)
            for control, applicable, compliant in judged:
                yield {**head, **_control(control, applicable, compliant, files)}

    def assess(self, device: Device) -> Iterator[tuple[Control, bool, bool]]:
        """(control, applicable, compliant); what does not apply is called compliant, as the service does."""
        rng = rng_for(self.seed, "configuration", device.number)
        factor = _KEPT_FACTOR[device.discipline]
        family = device.platform.family
        for control in CONTROLS:
            if family not in control.families:
                continue
            u = rng.random()
            applicable = not (control.id == "scid-2030" and not device.platform.unified_agent) and u < 0.97
            yield control, applicable, not applicable or rng.random() < control.kept * factor


@cache
def _control(control: Control, applicable: bool, compliant: bool, files: bool) -> Row:
    """What is the same on every device that was judged so."""
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
