"""Rows of the software that has no CPE name.

Here: a few programs of each device that no vulnerability can be matched with, named as they name themselves: with a NUL
at the end, blanks, other alphabets, without a vendor or version. Not here: the other software (``inventory.py``).
"""

from collections.abc import Iterator
from datetime import timedelta

from .device_assessment import DeviceAssessment, in_each_group
from .fleet import Device
from .formats import Row, tvm_fraction, tvm_time
from .installed_software import InstalledSoftware
from .randomness import rng_for
from .state import Assessment

# vendor | name | versions | share; "\0" is a NUL.
_PROGRAMS = {
    "windows": """
contoso tools|label_printer_helper|3.2.0 3.1.4|.25
contoso|Lagerverwaltung Größe L\\0|12.1 12.0 11.7|.2
|scan2folder\\0|1.0|.1
fabrikam|meeting room panel|2025.4.1 2025.3.0|.3
金山软件|办公助手|6.3.1.0|.04
adatum|<b>bold</b> installer|1.4|.05
northwind|vpn profile (corp)||.4
""",
    "macos": """
contoso tools|label_printer_helper|3.2.0|.2
|fontsync agent|0.9 0.8.7|.3
""",
    "linux": """
fabrikam|backup-hook|1.2.0-3|.25
""",
}
_UNINSTALL = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\"

Program = tuple[str | None, str, tuple[str, ...], float]


def _programs(lines: str) -> tuple[Program, ...]:
    found = []
    for line in lines.strip().splitlines():
        vendor, name, versions, share = line.split("|")
        found.append((vendor or None, name.replace("\\0", "\0"), tuple(versions.split()), float(share)))
    return tuple(found)


_BY_FAMILY = {family: _programs(lines) for family, lines in _PROGRAMS.items()}


class NonCpeSoftware(DeviceAssessment):
    """The software without a CPE name of a tenant."""

    def __init__(self, software: InstalledSoftware) -> None:
        self.software = software

    def rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        if not self.software.is_assessed(device):
            return
        rng = rng_for(self.software.shape.seed, "non-cpe", device.number)
        found = []
        for number, (vendor, name, versions, share) in enumerate(_BY_FAMILY.get(device.platform.family, ())):
            u, v, w = rng.random(), rng.random(), rng.random()
            # The first device of each family has all of them, so that the smallest tenant has every oddity.
            if device.number < 3 or u < share:
                at = tvm_time(min(device.last_seen, assessment.generated) - timedelta(hours=20 * v), tvm_fraction(rng))
                path = _UNINSTALL + name.rstrip("\0") if device.platform.is_windows and number % 2 else None
                found.append(
                    {
                        "softwareVendor": vendor,
                        "softwareName": name,
                        "softwareVersion": versions[int(w * len(versions))] if versions else None,
                        "softwareLastSeenTimestamp": at,
                        "registryPath": path,
                    }
                )
        yield from in_each_group(device, found)
