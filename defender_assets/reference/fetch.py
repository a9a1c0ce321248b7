"""A feed, fetched and checked: its rows in the catalog's columns, or an error that says what to do.

Here: the one way from a source to a table. Not here: storing it, and what happens when it fails (``refresh/feed.py``).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pyarrow as pa

from ..api import Clock
from ..catalog.table import OBSERVED_AT
from .errors import FeedCollapsed, FeedMalformed, Unreadable
from .feeds import Feed
from .parsed import Parsed
from .receive import Received, receive
from .source import Address, LocalFile, Shipped


@dataclass(frozen=True)
class FetchedFeed:
    """A feed as it was fetched.

    ``table`` has the catalog's schema, sorted by its key. ``dated`` is the feed's own date (None where it has none),
    ``source`` the address without its query, or the file's name; ``entries`` what the feed has before any selection;
    ``unreadable`` the entries that were left out, ``examples`` the first of them with the reason.
    """

    table: pa.Table
    dated: datetime | None
    source: str
    version: str | None
    entries: int
    sha256: str
    fetched_at: datetime
    unreadable: int = 0
    examples: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """The number of rows of ``table``."""
        return int(self.table.num_rows)


def fetch_feed(
    feed: Feed,
    place: Address | LocalFile | Shipped,
    *,
    cves: Collection[str] | None = None,
    ca_bundle: Path | None = None,
    transport: httpx.BaseTransport | None = None,
    now: datetime | None = None,
    former_entries: int | None = None,
    clock: Clock | None = None,
) -> FetchedFeed:
    """Fetches, reads and checks a feed.

    ``place`` is where it is taken from (``source_of`` reads it from the setting). ``cves`` selects entries of feeds
    that can be read by CVE. ``former_entries``: how many entries the feed had before; at least half of them must still
    be there. ``now`` becomes ``observed_at``.

    Raises FeedError, and SettingsError for certificates that cannot be used.
    """
    fetched_at = now or datetime.now(UTC)
    with receive(feed, place, ca_bundle=ca_bundle, transport=transport, clock=clock) as received:
        parsed = _parsed(feed, received, cves if feed.by_cve else None)
        _check_whole(feed, parsed, former_entries)
        return FetchedFeed(
            table=_in_catalog_schema(feed, parsed.rows, fetched_at),
            dated=parsed.dated,
            source=place.shown,
            version=parsed.version,
            entries=parsed.entries,
            sha256=received.sha256,
            fetched_at=fetched_at,
            unreadable=parsed.unreadable,
            examples=parsed.examples,
        )


def _parsed(feed: Feed, received: Received, cves: Collection[str] | None) -> Parsed:
    try:
        return feed.read(received.file, cves)
    except Unreadable as fault:
        raise FeedMalformed(feed.name, f"what came is not the feed: {fault}", _as_published(feed)) from None


def _as_published(feed: Feed) -> str:
    return f"See whether {feed.variable} leads to the feed as published ({feed.format})"


def _check_whole(feed: Feed, parsed: Parsed, former_entries: int | None) -> None:
    if parsed.entries == 0:
        raise FeedCollapsed(feed.name, "the feed has no entries", _as_published(feed))
    examined = parsed.rows.num_rows + parsed.unreadable
    if parsed.unreadable > max(1, feed.tolerated * examined) or parsed.unreadable == examined > 0:
        raise FeedMalformed(
            feed.name,
            f"{parsed.unreadable:,} of {examined:,} entries cannot be read, such as {parsed.examples[0]}",
            _as_published(feed),
        )
    if former_entries and parsed.entries * 2 < former_entries:
        raise FeedCollapsed(
            feed.name,
            f"the feed has {parsed.entries:,} entries and had {former_entries:,}",
            "If that is right, refresh once with DEFENDER_ALLOW_COLLAPSE=true",
        )


def _in_catalog_schema(feed: Feed, rows: pa.Table, observed_at: datetime) -> pa.Table:
    moments = pa.repeat(pa.scalar(observed_at, OBSERVED_AT.arrow), rows.num_rows)
    whole = rows.append_column(OBSERVED_AT.name, moments)
    columns = [whole.column(field.name).cast(field.type) for field in feed.table.schema]
    table = pa.Table.from_arrays(columns, schema=feed.table.schema)
    return table.sort_by([(name, "ascending") for name in feed.table.key])
