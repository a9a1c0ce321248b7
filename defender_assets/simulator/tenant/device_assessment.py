"""What the smaller assessments of devices have in common.

Here: counting a device's rows, repeating them for its device groups, and the form of the export files. Not here: the
rows (``non_cpe_software.py``, ``browser_extensions.py``, ``hardware.py``, ``certificates.py``, ``baselines.py``).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from .fleet import Device
from .formats import Row, file_row
from .inventory import device_members, groups_of
from .state import Assessment


class DeviceAssessment(ABC):
    """An assessment with few rows per device."""

    @abstractmethod
    def rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        """The device's rows as the JSON pages have them."""

    def file_rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        """The device's rows as the export files have them."""
        return map(file_row, self.rows(device, assessment))

    def count(self, device: Device, assessment: Assessment) -> int:
        """How many rows the device has."""
        return sum(1 for _ in self.rows(device, assessment))


def in_each_group(device: Device, rows: Sequence[Row], *, platform: bool = True) -> Iterator[Row]:
    """The rows after the members of their device, once for each of its groups; without ``platform``, without that
    member."""
    for group in groups_of(device):
        head = device_members(device, group)
        if not platform:
            del head["osPlatform"]
        for row in rows:
            yield {**head, **row}
