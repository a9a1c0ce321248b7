"""Which days of an event table have to be refreshed because something in them changed.

Here: asking what changed since the table was last caught up, and the note of that in the lake. Not here: refreshing.

The note (``caught_up``) is written only after every changed day was published, so a refresh that failed is asked for
again. It lies in the lake, not in Dagster, because the lake is what it tells about.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from ..api import DefenderClient
from ..catalog import CursorPages, Dataset, ODataPages
from ..decode import Decoder
from ..lake import Lake
from .dataset.odata_pages import odata_walk
from .days import Window, remembered

NOTE = "caught_up"
MARGIN = timedelta(minutes=10)
"""Looked back beyond the last look, for changes that the service showed late."""


def caught_up_to(lake: Lake, dataset: Dataset) -> datetime | None:
    """The moment up to which every change is in the lake; None before the first time."""
    note = lake.note(dataset.name, NOTE)
    return None if note is None else datetime.fromisoformat(note["to"])


def note_caught_up(lake: Lake, dataset: Dataset, moment: datetime) -> None:
    """To be called when every day that ``changed_days`` named at ``moment`` has been published."""
    lake.put_note(dataset.name, NOTE, {"to": moment.isoformat()})


def changed_days(client: DefenderClient, dataset: Dataset, since: datetime | None, now: datetime) -> list[date]:
    """The days, ascending, whose events changed after ``since``; everything remembered when ``since`` is None."""
    today = now.astimezone(UTC).date()
    window = remembered(dataset, today)
    if since is None:
        return window.dates
    match dataset.fetch:
        case ODataPages(time_filter=str()):
            # The days since are asked in any case, so that a day without events has its (empty) partition too.
            since_then = Window(min((since - MARGIN).date(), today), today)
            days = _days_of_updates(client, dataset, since - MARGIN, now) | set(since_then.dates)
        case CursorPages(since=str()):
            # A feed of changes is only added to: what came since lies in the days since.
            days = set(Window(min((since - MARGIN).date(), today), today).dates)
        case other:
            raise TypeError(f"{dataset.name}: {type(other).__name__} is no way to ask for events")
    return sorted(day for day in days if window.first <= day <= window.last)


def _days_of_updates(client: DefenderClient, dataset: Dataset, since: datetime, now: datetime) -> set[date]:
    days: set[date] = set()
    for rows in updated_rows(client, dataset, since, now):
        times = rows[dataset.event_time].drop_null()
        days |= {moment.date() for moment in pc.unique(pc.floor_temporal(times, unit="day")).to_pylist()}
    return days


def updated_rows(client: DefenderClient, dataset: Dataset, since: datetime, now: datetime) -> Iterator[pa.Table]:
    """The rows of an event table that were updated at or after ``since``, without what only ``$expand`` brings."""
    # Without $expand: only days and times are wanted, and the evidence is nine tenths of an alert.
    bare = ODataPages(top=10_000)
    decoder = Decoder(dataset, observed_at=now)
    updated = f"lastUpdateTime ge {since:%Y-%m-%dT%H:%M:%SZ}"
    for table in odata_walk(client, dataset, bare, decoder, row_filter=updated):
        # Asked again here, so that a service that ignores the filter costs time and not truth.
        yield table.filter(pc.greater_equal(table["last_update_time"], since))
