"""One refresh of one feed: the day's snapshot from a fresh copy, or from the former one when that fails.

Here: fetch, store, keep, and say which it was. Not here: formats, HTTP, what Dagster calls it.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import httpx
import pyarrow as pa

from ..lake import Lake, NoSnapshot, Published, UnreadableSnapshot
from ..reference.errors import FeedError
from ..reference.feeds import Feed
from ..reference.fetch import fetch_feed
from ..reference.provenance import Provenance
from ..reference.source import Off, Shipped, source_of


class FeedStatus(StrEnum):
    """FETCHED: fresh rows. KEPT: the fetch failed and the former rows stay. ABSENT: there are no rows to use.
    OFF: switched off by its setting."""

    FETCHED = "fetched"
    KEPT = "kept"
    ABSENT = "absent"
    OFF = "off"


@dataclass(frozen=True)
class FeedOutcome:
    """What a refresh of a feed came to. ``published`` is None where nothing was written.

    ``age`` is that of the rows in use (None without any), ``fresh`` whether it is within the feed's limit. ``reason``
    and ``remedy`` say why the rows are not fresh, or not there.
    """

    feed: str
    status: FeedStatus
    rows: int = 0
    provenance: Provenance | None = None
    age: timedelta | None = None
    fresh: bool = False
    reason: str | None = None
    remedy: str | None = None
    published: Published | None = None
    unreadable: int = 0
    examples: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        """One sentence for people."""
        why = f" ({self.reason})" if self.reason else ""
        match self.status:
            case FeedStatus.OFF:
                return f"{self.feed} is switched off; the columns that need it are empty."
            case FeedStatus.ABSENT:
                return f"{self.feed} is absent{why}; the columns that need it are empty."
            case FeedStatus.KEPT:
                return f"{self.feed} could not be fetched{why}; its {self.rows:,} former rows are kept, {self._old}."
        late = "" if self.fresh else ", which is older than it should be"
        return f"{self.feed} has {self.rows:,} rows, {self._old}{late}."

    @property
    def _old(self) -> str:
        days = self.age.days if self.age else 0
        return "less than a day old" if days == 0 else f"{days} day{'' if days == 1 else 's'} old"


@dataclass(frozen=True)
class _Former:
    """The newest snapshot up to the day. Its rows are read only if they are needed."""

    day: date
    entries: int
    provenance: Provenance


def refresh_feed(
    feed: Feed,
    *,
    lake: Lake,
    day: date,
    setting: str | None = None,
    cves: Collection[str] | None = None,
    ca_bundle: Path | None = None,
    transport: httpx.BaseTransport | None = None,
    allow_collapse: bool = False,
    now: datetime | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> FeedOutcome:
    """Writes the day's partition of the feed.

    ``setting`` is what the feed's variable says. When the fetch fails and there is a former snapshot, the day gets its
    rows, marked ``stale`` with the reason and with the time at which they were really fetched. Without one nothing is
    written. Raises SettingsError for a setting that cannot be followed and LakeError for a lake that cannot be written;
    never FeedError.
    """
    observed_at = now or datetime.now(UTC)
    place = source_of(feed, setting)
    if isinstance(place, Off):
        return FeedOutcome(feed.name, FeedStatus.OFF)
    former = _former(feed, lake, day)
    try:
        fetched = fetch_feed(
            feed,
            source=setting,
            cves=cves,
            ca_bundle=ca_bundle,
            transport=transport,
            now=observed_at,
            former_entries=former.entries if former and not allow_collapse else None,
            sleep=sleep,
        )
    except FeedError as error:
        return _kept(feed, lake, day, former, error, observed_at)
    provenance = Provenance.of(fetched)
    age = provenance.age(observed_at)
    fresh = age <= feed.fresh_for
    if isinstance(place, Shipped) and not fresh:
        return _outdated(feed, age, provenance)
    return FeedOutcome(
        feed.name,
        FeedStatus.FETCHED,
        rows=fetched.rows,
        provenance=provenance,
        age=age,
        fresh=fresh,
        published=_written(feed, lake, day, fetched.table, provenance, observed_at),
        unreadable=fetched.unreadable,
        examples=fetched.examples,
    )


def _written(
    feed: Feed, lake: Lake, day: date, rows: pa.Table, provenance: Provenance, observed_at: datetime
) -> Published:
    metadata = provenance.metadata(feed) | {"observed_at": observed_at.isoformat()}
    with lake.writing(feed.table, day, metadata) as writer:
        writer.write(rows)
        return writer.publish()


def _outdated(feed: Feed, age: timedelta, provenance: Provenance) -> FeedOutcome:
    """What ships with the package is as old as the package: past its limit it would call old releases the newest ones,
    which is worse than doing without."""
    return FeedOutcome(
        feed.name,
        FeedStatus.ABSENT,
        provenance=provenance,
        age=age,
        reason=f"the copy that ships with this package is {age.days} days old, more than {feed.fresh_for.days}",
        remedy=f"Name a current one in {feed.variable}: {feed.format}",
    )


def _kept(feed: Feed, lake: Lake, day: date, former: _Former | None, error: FeedError, now: datetime) -> FeedOutcome:
    if former is None:
        return FeedOutcome(feed.name, FeedStatus.ABSENT, reason=error.what, remedy=error.remedy)
    age = former.provenance.age(now)
    provenance, published = former.provenance, None
    if former.day == day:
        # The day's own snapshot, of an earlier refresh, stays as it is.
        rows = lake.rows(feed.name, day)
    else:
        table = _conformed(feed, lake.read(feed.name, former.day))
        rows = table.num_rows
        provenance = replace(provenance, stale=True, reason=error.what)
        published = _written(feed, lake, day, table, provenance, now)
    return FeedOutcome(
        feed.name,
        FeedStatus.KEPT,
        rows=rows,
        provenance=provenance,
        age=age,
        fresh=age <= feed.fresh_for,
        reason=error.what,
        remedy=error.remedy,
        published=published,
    )


def _former(feed: Feed, lake: Lake, day: date) -> _Former | None:
    """The newest snapshot that can be read and says where it comes from, up to the day."""
    for known in sorted((found for found in lake.dates(feed.name) if found <= day), reverse=True):
        try:
            provenance = Provenance.read(lake.metadata(feed.name, known))
        except (NoSnapshot, UnreadableSnapshot):
            continue
        if provenance is not None:
            return _Former(known, provenance.entries, provenance)
    return None


def _conformed(feed: Feed, rows: pa.Table) -> pa.Table:
    """Rows of an older version of the package: what the table has gained since is null."""
    columns = [
        rows.column(field.name).cast(field.type) if field.name in rows.column_names else pa.nulls(len(rows), field.type)
        for field in feed.table.schema
    ]
    return pa.Table.from_arrays(columns, schema=feed.table.schema)
