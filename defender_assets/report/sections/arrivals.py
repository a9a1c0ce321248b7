"""Which machine records came, went, fell silent or came back since an earlier day.

Here: two days of ``device_identity``, compared. Not here: records that are not judged and why (``population.py``),
devices that are not protected (``coverage.py``).
"""

from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa

from ...catalog.derived.identity import DEVICE_IDENTITY
from ...lake.scoped_fleet import left_out_devices
from ..snapshot import DaySnapshot
from .excerpt import Excerpt

CHANGES = (
    "gone",
    "left the scope",
    "gone or left the scope",
    "fell silent",
    "new",
    "entered the scope",
    "new or entered the scope",
    "came back",
)
_IDS = pa.schema([pa.field("device_id", pa.string())])


@dataclass(frozen=True)
class ChangedRecord:
    """A record of which ``change`` (one of CHANGES) is true. ``population`` is None where it is gone or out
    of the scope, ``former_population`` where it was not there or out of the scope."""

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

    @property
    def is_told_by_scope(self) -> bool:
        """Whether records entered or left the scope, or may have."""
        return any("the scope" in change for change, _ in self.counts)

    @property
    def is_in_doubt(self) -> bool:
        """Whether it is not known of some records whether they only entered or left the scope."""
        return any(" or " in change for change, _ in self.counts)


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
    _offer_left_out(snapshot, since)
    return Arrivals(since, Excerpt(*snapshot.first(ChangedRecord, "devices_that_came_or_went"), sql))


def _offer_left_out(snapshot: DaySnapshot, since: date) -> None:
    """Offers the devices that the scope left out of each of the two days, and whether that is not known."""
    now, former = left_out_devices(snapshot.lake, snapshot.day), left_out_devices(snapshot.lake, since)
    for name, ids in (("devices_out_of_scope", now), ("former_devices_out_of_scope", former)):
        snapshot.offer(name, _IDS.empty_table() if ids is None else pa.table([ids], schema=_IDS))
    snapshot.offer(
        "scope_state",
        pa.table(
            {
                "lacks_devices_out_of_scope": pa.array([now is None], pa.bool_()),
                "lacks_former_devices_out_of_scope": pa.array([former is None], pa.bool_()),
            }
        ),
    )
