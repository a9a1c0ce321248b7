"""Rows of the software inventory and of the product list.

Here: one row per device and installed version, in the form of the JSON pages and in that of the export files; one row
per product. Not here: what is installed (``installed_software.py``).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from .device_groups import DeviceGroup
from .fleet import Device
from .formats import Row, file_row, tvm_fraction, tvm_time
from .installed_software import Census, InstalledSoftware
from .products import SoftwareProduct, SoftwareVersion
from .randomness import rng_for, uniform
from .state import Assessment


def groups_of(device: Device) -> tuple[DeviceGroup, ...]:
    """The device groups of a device's assessment rows: two while it is moving between them."""
    return (device.group,) if device.former_group is None else (device.group, device.former_group)


def device_members(device: Device, group: DeviceGroup) -> Row:
    """The members that every assessment row begins with."""
    return {
        "deviceId": device.id,
        "rbacGroupId": group.id,
        "rbacGroupName": group.tvm_name,
        "deviceName": device.name,
        "osPlatform": device.platform.tvm_name,
    }


class Inventory:
    """The software inventory of a tenant."""

    def __init__(self, software: InstalledSoftware) -> None:
        self.software = software
        self.epoch = software.shape.as_of
        self._pages: dict[int, dict[str, Any]] = {}
        self._files: dict[int, dict[str, Any]] = {}
        self._releases: dict[int, tuple[datetime, str]] = {}

    def count(self, device: Device, assessment: Assessment) -> int:
        """How many rows the device has."""
        if not self.software.is_assessed(device):
            return 0
        return len(self.software.installed_on(device)) * len(groups_of(device))

    def rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        """The device's rows as the JSON pages have them."""
        return self._rows(device, files=False)

    def file_rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        """The device's rows as the export files have them."""
        return self._rows(device, files=True)

    def _rows(self, device: Device, *, files: bool) -> Iterator[Row]:
        if not self.software.is_assessed(device):
            return
        rng = rng_for(self.software.shape.seed, "inventory", device.number)
        clock = f"{int(rng.random() * 24):02d}:{int(rng.random() * 60):02d}:{int(rng.random() * 60):02d}"
        clock += tvm_fraction(rng)
        first = tvm_time(device.first_seen + timedelta(hours=1))
        seen = "SoftwareFirstSeenTimestamp" if files else "softwareFirstSeenTimestamp"
        installed = self.software.installed_on(device)
        for group in groups_of(device):
            head = device_members(device, group)
            if files:
                head = file_row(head)
            for product, version in installed:
                released, day = self._released(product, version)
                first_seen = f"{day} {clock}" if released > device.first_seen else first
                yield {**head, **self._fixed(product, version, files=files), seen: first_seen}

    def _released(self, product: SoftwareProduct, version: SoftwareVersion) -> tuple[datetime, str]:
        found = self._releases.get(version.number)
        if found is None:
            released = self.epoch - timedelta(days=int(self.software.cve_catalog.release_age(product, version.lag)))
            found = self._releases[version.number] = (released, released.date().isoformat())
        return found

    def _fixed(self, product: SoftwareProduct, version: SoftwareVersion, *, files: bool) -> Row:
        """The members that are the same on every device that has the version."""
        store = self._files if files else self._pages
        fixed = store.get(version.number)
        if fixed is None:
            fixed = {
                "softwareVendor": product.vendor,
                "softwareName": product.name,
                "softwareVersion": version.text,
                "numberOfWeaknesses": len(self.software.affecting(product, version)),
                "diskPaths": list(product.disk_paths),
                "registryPaths": list(product.registry_paths),
                **self.support_of(product, version),
            }
            if files:
                fixed = file_row(fixed)
            store[version.number] = fixed
        return fixed

    def support_of(self, product: SoftwareProduct, version: SoftwareVersion) -> dict[str, str | None]:
        """End of support: the text "None" where there is none; the date in one of its two forms, or null."""
        ends = None
        if version.support_ends_days is not None:
            day = (self.epoch + timedelta(days=version.support_ends_days)).date().isoformat()
            ends = (day, f"{day}T00:00:00+00:00", None)[(product.number + version.lag) % 3]
        return {"endOfSupportStatus": version.support, "endOfSupportDate": ends}

    def products(self, census: Census) -> Iterator[Row]:
        """The product list of the assessed devices."""
        for product in self.software.products:
            installed = census.installed[product.number]
            if installed and product.vendor is not None:
                yield self._product(product, installed, census)

    def _product(self, product: SoftwareProduct, installed: int, census: Census) -> Row:
        seed = self.software.shape.seed
        cves = {cve.number: cve for v in product.versions for cve, _ in self.software.affecting(product, v)}
        cve_catalog = [cve for number, cve in cves.items() if census.cves[number]]
        exposed = census.exposed[product.number]
        impact = round(exposed / max(1, census.assessment_sources) * len(cve_catalog) / 10, 7)
        row: Row = {
            "id": product.id,
            "name": product.name,
            "vendor": product.vendor,
            "weaknesses": len(cve_catalog),
            "publicExploit": any(cve.public_exploit for cve in cve_catalog),
            "activeAlert": uniform(seed, "active alert", product.number) < 0.03,
            "exposedMachines": exposed,
            "impactScore": impact or 0,
        }
        if product.number % 5:
            # In the service's schema, but not in every response.
            row |= {"installedMachines": installed, "isNormalized": not product.rare, "category": product.category}
        return row
