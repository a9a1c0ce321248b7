"""Versions of software with known weaknesses, and how many devices run them.

Here: rows of ``software_versions``. Not here: what is out of support (``support.py``), findings (``exposure.py``).
"""

from dataclasses import dataclass
from datetime import datetime

from ..snapshot import DaySnapshot
from .excerpt import Excerpt


@dataclass(frozen=True)
class WeakVersion:
    """A version on eligible devices, and its share of the devices that have the product."""

    software_vendor: str | None
    software_name: str | None
    software_version: str | None
    devices: int
    product_pct: float | None
    weaknesses: int
    support: str | None
    end_of_support_date: datetime | None


def weak_versions(snapshot: DaySnapshot) -> Excerpt[WeakVersion] | None:
    """Those with the most weaknesses over all devices first. None where the table is absent."""
    if not snapshot.has("software_versions"):
        return None
    sql = (
        f"SELECT * FROM software_versions_history WHERE snapshot_date = '{snapshot.day}' AND devices > 0 "
        "AND weaknesses > 0 ORDER BY weaknesses * devices DESC"
    )
    return Excerpt(*snapshot.first(WeakVersion, "weak_versions"), sql)
