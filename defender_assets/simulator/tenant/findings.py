"""Rows of the software vulnerabilities per device.

Here: one row per device, installed version and CVE, and one without a CVE where the version has none, in the form of
the JSON pages and in that of the export files. Not here: the CVEs (``cves.py``), what changed (``changes.py``).
"""

from calendar import month_name
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from .cves import Cve
from .device_groups import DeviceGroup
from .fleet import Device
from .formats import Row, file_row, tvm_fraction, tvm_time
from .installed_software import InstalledSoftware
from .inventory import Inventory, device_members, groups_of
from .products import SoftwareProduct, SoftwareVersion
from .randomness import rng_for
from .state import Assessment


class Findings:
    """The software vulnerabilities of a tenant."""

    def __init__(self, software: InstalledSoftware, inventory: Inventory) -> None:
        self.software = software
        self.inventory = inventory
        self.shape = software.shape
        self._versions: dict[tuple[int, bool], dict[str, Any]] = {}
        self._cve_members_kept: dict[tuple[int, int, bool, str | None, bool], dict[str, Any]] = {}
        self._exceptions: dict[int, str | None] = {}
        self._no_cve = {files: self._no_cve_members(files=files) for files in (False, True)}

    def count(self, device: Device, assessment: Assessment) -> int:
        """How many rows the device has."""
        if not self.software.is_assessed(device):
            return 0
        affecting = self.software.affecting
        return sum(max(1, len(affecting(*found))) for found in self.software.installed_on(device)) * len(
            groups_of(device)
        )

    def rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        """The device's rows as the JSON pages have them."""
        return self._rows(device, assessment, files=False)

    def file_rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        """The device's rows as the export files have them, with members of the change feed besides."""
        return self._rows(device, assessment, files=True)

    def _rows(self, device: Device, assessment: Assessment, *, files: bool) -> Iterator[Row]:
        if not self.software.is_assessed(device):
            return
        times = SeenTimes(self.shape.seed, device, assessment)
        first_name, id_name = ("FirstSeenTimestamp", "Id") if files else ("firstSeenTimestamp", "id")
        installed = self.software.installed_on(device)
        device_id = device.id
        for group in groups_of(device):
            head = self.head(device, group, times, assessment, files=files)
            for product, version in installed:
                ours = self.version_members(product, version, files=files)
                prefix = f"{device_id}_{product.vendor or ''}_{product.name}_{version.text}_"
                affecting = self.software.affecting(product, version)
                if not affecting:
                    yield {
                        id_name: prefix,
                        **head,
                        **ours,
                        **self._no_cve[files],
                        first_name: times.device_first,
                    }
                for cve, fixed in affecting:
                    yield {
                        id_name: prefix + cve.id,
                        **head,
                        **ours,
                        **self.cve_members(
                            product, cve, fixed=fixed, mitigation=self.mitigation(cve, group), files=files
                        ),
                        first_name: times.first_seen(cve),
                    }

    def head(
        self, device: Device, group: DeviceGroup, times: "SeenTimes", assessment: Assessment, *, files: bool
    ) -> Row:
        """The members that are the same in all rows of a device."""
        head = device_members(device, group)
        head["osVersion"] = self.software.os_version(device)
        head["osArchitecture"] = "arm64" if device.platform.family in ("macos", "ios") else "x64"
        head["lastSeenTimestamp"] = times.last_seen
        if not files:
            return head
        # Documented for the change feed only, but seen in the files of the full export too.
        head |= {
            "isOnboarded": True,
            "status": "New",
            "eventTimestamp": tvm_time(assessment.generated.replace(minute=0)),
        }
        return file_row(head)

    def version_members(self, product: SoftwareProduct, version: SoftwareVersion, *, files: bool) -> Row:
        """The members that are the same in all rows of a version."""
        members = self._versions.get((version.number, files))
        if members is None:
            members = {
                "softwareVendor": product.vendor,
                "softwareName": product.name,
                "softwareVersion": version.text,
                "recommendationReference": f"va-_-{product.id}",
                "diskPaths": list(product.disk_paths),
                "registryPaths": list(product.registry_paths),
                **self.inventory.support_of(product, version),
            }
            if members["endOfSupportStatus"] == "None":
                members["endOfSupportStatus"] = None
            if files:
                members = file_row(members)
            self._versions[version.number, files] = members
        return members

    def _no_cve_members(self, *, files: bool) -> Row:
        """The members of software without a known CVE. It is listed too and proves that the device was assessed."""
        members: dict[str, Any] = {
            "cveId": None,
            "vulnerabilitySeverityLevel": None,
            "cvssScore": 0,
            "exploitabilityLevel": "NoExploit",
            "recommendedSecurityUpdate": None,
            "recommendedSecurityUpdateId": None,
            "recommendedSecurityUpdateUrl": None,
            "securityUpdateAvailable": False,
            "cveMitigationStatus": None,
        }
        return self._in_form(members, files=files)

    def mitigation(self, cve: Cve, group: DeviceGroup) -> str | None:
        """The mitigation status of a CVE on the devices of a group. Under an exception for some device groups, those
        of even id are the ones."""
        if cve.number not in self._exceptions:
            self._exceptions[cve.number] = self.software.cve_catalog.exception(cve)
        if self._exceptions[cve.number] == "PartialException":
            return "Mitigated" if group.id % 2 == 0 else None
        return "Workaround applied" if cve.number and cve.number % 40 == 0 else None

    def cve_members(
        self, product: SoftwareProduct, cve: Cve, *, fixed: bool, mitigation: str | None, files: bool
    ) -> Row:
        """The members that are the same in all rows of a CVE in a product, with that mitigation."""
        key = (product.number, cve.number, fixed, mitigation, files)
        members = self._cve_members_kept.get(key)
        if members is None:
            members = {
                "cveId": cve.id,
                "vulnerabilitySeverityLevel": cve.severity,
                "cvssScore": int(cve.score) if cve.score.is_integer() and cve.number % 2 else cve.score,
                "exploitabilityLevel": cve.exploitability,
                **self._update(product, cve, fixed),
                "securityUpdateAvailable": fixed,
                "cveMitigationStatus": mitigation,
            }
            if files and members["recommendedSecurityUpdateId"]:
                members["cveBatchTitle"] = members["recommendedSecurityUpdate"]
                members["cveBatchUrl"] = members["recommendedSecurityUpdateUrl"]
            members = self._in_form(members, files=files)
            self._cve_members_kept[key] = members
        return members

    def _in_form(self, members: dict[str, Any], *, files: bool) -> Row:
        if not files:
            return members
        if not self.shape.security_update_available:
            members = {k: v for k, v in members.items() if k != "securityUpdateAvailable"}
        return file_row(members)

    def _update(self, product: SoftwareProduct, cve: Cve, fixed: bool) -> dict[str, str | None]:
        name = number = url = None
        at = cve.published
        if fixed and product.category == "Operating system" and product.vendor == "microsoft":
            name = f"{month_name[at.month]} {at.year} Security Updates"
            number = str(5_030_000 + at.toordinal() % 40_000)
            url = f"https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB{number}"
        elif fixed and product.vendor == "red_hat":
            name = number = f"RHSA-{at.year}:{cve.number:04d}"
            url = f"https://access.redhat.com/errata/{number}"
        elif fixed and product.vendor == "ubuntu":
            name = number = f"USN-{6_000 + cve.number}-1"
            url = f"https://ubuntu.com/security/notices/{number}"
        return {
            "recommendedSecurityUpdate": name,
            "recommendedSecurityUpdateId": number,
            "recommendedSecurityUpdateUrl": url,
        }


class SeenTimes:
    """When a device's CVEs were first and last seen: first on the day the CVE becomes known, at the device's own hour,
    or when the device was first seen, whichever is later."""

    def __init__(self, seed: int, device: Device, assessment: Assessment) -> None:
        rng = rng_for(seed, "findings", device.number)
        self._second_of_day = int(rng.random() * 86_400)
        hours, seconds = divmod(self._second_of_day, 3_600)
        self._clock = f" {hours:02d}:{seconds // 60:02d}:{seconds % 60:02d}{tvm_fraction(rng)}"
        self._arrived = device.first_seen + timedelta(hours=1)
        self.device_first = tvm_time(self._arrived, tvm_fraction(rng))
        last = min(device.last_seen, assessment.generated) - timedelta(minutes=int(rng.random() * 300))
        self.last_seen = tvm_time(last, tvm_fraction(rng))

    def first_seen(self, cve: Cve) -> str:
        return cve.seen_day + self._clock if cve.seen_from > self._arrived else self.device_first

    def first_moment(self, cve: Cve) -> datetime:
        """The same as a time, cut to the second."""
        if cve.seen_from > self._arrived:
            return cve.seen_from + timedelta(seconds=self._second_of_day)
        return self._arrived
