"""Which machine records came, went, fell silent or came back since an earlier day.

Here: two days of ``device_identity``, compared. Not here: records that are not judged and why (``population.py``),
devices that are not protected (``coverage.py``).
"""

from dataclasses import dataclass
from datetime import date, datetime

from ...catalog.derived.identity import DEVICE_IDENTITY
from ..snapshot import DaySnapshot
from .excerpt import Excerpt

CHANGES = ("gone", "fell silent", "new", "came back")


@dataclass(frozen=True)
class ChangedRecord:
    """A record of which ``change`` (one of CHANGES) is true. ``population`` is None where it is gone,
    ``former_population`` where it is new."""

    device_id: str
    device_name: str | None
    group_name: str | None
    os_platform: str | None
    population: str | None
    former_population: str | None
    last_seen: datetime | None
    change: str
    of_change: int

    @property
    def known_population(self) -> str | None:
        """The population that it is in, or was."""
        return self.population or self.former_population


@dataclass(frozen=True)
class Arrivals:
    """The records that changed since ``since``."""

    since: date
    records: Excerpt[ChangedRecord]

    @property
    def counts(self) -> list[tuple[str, int]]:
        """(change, records) of each change that there is."""
        found = {record.change: record.of_change for record in self.records.rows}
        return [(change, found[change]) for change in CHANGES if change in found]


def arrivals(snapshot: DaySnapshot, since: date | None) -> Arrivals | None:
    """Compared with the day ``since``. None where one of the two days has no list of devices."""
    if since is None or not snapshot.has(DEVICE_IDENTITY.name) or not snapshot.offer_former(DEVICE_IDENTITY, since):
        return None
    sql = f"""
        SELECT coalesce(n.device_id, f.device_id) AS device_id, n.population, f.population AS former_population
        FROM (SELECT * FROM device_identity_history WHERE snapshot_date = '{snapshot.day}') AS n
        FULL OUTER JOIN (SELECT * FROM device_identity_history WHERE snapshot_date = '{since}') AS f
        ON f.device_id = n.device_id
        WHERE n.device_id IS NULL OR f.device_id IS NULL
        OR (n.population = 'inactive') <> (f.population = 'inactive')
    """
    return Arrivals(since, Excerpt(*snapshot.first(ChangedRecord, "devices_that_came_or_went"), sql))
