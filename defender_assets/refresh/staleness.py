"""Which days of an event table are stale: the service has something for them that the lake does not.

Here: the comparison of the service with what is published, and the note in the lake that keeps it cheap. Not here:
refreshing the days (``dataset/``), and when that is done (``orchestration/automation/``).

What was published is read from the lake and from nowhere else. A refresh that failed, was killed or was undone leaves
its days stale, and one that somebody ran by hand counts. The note only limits how far back the comparison goes.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from ..api import DefenderClient, odata_time
from ..catalog import CursorPages, Dataset, ODataPages
from ..decode import Decoder
from ..lake import Lake, UnreadableSnapshot
from .dataset.odata_pages import odata_walk
from .days import Window, remembered

MISSING = "missing"
"""Stands for the newest change of a day that has no partition, or one that says nothing about when it was read."""
_NOTE = "caught_up"
_MARGIN = timedelta(minutes=10)
"""How far before the noted moment the comparison begins, because the service may list an update late."""
_SETTLED_AFTER = timedelta(hours=6)
"""The change feed is produced every six hours
(https://learn.microsoft.com/en-us/defender-endpoint/api/get-assessment-software-vulnerabilities), so nothing is added
to a day later than six hours after its end."""


@dataclass(frozen=True)
class Staleness:
    """``days``: each stale day with its newest change that is not in the lake (an ISO time, or ``missing``).

    ``caught_up_to``: every change up to then is in the lake; None if that is not known.
    ``caught_up_after_refresh``: the same, once all stale days have been refreshed.
    """

    days: Mapping[date, str] = field(default_factory=dict)
    caught_up_to: datetime | None = None
    caught_up_after_refresh: datetime | None = None


def stale_days(client: DefenderClient, dataset: Dataset, lake: Lake, now: datetime) -> Staleness:
    """The stale days of an event table among those that the service remembers, today included.

    One call if nothing changed, and none if no day was published yet. Raises what the client and the lake raise: if
    the comparison fails, nothing is known about what changed.
    """
    window = remembered(dataset, now.astimezone(UTC).date())
    match dataset.fetch:
        case ODataPages(time_filter=str()):
            return _updated_days(client, dataset, lake, window, now)
        case CursorPages(since=str()):
            return _unsettled_days(dataset, lake, window)
        case other:
            raise TypeError(f"{dataset.name}: {type(other).__name__} is no way to ask for events")


def caught_up_to(lake: Lake, dataset: Dataset) -> datetime | None:
    """The noted moment up to which every change is in the lake; None before the first time."""
    note = lake.note(dataset.name, _NOTE)
    try:
        return None if note is None else datetime.fromisoformat(note["to"])
    except (KeyError, TypeError, ValueError):
        return None  # not our note: as before the first time


def note_caught_up(lake: Lake, dataset: Dataset, moment: datetime | None) -> None:
    """Notes in the lake that every change up to ``moment`` is there. Nothing for None or what is noted already."""
    if moment is not None and moment != caught_up_to(lake, dataset):
        lake.put_note(dataset.name, _NOTE, {"to": moment.isoformat()})


def _updated_days(client: DefenderClient, dataset: Dataset, lake: Lake, window: Window, now: datetime) -> Staleness:
    """Missing days, and days with a row that was updated after its copy in the lake."""
    noted = caught_up_to(lake, dataset)
    published = set(lake.dates(dataset.name))
    since = window.start if noted is None else max(noted - _MARGIN, window.start)
    since_then = Window(min(since.date(), window.last), window.last)
    # Missing days are refreshed even if nothing happened on them: a day without events has an empty partition. A day
    # whose file cannot be read is missing too; nobody can say what is in it.
    missing = {
        day: MISSING for day in since_then.dates if day not in published or lake.observed_at(dataset.name, day) is None
    }
    if len(missing) == len(window.dates):
        return Staleness(missing, caught_up_after_refresh=now)  # the first time there is nothing to compare
    newest: dict[date, str] = {}
    oldest: list[datetime] = []
    updates = _updates(client, dataset, since, now)
    for day in sorted(set(updates["day"].to_pylist())):
        if not window.first <= day <= window.last:
            continue
        of_day = updates.filter(pc.equal(updates["day"], pa.scalar(day, pa.date32())))
        unpublished = _unpublished(of_day, dataset, lake, day if day in published else None)
        if unpublished:
            newest[day] = max(unpublished).isoformat()
            oldest.append(min(unpublished))
    complete_up_to = noted if missing else min([now, *oldest])
    return Staleness(missing | newest, caught_up_to=complete_up_to, caught_up_after_refresh=now)


def _updates(client: DefenderClient, dataset: Dataset, since: datetime, now: datetime) -> pa.Table:
    """Key, time of update and day of every event that was updated at or after ``since``."""
    # Without $expand: the evidence is nine tenths of an alert, and only its times are wanted.
    bare = ODataPages(top=10_000)
    decoder = Decoder(dataset, observed_at=now)
    row_filter = f"lastUpdateTime ge {odata_time(since)}"
    pages = odata_walk(client, dataset, bare, decoder, row_filter=row_filter)
    tables = [_times(rows, dataset) for rows in pages] or [_times(dataset.schema.empty_table(), dataset)]
    updates = pa.concat_tables(tables)
    # The filter once more, so that a service that ignores it costs time but no wrong answer.
    recent = pc.and_(pc.greater_equal(updates["updated"], since), pc.is_valid(updates["day"]))
    return updates.filter(recent)


def _times(rows: pa.Table, dataset: Dataset) -> pa.Table:
    day = rows[dataset.event_time].cast(pa.date32())
    return pa.table({"key": rows[dataset.key[0]], "updated": rows["last_update_time"], "day": day})


def _unpublished(updates: pa.Table, dataset: Dataset, lake: Lake, day: date | None) -> list[datetime]:
    """The times of those updates that the partition of ``day`` lacks; all of them if ``day`` is None (no partition)."""
    published: Mapping[str, datetime | None] = {}
    if day is not None:
        # A damaged partition has nothing that can be relied on; refreshing the day replaces it.
        with suppress(UnreadableSnapshot):
            rows = lake.read(dataset.name, day, columns=[dataset.key[0], "last_update_time"])
            published = dict(zip(rows[dataset.key[0]].to_pylist(), rows["last_update_time"].to_pylist(), strict=True))
    pairs = zip(updates["key"].to_pylist(), updates["updated"].to_pylist(), strict=True)
    return [updated for key, updated in pairs if (copy := published.get(key)) is None or copy < updated]


def _unsettled_days(dataset: Dataset, lake: Lake, window: Window) -> Staleness:
    """A change feed only grows, so a day is stale until it was read at a time when nothing could be added any more."""
    published = set(lake.dates(dataset.name))
    days: dict[date, str] = {}
    for day in window.dates:
        if day not in published:
            days[day] = MISSING
            continue
        observed_at = lake.observed_at(dataset.name, day)
        if observed_at is None or observed_at < Window(day, day).end + _SETTLED_AFTER:
            days[day] = observed_at.isoformat() if observed_at else MISSING
    return Staleness(days)
