"""Which days of an event table are behind the service: what the service has changed compared with what was published.

Here: the comparison, row by row, with the partitions in the lake. Not here: refreshing them, and when
(``orchestration``).

Nothing but the lake is asked what was published: a refresh that failed, was killed or was undone is simply still
missing, and one that somebody made by hand counts. The note ``caught_up`` (``changes.py``) only spares the service from
being asked for everything each time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from ..api import DefenderClient
from ..catalog import CursorPages, Dataset, ODataPages
from ..lake import Lake
from .changes import MARGIN, caught_up_to, updated_rows
from .days import Window, remembered

MISSING = "missing"
_SETTLED = timedelta(hours=6)
"""The feed of changes is made every six hours
(https://learn.microsoft.com/en-us/defender-endpoint/api/get-assessment-software-vulnerabilities), so a day is told in
full six hours after its end."""


@dataclass(frozen=True)
class Behind:
    """Day -> the newest change that is not in the lake (``missing`` where the whole partition is not).

    ``caught_up_to``: every change up to then is in the lake; None as long as that cannot be said.
    """

    days: Mapping[date, str] = field(default_factory=dict)
    caught_up_to: datetime | None = None


def days_behind(client: DefenderClient, dataset: Dataset, lake: Lake, now: datetime) -> Behind:
    """Looks at the service (one question a look, one more behind its last page where something changed) and at the
    lake. Raises what ``client.get`` and the lake raise: a failed look says nothing about what changed."""
    window = remembered(dataset, now.astimezone(UTC).date())
    match dataset.fetch:
        case ODataPages(time_filter=str()):
            return _updated(client, dataset, lake, window, now)
        case CursorPages(since=str()):
            return _unsettled(dataset, lake, window)
        case other:
            raise TypeError(f"{dataset.name}: {type(other).__name__} is no way to ask for events")


def _updated(client: DefenderClient, dataset: Dataset, lake: Lake, window: Window, now: datetime) -> Behind:
    noted = caught_up_to(lake, dataset)
    there = set(lake.dates(dataset.name))
    since = None if noted is None else max(noted - MARGIN, window.start)
    wanted = window.dates if since is None else Window(min(since.date(), window.last), window.last).dates
    missing = dict.fromkeys((day for day in wanted if day not in there), MISSING)
    if since is None and missing:
        # The first time: what was never fetched need not be compared.
        return Behind(missing)
    newest: dict[date, datetime] = {}
    earliest: datetime | None = None
    listed = pa.concat_tables(
        [_brief(rows, dataset) for rows in updated_rows(client, dataset, since or window.start, now)]
        or [_brief(dataset.schema.empty_table(), dataset)]
    )
    for day in sorted(set(listed["day"].to_pylist())):
        if not window.first <= day <= window.last:
            continue
        told = listed.filter(pc.equal(listed["day"], pa.scalar(day, pa.date32())))
        unpublished = _unpublished(told, lake, dataset, day if day in there else None)
        if unpublished:
            newest[day] = max(unpublished)
            earliest = min([*unpublished, earliest] if earliest else unpublished)
    days = missing | {day: moment.isoformat() for day, moment in newest.items()}
    if missing:
        return Behind(days, noted)
    return Behind(days, min(now, earliest) if earliest else now)


def _brief(rows: pa.Table, dataset: Dataset) -> pa.Table:
    key = dataset.key[0]
    brief = pa.table(
        {"key": rows[key], "updated": rows["last_update_time"], "day": rows[dataset.event_time].cast(pa.date32())}
    )
    return brief.filter(pc.is_valid(brief["day"]))


def _unpublished(told: pa.Table, lake: Lake, dataset: Dataset, day: date | None) -> list[datetime]:
    """The times of the updates that the day's partition does not have."""
    published: Mapping[str, datetime] = {}
    if day is not None:
        rows = lake.read(dataset.name, day, columns=[dataset.key[0], "last_update_time"])
        published = dict(zip(rows[dataset.key[0]].to_pylist(), rows["last_update_time"].to_pylist(), strict=True))
    pairs: Iterable[tuple[str, datetime]] = zip(told["key"].to_pylist(), told["updated"].to_pylist(), strict=True)
    return [updated for key, updated in pairs if (former := published.get(key)) is None or former < updated]


def _unsettled(dataset: Dataset, lake: Lake, window: Window) -> Behind:
    """A feed is only added to: a day is behind until it was observed when nothing can be added any more."""
    there = set(lake.dates(dataset.name))
    days: dict[date, str] = {}
    for day in window.dates:
        if day not in there:
            days[day] = MISSING
            continue
        observed = datetime.fromisoformat(lake.metadata(dataset.name, day)["observed_at"])
        if observed < Window(day, day).end + _SETTLED:
            days[day] = observed.isoformat()
    return Behind(days)
