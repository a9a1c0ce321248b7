"""One feed of a day: its fresh rows, its former ones, or none.

Here: the decision, and why. Not here: publishing the rows (``feed_refresh.py``), the words for people (``account.py``).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from ...api import Clock
from ...reference import Before, Feed, FeedError, Provenance, SharedCopies, fetch_feed
from ...reference.source import Off, Source
from ..outcome import Status
from .former import Former


@dataclass(frozen=True)
class FeedReading:
    """What is used of a feed. ``rows`` is None where there are none; ``told`` is how many entries it told just now.
    ``reason`` and ``remedy`` say why the rows are former ones, or absent."""

    feed: Feed
    status: Status
    rows: pa.Table | None = None
    provenance: Provenance | None = None
    told: int = 0
    reason: str | None = None
    remedy: str | None = None
    unreadable: int = 0
    examples: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()

    def age(self, now: datetime) -> timedelta | None:
        """The age of the rows in use, None without any."""
        return None if self.provenance is None else self.provenance.age(now)


def read_feed(
    feed: Feed,
    source: Source,
    former: Former | None,
    *,
    now: datetime,
    cves: Collection[str] | None,
    ca_bundle: Path | None,
    allow_collapse: bool,
    clock: Clock | None,
    copies: SharedCopies | None = None,
) -> FeedReading:
    """Fetches the feed. Where that fails, its former rows are used, marked ``stale`` with the reason and with the time
    at which they were really fetched. Raises SettingsError for certificates that cannot be used; never FeedError."""
    provenance = former.provenances.get(feed.name) if former else None
    if isinstance(source, Off):
        return _switched_off(feed, former, provenance)
    before = None
    if former and provenance:
        before = Before(provenance.entries, former.rows_of(feed) if feed.join else None, withdrawn=allow_collapse)
    try:
        if copies is not None and provenance is not None:
            copies = replace(copies, after=provenance.fetched_at)
        fetched = fetch_feed(
            feed, source, cves=cves, ca_bundle=ca_bundle, now=now, before=before, clock=clock, copies=copies
        )
    except FeedError as error:
        if former is None or provenance is None:
            return FeedReading(feed, Status.ABSENT, reason=error.what, remedy=error.remedy)
        return FeedReading(
            feed,
            Status.KEPT,
            rows=former.rows_of(feed),
            provenance=replace(provenance, stale=True, reason=error.what),
            reason=error.what,
            remedy=error.remedy,
        )
    return FeedReading(
        feed,
        Status.PUBLISHED,
        rows=fetched.table,
        provenance=Provenance.of(fetched),
        told=fetched.entries,
        unreadable=fetched.unreadable,
        examples=fetched.examples,
        missed=fetched.missed,
    )


def _switched_off(feed: Feed, former: Former | None, provenance: Provenance | None) -> FeedReading:
    """What a live feed of several told before it was switched off stays a fact, and ages. A catalogue that is switched
    off is not to be used."""
    if former is None or provenance is None or not former.is_of_several or feed.shipped:
        return FeedReading(feed, Status.OFF)
    return FeedReading(
        feed, Status.OFF, rows=former.rows_of(feed), provenance=replace(provenance, stale=True, reason="switched off")
    )
