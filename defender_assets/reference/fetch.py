"""A feed, fetched and checked: its rows in the catalog's columns, or an error that says what to do.

Here: the one way from a source to a table. Not here: storing it, and what happens when it fails (``refresh/feed/``).
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.compute as pc

from ..api import Clock
from ..catalog.table import OBSERVED_AT
from .errors import FeedCollapsed, FeedError, FeedMalformed, FeedUnreachable, LessThanBefore, Unreadable
from .feeds import Feed
from .parsed import Parsed
from .receive import Received, receive
from .releases import Occasion
from .shared_copies import SharedCopies
from .source import Address, FilePlace, Several

_IF_RIGHT = "If that is right, refresh once with DEFENDER_ALLOW_COLLAPSE=true"


@dataclass(frozen=True)
class FetchedFeed:
    """A feed as it was fetched.

    ``table`` has the catalog's schema, sorted by its key. ``dated`` is the feed's own date (None where it has none),
    ``source`` the address without its query, or the file's name; ``entries`` what the feed has before any selection;
    ``unreadable`` the entries that were left out, ``examples`` the first of them with the reason; ``missed`` why some
    of several files could not be had.
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
    missed: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """The number of rows of ``table``."""
        return int(self.table.num_rows)


@dataclass(frozen=True)
class Before:
    """What a feed told before: how many entries, of which at least half must still be there, and the rows where the
    feed joins them with what it tells now. ``withdrawn``: it may tell less now."""

    entries: int
    rows: pa.Table | None = None
    withdrawn: bool = False


def fetch_feed(
    feed: Feed,
    source: FilePlace | Several,
    *,
    cves: Collection[str] | None = None,
    ca_bundle: Path | None = None,
    transport: httpx.BaseTransport | None = None,
    now: datetime | None = None,
    before: Before | None = None,
    clock: Clock | None = None,
    copies: SharedCopies | None = None,
) -> FetchedFeed:
    """Fetches, reads and checks a feed.

    ``source`` is where it is taken from (``source_of`` reads it from the setting); of several files, those that fail
    are missed as long as one does not. ``cves`` selects entries of feeds that can be read by CVE. ``now`` becomes
    ``observed_at``; of a file that is one of the ``copies``, when it was downloaded.

    Raises FeedError, and SettingsError for certificates that cannot be used.
    """
    fetched_at = now or datetime.now(UTC)
    files: list[FetchedFeed] = []
    failures: list[FeedError] = []
    unreached: set[str] = set()
    for place in source.places if isinstance(source, Several) else (source,):
        if isinstance(place, Address) and place.url.host in unreached:
            continue
        try:
            receiving = receive(feed, place, ca_bundle=ca_bundle, transport=transport, clock=clock, copies=copies)
            with receiving as received:
                parsed = _parsed(feed, received, cves if feed.by_cve else None)
                _check_whole(feed, parsed)
                files.append(_file(feed, place, parsed, received, received.copied_at or fetched_at))
        except FeedError as failure:
            failures.append(failure)
            if isinstance(place, Address) and isinstance(failure, FeedUnreachable) and not failure.connected:
                unreached.add(place.url.host)
    if not files:
        raise failures[0]
    fetched = _together(feed.table.key, files, failures)
    if before and not before.withdrawn and not feed.may_shrink and fetched.entries * 2 < before.entries:
        raise FeedCollapsed(
            feed.table.name, f"the feed has {fetched.entries:,} entries and had {before.entries:,}", _IF_RIGHT
        )
    return replace(fetched, table=_sorted(feed, _joined(feed, fetched, before)))


def _file(feed: Feed, place: FilePlace, parsed: Parsed, received: Received, fetched_at: datetime) -> FetchedFeed:
    return FetchedFeed(
        table=_in_catalog_schema(feed, place, parsed, fetched_at),
        dated=parsed.dated,
        source=place.shown,
        version=parsed.version,
        entries=parsed.entries,
        sha256=received.sha256,
        fetched_at=fetched_at,
        unreadable=parsed.unreadable,
        examples=parsed.examples,
    )


def _together(key: Sequence[str], files: Sequence[FetchedFeed], failures: Sequence[FeedError]) -> FetchedFeed:
    """Several files as one; of an entry that is in several, the row of the first."""
    first, *others = files
    missed = tuple(failure.what for failure in failures)
    if not others:
        return replace(first, missed=missed)
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for file in files:
        for row in file.table.to_pylist():
            rows.setdefault(tuple(row[name] for name in key), row)
    table = pa.Table.from_pylist(list(rows.values()), schema=first.table.schema)
    return FetchedFeed(
        table=table,
        dated=max((file.dated for file in files if file.dated), default=None),
        source=", ".join(file.source for file in files),
        version=first.version,
        entries=table.num_rows,
        sha256=hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest(),
        fetched_at=max(file.fetched_at for file in files),
        unreadable=sum(file.unreadable for file in files),
        examples=tuple(example for file in files for example in file.examples),
        missed=missed,
    )


def _joined(feed: Feed, fetched: FetchedFeed, before: Before | None) -> pa.Table:
    if feed.join is None:
        return fetched.table
    try:
        return feed.join(
            fetched.table,
            before.rows if before else None,
            Occasion(
                fetched.fetched_at,
                withdrawn=before is not None and before.withdrawn,
                partial=bool(fetched.missed),
            ),
        )
    except LessThanBefore as fault:
        raise FeedCollapsed(feed.table.name, f"what came is not believed: {fault}", _IF_RIGHT) from None
    except Unreadable as fault:
        raise FeedMalformed(feed.table.name, f"what came is not believed: {fault}", _as_published(feed)) from None


def _parsed(feed: Feed, received: Received, cves: Collection[str] | None) -> Parsed:
    try:
        return feed.read(received.file, cves)
    except Unreadable as fault:
        raise FeedMalformed(feed.table.name, f"what came is not the feed: {fault}", _as_published(feed)) from None


def _as_published(feed: Feed) -> str:
    return f"See whether {feed.variable} leads to the feed as published ({feed.format})"


def _check_whole(feed: Feed, parsed: Parsed) -> None:
    if parsed.entries == 0:
        raise FeedCollapsed(feed.table.name, "the feed has no entries", _as_published(feed))
    examined = parsed.rows.num_rows + parsed.unreadable
    if parsed.unreadable > max(1, feed.tolerated * examined) or parsed.unreadable == examined > 0:
        raise FeedMalformed(
            feed.table.name,
            f"{parsed.unreadable:,} of {examined:,} entries cannot be read, such as {parsed.examples[0]}",
            _as_published(feed),
        )


def _in_catalog_schema(feed: Feed, place: FilePlace, parsed: Parsed, fetched_at: datetime) -> pa.Table:
    """The rows with the columns that follow from the fetch. A column of which a reader knows the value in some rows
    only gets it in the others."""
    rows = parsed.rows
    known = {
        OBSERVED_AT.name: fetched_at,
        "feed": feed.name,
        "listed_at": parsed.dated or fetched_at,
        "source": place.shown,
    }
    columns = []
    for field in feed.table.schema:
        if field.name not in known:
            columns.append(rows.column(field.name).cast(field.type))
            continue
        told = rows.column(field.name) if field.name in rows.column_names else pa.nulls(rows.num_rows, field.type)
        columns.append(pc.fill_null(told, pa.scalar(known[field.name], field.type)))
    return pa.Table.from_arrays(columns, schema=feed.table.schema)


def _sorted(feed: Feed, rows: pa.Table) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in feed.table.key])
