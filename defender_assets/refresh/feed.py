"""A day of a public feed: a fresh copy, or the former rows if it cannot be fetched.

Here: whether the copy is fresh, kept or absent, and publishing it. Not here: formats and HTTP (``reference/``), the
settings that say where a feed is taken from (``reference/source.py``).

A feed may fail or be switched off without breaking anything: that is an outcome, not an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pyarrow as pa

from ..api import Clock
from ..catalog import Table
from ..checks import Check
from ..lake import Lake, NoSnapshot, PublishedFile, UnreadableSnapshot
from ..quantity import quantity
from ..reference import Feed, FeedError, FetchedFeed, Provenance, fetch_feed
from ..reference.source import Off, Shipped, source_of
from .context import RefreshContext
from .errors import WrongDay
from .outcome import Fact, Link, PartitionOutcome, Status
from .publication import no_proof, publish_rows
from .table_refresh import TableRefresh

_FRESH = "is_fresh"


@dataclass(frozen=True)
class _Former:
    """The newest snapshot up to the day. Its rows are read only if they are needed."""

    day: date
    entries: int
    provenance: Provenance


@dataclass(frozen=True)
class _Copy:
    """The copy of a feed that is used for a day, and its age.

    ``age`` is the age of the rows in use (None without any), ``fresh`` whether it is within the feed's limit.
    ``reason`` and ``remedy`` say why the rows are not fresh, or absent.
    """

    feed: str
    status: Status
    rows: int = 0
    file: PublishedFile | None = None
    provenance: Provenance | None = None
    age: timedelta | None = None
    fresh: bool = False
    reason: str | None = None
    remedy: str | None = None
    unreadable: int = 0
    examples: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The same in words, for people."""
        why = f" ({self.reason})" if self.reason else ""
        match self.status:
            case Status.OFF:
                return f"{self.feed} is switched off; the columns that need it are empty."
            case Status.ABSENT:
                return f"{self.feed} is absent{why}; the columns that need it are empty."
            case Status.KEPT:
                return f"{self.feed} could not be fetched{why}; its {self.rows:,} former rows are kept, {self._old}."
        late = "" if self.fresh else ", which is older than it should be"
        return f"{self.feed} has {self.rows:,} rows, {self._old}{late}."

    @property
    def _old(self) -> str:
        days = self.age.days if self.age else 0
        return "less than a day old" if days == 0 else f"{quantity(days, 'day')} old"

    def outcome(self, day: date) -> PartitionOutcome:
        """The copy as the outcome of its partition."""
        provenance = self.provenance
        facts: dict[str, Fact | None] = {
            "status": self.status.value,
            "summary": self.sentence,
            "source": provenance.source if provenance else None,
            "fetched at": provenance.fetched_at if provenance else None,
            "feed dated": provenance.dated if provenance else None,
            "reason": self.reason,
            "what to do": self.remedy,
            "age in days": None if self.age is None else round(self.age / timedelta(days=1), 2),
            "unreadable entries": self.unreadable or None,
            "unreadable, for example": "; ".join(self.examples[:3]) or None,
        }
        check = Check(_FRESH, self.status is Status.OFF or self.fresh, self.sentence)
        return PartitionOutcome(
            self.feed,
            day,
            self.status,
            rows=self.rows,
            bytes=self.file.bytes if self.file else None,
            uri=self.file.uri if self.file else None,
            checks=(check,),
            facts={name: fact for name, fact in facts.items() if fact is not None},
        )


