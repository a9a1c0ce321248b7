"""Public reference data: known exploited vulnerabilities, exploit prediction, SSVC decisions, Defender releases.

Here: fetching each feed from its public address or from a file, and checking it. Not here: storing it, and what happens
when it fails (``refresh/feed/``); what it means for a finding or a device (``compliance/``).

Each feed may fail or be switched off without breaking anything: the former snapshot is kept and marked as stale, and
where there is none, what is derived from it does without.
"""

from .errors import FeedCollapsed, FeedError, FeedFileUnusable, FeedMalformed, FeedUnreachable
from .feeds import FEEDS, TOGETHER, Feed
from .fetch import Before, FetchedFeed, fetch_feed
from .provenance import Provenance
from .shared_copies import SharedCopies
from .source import Address, LocalFile, Off, Several, Shipped, Source, source_of

__all__ = [
    "FEEDS",
    "TOGETHER",
    "Address",
    "Before",
    "Feed",
    "FeedCollapsed",
    "FeedError",
    "FeedFileUnusable",
    "FeedMalformed",
    "FeedUnreachable",
    "FetchedFeed",
    "LocalFile",
    "Off",
    "Provenance",
    "Several",
    "SharedCopies",
    "Shipped",
    "Source",
    "fetch_feed",
    "source_of",
]
