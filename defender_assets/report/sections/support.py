"""Software past its end of support, or near it.

Here: the rows of ``software_end_of_support`` that need somebody. Not here: exposure of all products (``exposure.py``).
"""

from dataclasses import dataclass
from datetime import datetime

from ..snapshot import DaySnapshot
from .excerpt import Excerpt


@dataclass(frozen=True)
class SoftwareOutOfSupport:
    """A version of a product on eligible devices, and what is left of its support."""

    software_vendor: str | None
    software_name: str | None
    software_version: str | None
    status: str
    end_of_support_date: datetime | None
    days_since_end: int | None
    days_until_end: int | None
    devices: int
    cves: int | None
    kev_cves: int | None

    @property
    def ends_within_90_days(self) -> bool:
        """Whether its support ends by a date that near; of what ends soon by the service's word alone nobody knows."""
        return self.days_until_end is not None and 0 <= self.days_until_end <= 90


def unsupported_software(snapshot: DaySnapshot) -> Excerpt[SoftwareOutOfSupport] | None:
    """What has ended first, then what ends soon. None where the table is absent."""
    if not snapshot.has("software_end_of_support"):
        return None
    sql = (
        f"SELECT * FROM software_end_of_support_history WHERE snapshot_date = '{snapshot.day}' AND devices > 0 "
        "AND status <> 'supported_until' ORDER BY status, devices DESC"
    )
    return Excerpt(*snapshot.first(SoftwareOutOfSupport, "unsupported_products"), sql)
