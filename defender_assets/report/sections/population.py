"""Which devices were judged, and which records were left out and why.

Here: the populations of ``device_identity``. Not here: the rules themselves (``compliance``).
"""

from dataclasses import dataclass
from datetime import datetime

from ...catalog.derived import POPULATIONS
from ...compliance import Policy
from ..snapshot import DaySnapshot
from ..trend import FleetSummary
from .excerpt import Excerpt


@dataclass(frozen=True)
class PopulationCount:
    """Records of a population, and why they are in it."""

    name: str
    records: int
    why: str


@dataclass(frozen=True)
class RecordLeftOut:
    """A record that is not judged; ``primary_name`` is the surviving record where there is another."""

    device_id: str
    device_name: str | None
    population: str
    os_platform: str | None
    onboarding_status: str | None
    last_seen: datetime | None
    primary_name: str | None


def populations(summary: FleetSummary, policy: Policy) -> list[PopulationCount]:
    """The populations in the order in which they are tried. Their records add up to the machine records."""
    limits = policy.document.population
    why = {
        "merged": "The service merged the record into another of the same device.",
        "excluded": "Excluded from vulnerability management in the portal.",
        "not_onboarded": "Not onboarded to Defender for Endpoint.",
        "duplicate": f"Last seen more than {limits.duplicate_after_days} days ago, while a later record is of the same "
        "device (by its Entra id, or by its name where nothing contradicts it).",
        "inactive": f"No report for more than {limits.inactive_after_days} days.",
        "not_assessed": "No row of vulnerability management, or no last report to believe.",
        "eligible": "Judged: the denominator of every percentage.",
    }
    return [PopulationCount(name, summary.records[name], why[name]) for name in POPULATIONS]


def left_out(snapshot: DaySnapshot) -> Excerpt[RecordLeftOut]:
    """Records that are not judged, population by population."""
    sql = (
        "SELECT device_name, population, primary_device_id, last_seen FROM device_identity_history "
        f"WHERE snapshot_date = '{snapshot.day}' AND population <> 'eligible' ORDER BY 2, 1"
    )
    return Excerpt(*snapshot.first(RecordLeftOut, "records_left_out"), sql)
