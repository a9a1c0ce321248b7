"""Rows of the vulnerabilities by machine and software (``vulnerabilities/machinesVulnerabilities``).

Here: one row per device, CVE and installed version, by position in one long list. Not here: the assessment with the
same findings (``findings.py``).
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, islice

from .findings import Findings
from .fleet import Device
from .formats import Row
from .state import Assessment, TenantState


class DeviceCves:
    """The vulnerabilities of a tenant's devices as a list that is paged by position."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.software = findings.software
        self._places: tuple[TenantState, array[int], list[int]] | None = None

    def size(self, assessment: Assessment) -> int:
        """The number of rows."""
        ends = self._ends(assessment)[1]
        return ends[-1] if ends else 0

    def slice(self, assessment: Assessment, start: int, stop: int) -> Iterator[Row]:
        """The rows from one position to another."""
        devices, ends = self._ends(assessment)
        at = bisect_right(ends, start)
        before = ends[at - 1] if at else 0
        rows = (
            row for index in devices[at:] for row in self._rows(self.software.fleet.device(index, assessment.state))
        )
        return islice(rows, start - before, max(start, stop) - before)

    def _rows(self, device: Device) -> Iterator[Row]:
        for product, version in self.software.installed_on(device):
            for cve, fixed in self.software.affecting(product, version):
                update = self.findings.cve_members(product, cve, fixed=fixed, mitigation=None, files=False)
                number = update["recommendedSecurityUpdateId"]
                # Of the updates of Windows the number; those of Linux distributions have none.
                fixing = number if number and number.isdigit() else None
                parts = (device.id, cve.id, product.vendor or "", product.name, version.text, fixing or "")
                yield {
                    "id": "-_-".join(parts),
                    "cveId": cve.id,
                    "machineId": device.id,
                    "fixingKbId": fixing,
                    "productName": product.name,
                    "productVendor": product.vendor,
                    "productVersion": version.text,
                    "severity": cve.severity,
                }

    def _ends(self, assessment: Assessment) -> tuple["array[int]", list[int]]:
        """The devices with rows, and the position after the last row of each. The last result is kept."""
        if self._places is None or self._places[0] is not assessment.state:
            devices, counts = array("I"), []
            for device in self.software.fleet.devices(assessment.state):
                if self.software.is_assessed(device):
                    installed = self.software.installed_on(device)
                    devices.append(device.number)
                    counts.append(sum(len(self.software.affecting(*found)) for found in installed))
            self._places = (assessment.state, devices, list(accumulate(counts)))
        return self._places[1], self._places[2]
