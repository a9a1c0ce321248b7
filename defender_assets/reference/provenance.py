"""Where the rows of a snapshot come from and how old they are, as its file says.

Here: the facts, to and from the metadata of a Parquet file. Not here: what is too old to be used (``compliance/``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..lake.facts import facts_of
from .feeds import Feed
from .fetch import FetchedFeed


@dataclass(frozen=True)
class Provenance:
    """``fetched_at`` is when the rows themselves were fetched. ``stale``: a later refresh failed for ``reason``, and
    they were kept."""

    source: str
    fetched_at: datetime
    dated: datetime | None
    version: str | None
    entries: int
    sha256: str
    stale: bool = False
    reason: str | None = None

    @classmethod
    def of(cls, fetched: FetchedFeed) -> "Provenance":
        """The provenance of rows that were just fetched."""
        return cls(
            source=fetched.source,
            fetched_at=fetched.fetched_at,
            dated=fetched.dated,
            version=fetched.version,
            entries=fetched.entries,
            sha256=fetched.sha256,
        )

    @classmethod
    def read(cls, metadata: Mapping[str, str], feed: str | None = None) -> "Provenance | None":
        """From a file's metadata; None for a file that another program wrote. ``feed`` is one of several that the rows
        are from: its facts have its name before them (``macos.fetched_at``)."""
        if feed is not None:
            metadata = facts_of(metadata, feed)
        try:
            return cls(
                source=metadata["source"],
                fetched_at=datetime.fromisoformat(metadata["fetched_at"]).astimezone(UTC),
                dated=datetime.fromisoformat(metadata["dated"]).astimezone(UTC) if "dated" in metadata else None,
                version=metadata.get("version"),
                entries=int(metadata["entries"]),
                sha256=metadata["sha256"],
                stale=metadata.get("stale") == "true",
                reason=metadata.get("reason"),
            )
        except (KeyError, ValueError):
            return None

    def metadata(self, feed: Feed, *, named: bool = False) -> dict[str, str]:
        """The facts as the metadata of a file; ``named``: of a file with the rows of several feeds."""
        facts = {
            "source": self.source,
            "fetched_at": self.fetched_at.isoformat(),
            "dated": self.dated.isoformat() if self.dated else None,
            "version": self.version,
            "entries": str(self.entries),
            "sha256": self.sha256,
            "stale": "true" if self.stale else "false",
            "reason": self.reason,
            "licence": feed.licence,
            "attribution": feed.attribution,
        }
        start = f"{feed.name}." if named else ""
        return {start + name: fact for name, fact in facts.items() if fact is not None}

    def age(self, now: datetime) -> timedelta:
        """Since the feed's own date, or since it was fetched where it has none; never negative."""
        return max(timedelta(0), now - (self.dated or self.fetched_at))
