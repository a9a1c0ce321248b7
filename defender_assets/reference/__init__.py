"""Public reference data: known exploited vulnerabilities, exploit prediction, SSVC decisions, Defender releases.

Here: fetching each feed from its public address or from a file, checking it, and storing it, with its age. Not here:
what it means for a finding or a device (``compliance/``), Dagster (``orchestration/``).

Each feed may fail or be switched off without breaking anything: the former snapshot is kept and says so, and without
one whoever reads it does without.
"""

from .errors import FeedCollapsed, FeedError, FeedFileUnusable, FeedMalformed, FeedUnreachable
from .feeds import FEEDS, Feed
from .fetch import FetchedFeed, fetch_feed
from .provenance import Provenance
from .refresh import FeedOutcome, FeedStatus, refresh_feed

__all__ = [
    "FEEDS",
    "Feed",
    "FeedCollapsed",
    "FeedError",
    "FeedFileUnusable",
    "FeedMalformed",
    "FeedOutcome",
    "FeedStatus",
    "FeedUnreachable",
    "FetchedFeed",
    "Provenance",
    "fetch_feed",
    "refresh_feed",
]
