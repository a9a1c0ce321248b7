"""The refresh of a reference table: its feeds read, their rows published together.

Here: which feeds are read, and when a partition is written. Not here: what is used of one feed (``reading.py``), the
words for people (``account.py``).
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from functools import partial

import pyarrow as pa

from ...api import Clock, counts_file
from ...catalog import Table
from ...compliance import PolicyError
from ...lake import Lake, PublishedFile
from ...reference import TOGETHER, Feed, SharedCopies
from ...reference.source import Off, source_of
from ...settings import Settings, tenant_names
from ..context import RefreshContext
from ..errors import WrongDay
from ..outcome import Fact, Link, Markdown, PartitionOutcome, Status
from ..publication import no_proof, publish_rows
from ..table_refresh import TableRefresh
from .account import FRESH, account_of
from .former import Former, former_snapshot
from .reading import FeedReading, read_feed


class FeedRefresh(TableRefresh):
    """Fetches public feeds. They have only present data, so only today's partition can be captured."""

    table: Table

    def __init__(self, feeds: Sequence[Feed], *, clock: Clock | None = None) -> None:
        self.feeds, self.table = tuple(feeds), feeds[0].table
        self.name, self.description = self.table.name, self.table.description
        self.group, self.days = self.table.group, self.table.days
        self.tags = {"days": self.days.value}
        self.checks = {
            FRESH: "The copy in use is within its age limit."
            if len(self.feeds) == 1
            else "A feed that is not switched off has listed each component within the policy's age limit."
        }
        self._clock = clock

    def definition_facts(self) -> Mapping[str, Fact]:
        if len(self.feeds) > 1:
            lines = ["| feed | source | set by | licence | attribution |", "|---|---|---|---|---|"]
            lines += [
                f"| [{feed.name}]({feed.page}) | {_default(feed)} | `{feed.variable}` | {feed.licence} | "
                f"{feed.attribution} |"
                for feed in self.feeds
            ]
            return {"feeds": Markdown("\n".join(lines))}
        (feed,) = self.feeds
        return {
            "source": _default(feed),
            "licence": feed.licence,
            "attribution": feed.attribution,
            "documentation": Link(feed.page),
            "source is set by": feed.variable,
        }

    def wrong_day(self, day: date, context: RefreshContext) -> WrongDay | None:
        if day == context.today:
            return None
        return WrongDay(
            f"{self.name}: public feeds report only the current state, so the partition {day} cannot be fetched; "
            f"only today's ({context.today}, UTC) can. Days of the past use the newest copy before them.",
            dataset=self.name,
        )

    def publish(self, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """Raises SettingsError for a setting that cannot be followed and LakeError; never FeedError."""
        (day,) = days
        now = context.moment()
        former = former_snapshot(self.table, self.feeds, context.lake, day)
        readings = self._read(context, former, now)
        status = _status(readings)
        rows, file = 0, None
        if status is Status.KEPT and former is not None and former.day == day:
            # The day's own snapshot, of an earlier refresh, stays as it is.
            rows = context.lake.rows(self.name, day)
        elif status in (Status.PUBLISHED, Status.KEPT):
            file = self._write(context.lake, day, readings, now)
            rows = file.rows
        account = account_of(self.table, readings, status, rows, now, _limit_days(context))
        return [
            PartitionOutcome(
                self.name,
                day,
                status,
                rows=rows,
                bytes=file.bytes if file else None,
                uri=file.uri if file else None,
                checks=(account.check,),
                facts=account.facts,
            )
        ]

    def _read(self, context: RefreshContext, former: Former | None, now: datetime) -> list[FeedReading]:
        """Every feed. Several are read at the same time: on a network without internet access each would be waited
        for."""
        settings = context.settings
        sources = [source_of(feed, getattr(settings, feed.setting)) for feed in self.feeds]
        read = partial(
            read_feed,
            former=former,
            now=now,
            cves=_known_cves(context.lake) if any(feed.by_cve for feed in self.feeds) else None,
            ca_bundle=None if all(isinstance(source, Off) for source in sources) else context.ca_bundle(),
            allow_collapse=settings.allow_collapse,
            clock=self._clock,
            copies=_copies(settings, now),
        )
        if len(self.feeds) == 1:
            return [read(self.feeds[0], sources[0])]
        with ThreadPoolExecutor(len(self.feeds), thread_name_prefix=self.name) as pool:
            return list(pool.map(read, self.feeds, sources))

    def _write(self, lake: Lake, day: date, readings: Sequence[FeedReading], now: datetime) -> PublishedFile:
        # Entries, size and format were checked before there was a row: by ``fetch_feed``.
        rows = pa.concat_tables(reading.rows for reading in readings if reading.rows is not None)
        if self.name in TOGETHER:
            rows = TOGETHER[self.name](rows)
        rows = rows.sort_by([(name, "ascending") for name in self.table.key])
        (partition,) = publish_rows(
            self.table, (day,), [rows], lake=lake, metadata=_metadata(readings, now), prove=no_proof
        )
        return partition.file


def _copies(settings: Settings, now: datetime) -> SharedCopies | None:
    """What is downloaded once for all tenants; None where there is one. Raises SettingsError."""
    file = counts_file(settings) if len(tenant_names(settings)) > 1 else None
    return None if file is None else SharedCopies(file.with_name("feeds"), now)


def _default(feed: Feed) -> str:
    return ", ".join(feed.addresses) or "ships with the package"


def _status(readings: Sequence[FeedReading]) -> Status:
    """Published, if one feed was read; kept, if there are former rows only."""
    statuses = {reading.status for reading in readings}
    if Status.PUBLISHED in statuses:
        return Status.PUBLISHED
    if statuses == {Status.OFF}:
        return Status.OFF
    return Status.KEPT if any(reading.rows is not None for reading in readings) else Status.ABSENT


def _metadata(readings: Sequence[FeedReading], now: datetime) -> dict[str, str]:
    """Where the rows are from. With several feeds, the facts of each have its name before them, and the plain ones sum
    them up."""
    described = [(reading.feed, reading.provenance) for reading in readings if reading.provenance is not None]
    # Before now, where a file was downloaded for another tenant.
    fetched = [each.provenance.fetched_at for each in readings if each.provenance and each.status is Status.PUBLISHED]
    metadata = {"observed_at": max(fetched, default=now).isoformat()}
    if len(readings) == 1:
        for feed, provenance in described:
            metadata |= provenance.metadata(feed)
        return metadata
    for feed, provenance in described:
        metadata |= provenance.metadata(feed, named=True)
    kept = [reading for reading in readings if reading.status is Status.KEPT]
    return metadata | {
        "feeds": ", ".join(feed.name for feed, _ in described),
        "fetched_at": max(provenance.fetched_at for _, provenance in described).isoformat(),
        "stale": "true" if kept else "false",
        **({"reason": "; ".join(f"{each.feed.name}: {each.reason}" for each in kept)} if kept else {}),
    }


def _known_cves(lake: Lake) -> set[str] | None:
    """The CVEs the organisation knows, so that a feed of hundreds of thousands is read for these only."""
    if lake.newest("vulnerabilities") is None:
        return None
    return set(lake.read("vulnerabilities", columns=["id"])["id"].to_pylist())


def _limit_days(context: RefreshContext) -> int | None:
    """From how many days on the policy takes a component of ``agent_releases`` for outdated; None if the policy cannot
    be read, which the tables that need it say."""
    try:
        return context.policy.document.agent.releases_max_days
    except PolicyError:
        return None