class FeedRefresh(TableRefresh):
    """Fetches a public feed. A feed has only present data, so only today's partition can be captured."""

    table: Table

    def __init__(self, feed: Feed, *, clock: Clock | None = None) -> None:
        self.feed, self.table = feed, feed.table
        self.name, self.description = feed.name, feed.table.description
        self.group, self.days = feed.table.group, feed.table.days
        self.tags = {"days": self.days.value}
        self.checks = {_FRESH: "The copy in use is within its age limit."}
        self._clock = clock

    def definition_facts(self) -> Mapping[str, Fact]:
        feed = self.feed
        return {
            "source": feed.address or "ships with the package",
            "licence": feed.licence,
            "attribution": feed.attribution,
            "documentation": Link(feed.page),
            "source is set by": feed.variable,
        }

    def check_days(self, days: Sequence[date], context: RefreshContext) -> None:
        if any(day != context.today for day in days):
            raise WrongDay(
                f"{self.name}: public feeds tell the present; only today's copy can be fetched. Days of the past use "
                "the newest copy before them.",
                dataset=self.name,
            )

    def publish(self, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """Raises SettingsError for a setting that cannot be followed and LakeError; never FeedError."""
        (day,) = days
        return [self._copy(day, context).outcome(day)]

    def _copy(self, day: date, context: RefreshContext) -> _Copy:
        """Publishes the day's copy.

        When the fetch fails and there is a former snapshot, the day gets its rows, marked ``stale`` with the reason and
        with the time at which they were really fetched. Without one nothing is written.
        """
        feed, lake, now = self.feed, context.lake, context.moment()
        place = source_of(feed, getattr(context.settings, feed.setting))
        if isinstance(place, Off):
            return _Copy(feed.name, Status.OFF)
        former = _former(feed, lake, day)
        try:
            fetched = fetch_feed(
                feed,
                place,
                cves=_known_cves(lake) if feed.by_cve else None,
                ca_bundle=context.ca_bundle(),
                now=now,
                former_entries=former.entries if former and not context.settings.allow_collapse else None,
                clock=self._clock,
            )
        except FeedError as error:
            return _kept(feed, lake, day, former, error, now)
        age = Provenance.of(fetched).age(now)
        if isinstance(place, Shipped) and age > feed.fresh_for:
            return _outdated(feed, age, Provenance.of(fetched))
        return _fetched(feed, lake, day, fetched, now)


def _known_cves(lake: Lake) -> set[str] | None:
    """The CVEs the organisation knows, so that a feed of hundreds of thousands is read for these only."""
    if lake.newest("vulnerabilities") is None:
        return None
    return set(lake.read("vulnerabilities", columns=["id"])["id"].to_pylist())


def _fetched(feed: Feed, lake: Lake, day: date, fetched: FetchedFeed, now: datetime) -> _Copy:
    provenance = Provenance.of(fetched)
    age = provenance.age(now)
    return _Copy(
        feed.name,
        Status.PUBLISHED,
        rows=fetched.rows,
        file=_written(feed, lake, day, fetched.table, provenance, now),
        provenance=provenance,
        age=age,
        fresh=age <= feed.fresh_for,
        unreadable=fetched.unreadable,
        examples=fetched.examples,
    )


def _written(feed: Feed, lake: Lake, day: date, rows: pa.Table, provenance: Provenance, now: datetime) -> PublishedFile:
    # Entries, size and format were checked before there was a row: by ``fetch_feed``.
    metadata = provenance.metadata(feed) | {"observed_at": now.isoformat()}
    (partition,) = publish_rows(feed.table, (day,), [rows], lake=lake, metadata=metadata, prove=no_proof)
    return partition.file


def _outdated(feed: Feed, age: timedelta, provenance: Provenance) -> _Copy:
    """The copy that ships with the package ages with it. Past its limit, old releases would count as the newest ones,
    which is worse than having no catalogue."""
    return _Copy(
        feed.name,
        Status.ABSENT,
        provenance=provenance,
        age=age,
        reason=f"the copy that ships with this package is {age.days} days old, more than {feed.fresh_for.days}",
        remedy=f"Name a current one in {feed.variable}: {feed.format}",
    )


def _kept(feed: Feed, lake: Lake, day: date, former: _Former | None, error: FeedError, now: datetime) -> _Copy:
    if former is None:
        return _Copy(feed.name, Status.ABSENT, reason=error.what, remedy=error.remedy)
    age = former.provenance.age(now)
    provenance, file = former.provenance, None
    if former.day == day:
        # The day's own snapshot, of an earlier refresh, stays as it is.
        rows = lake.rows(feed.name, day)
    else:
        table = _conformed(feed, lake.read(feed.name, former.day))
        rows = table.num_rows
        provenance = replace(provenance, stale=True, reason=error.what)
        file = _written(feed, lake, day, table, provenance, now)
    return _Copy(
        feed.name,
        Status.KEPT,
        rows=rows,
        file=file,
        provenance=provenance,
        age=age,
        fresh=age <= feed.fresh_for,
        reason=error.what,
        remedy=error.remedy,
    )


def _former(feed: Feed, lake: Lake, day: date) -> _Former | None:
    """The newest snapshot up to the day that can be read and whose metadata says where its rows come from."""
    for former_day in sorted((past for past in lake.dates(feed.name) if past <= day), reverse=True):
        try:
            provenance = Provenance.read(lake.metadata(feed.name, former_day))
        except (NoSnapshot, UnreadableSnapshot):
            continue
        if provenance is not None:
            return _Former(former_day, provenance.entries, provenance)
    return None


def _conformed(feed: Feed, rows: pa.Table) -> pa.Table:
    """Rows that an older version of the package wrote, in today's schema: columns added since are null."""
    columns = [
        rows.column(field.name).cast(field.type) if field.name in rows.column_names else pa.nulls(len(rows), field.type)
        for field in feed.table.schema
    ]
    return pa.Table.from_arrays(columns, schema=feed.table.schema)
