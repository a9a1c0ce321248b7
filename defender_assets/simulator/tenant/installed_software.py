"""Which software is installed on which device.

Here: the versions on a device, computed from its seed, and the census: one pass over the fleet that counts devices per
product and CVE. Not here: rows (``inventory.py``, ``findings.py``).
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from .cves import Cve, CveCatalog
from .device_kinds import Discipline, RecordKind
from .fleet import Device, Fleet
from .platforms import VENDORS
from .products import SoftwareProduct, SoftwareVersion, operating_systems
from .randomness import rng_for
from .shape import TenantShape
from .state import TenantState

# Probability of being 0, 1, 2 … versions behind the newest.
_LAGS = {
    Discipline.FRESH: (0.94, 0.06),
    Discipline.LAGGING: (0.62, 0.25, 0.09, 0.04),
    Discipline.NEGLECTED: (0.45, 0.16, 0.12, 0.09, 0.07, 0.05, 0.04, 0.02),
}
_ASSESSED = frozenset({RecordKind.REGULAR, RecordKind.SILENT})
_SILENCE_DAYS = 30
_TWO_VERSIONS = 0.3

Installed = tuple[SoftwareProduct, SoftwareVersion]


@dataclass
class Census:
    """Counts over the assessed devices of one state.

    By product number: devices that have it (``installed``) and devices on which it is vulnerable (``exposed``). By CVE
    number: exposed devices (``cves``) and the first detection.
    """

    installed: Counter[int] = field(default_factory=Counter)
    exposed: Counter[int] = field(default_factory=Counter)
    cves: Counter[int] = field(default_factory=Counter)
    first_detected: dict[int, datetime] = field(default_factory=dict)
    assessment_sources: int = 0


class InstalledSoftware:
    """The installed software of a tenant."""

    def __init__(
        self, shape: TenantShape, fleet: Fleet, products: tuple[SoftwareProduct, ...], cve_catalog: CveCatalog
    ) -> None:
        self.shape = shape
        self.fleet = fleet
        self.products = products
        self.cve_catalog = cve_catalog
        self._systems = operating_systems(products)
        self._linux_kernels = {p.vendor: p for p in products if p.name == "linux_kernel"}
        self._candidates: dict[str, list[tuple[SoftwareProduct, float]]] = {}
        self._rare: dict[str, list[SoftwareProduct]] = {}
        for product in products:
            for kind, fraction_of_devices in product.where.items():
                if product.rare:
                    self._rare.setdefault(kind, []).append(product)
                elif fraction_of_devices:
                    self._candidates.setdefault(kind, []).append((product, fraction_of_devices))
        self._affecting: dict[int, list[tuple[Cve, bool]]] = {}
        self._census: tuple[TenantState, Census] | None = None

    def is_assessed(self, device: Device) -> bool:
        """Whether vulnerability management has rows of the device. It drops devices silent for 30 days."""
        if device.record_kind is RecordKind.DUPLICATE:
            return (self.fleet.epoch - device.last_seen).days < _SILENCE_DAYS
        return device.record_kind in _ASSESSED

    def affecting(self, product: SoftwareProduct, version: SoftwareVersion) -> list[tuple[Cve, bool]]:
        """The CVEs of a version, each with whether an update fixes it."""
        found = self._affecting.get(version.number)
        if found is None:
            found = self._affecting[version.number] = self.cve_catalog.affecting(product, version)
        return found

    def system_of(self, device: Device) -> Installed:
        """The operating system of a device as a product and version."""
        platform = device.platform
        vendor = VENDORS.get(platform.os_platform)
        product = self._linux_kernels[vendor] if vendor else self._systems[platform.product]
        return product, product.versions[_lag(_LAGS[device.discipline], device.os_lag)]

    def os_version(self, device: Device) -> str:
        """The version of the operating system as assessment rows write it."""
        if device.platform.is_windows:
            revision = self.system_of(device)[1].text.rpartition(".")[2]
            return f"10.0.{device.platform.build}.{revision}"
        return device.platform.version if device.platform.family != "linux" else "Linux kernel 5.x"

    def installed_on(self, device: Device) -> list[Installed]:
        """Products and versions of one device, the operating system first. A few have an older version beside the
        newer."""
        rng = rng_for(self.shape.seed, "estate", device.number).random
        lags = _LAGS[device.discipline] if device.os_lag else (1.0,)
        kind = _kind_of(device)
        found = [self.system_of(device)]
        for product, fraction_of_devices in self._candidates.get(kind, ()):
            if rng() < fraction_of_devices:
                versions = product.versions
                lag = _lag(lags, rng())
                found.append((product, versions[lag]))
                if product.category == "Runtime" and rng() < _TWO_VERSIONS and 0 < lag < len(versions) - 1:
                    found.append((product, versions[lag + 1]))
        if rare := self._rare.get(kind):
            for number in sorted({int(rng() * len(rare)) for _ in range(int(rng() * 6))}):
                product = rare[number]
                found.append((product, product.versions[_lag(lags, rng())]))
        return found

    def census(self, state: TenantState) -> Census:
        """The counts of a state. The last result is kept."""
        if self._census is not None and self._census[0] is state:
            return self._census[1]
        census = Census()
        for device in self.fleet.devices(state):
            if self.is_assessed(device):
                self._count(device, census)
        self._census = (state, census)
        return census

    def _count(self, device: Device, census: Census) -> None:
        installed = self.installed_on(device)
        census.assessment_sources += 1
        census.installed.update({product.number for product, _ in installed})
        cves: dict[int, Cve] = {}
        exposed = set()
        for product, version in installed:
            affecting = self.affecting(product, version)
            if affecting:
                exposed.add(product.number)
                cves.update((cve.number, cve) for cve, _ in affecting)
        census.exposed.update(exposed)
        census.cves.update(cves.keys())
        for number, cve in cves.items():
            detected = max(cve.detected, device.first_seen)
            known = census.first_detected.get(number)
            if known is None or detected < known:
                census.first_detected[number] = detected


def _kind_of(device: Device) -> str:
    platform = device.platform
    return platform.os_platform if platform.family == "linux" else f"{platform.family} {platform.kind}"


def _lag(weights: tuple[float, ...], u: float) -> int:
    for lag, weight in enumerate(weights):
        u -= weight
        if u < 0:
            return lag
    return len(weights) - 1
