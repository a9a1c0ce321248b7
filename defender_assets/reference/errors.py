"""What can go wrong with a reference feed, as a small tree.

Here: the errors and their wording. Not here: what follows from one (``refresh/feed/`` keeps the former snapshot).

FeedError
├── FeedUnreachable   no connection, an untrusted certificate, or an answer other than the feed
├── FeedFileUnusable  a local file that is missing or may not be read, or no room for the download
├── FeedMalformed     what came is not the feed: another format, a broken archive, an entry that cannot be read
└── FeedCollapsed     the feed is empty, has lost more than half of its entries, or tells less than it did before
"""

from ..errors import DefenderAssetsError


class FeedError(DefenderAssetsError):
    """A feed could not be fetched. ``dataset`` is its table; ``what`` and ``remedy`` have no full stop.

    Texts name hosts, never whole addresses or paths: either may be a setting's value.
    """

    def __init__(
        self, feed: str, what: str, remedy: str, *, retryable: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(what, dataset=feed, remedy=remedy, retryable=retryable, retry_after=retry_after)

    @property
    def sentence(self) -> str:
        return f"{self.dataset}: {self.what}. {self.remedy}."


class FeedUnreachable(FeedError):
    """The address did not answer, or not with the feed. ``connected`` is false where no connection could be made."""

    connected: bool = True


class FeedFileUnusable(FeedError):
    """The local file, or the temporary folder, cannot be used."""


class FeedMalformed(FeedError):
    """What came cannot be read as the feed."""


class FeedCollapsed(FeedError):
    """The feed has no entries, fewer than half of the former ones, or is older than the former one."""


class Unreadable(ValueError):
    """Raised by the readers of the formats, and turned into FeedMalformed by ``fetch_feed``. For single entries of an
    archive it can be tolerated."""


class UnreadableArchive(Unreadable):
    """The archive as a whole, and not one entry: nothing more can be read of it."""


class LessThanBefore(Unreadable):
    """A readable feed that is older than the one before, which may be right if releases were withdrawn. Turned into
    FeedCollapsed by ``fetch_feed``."""
