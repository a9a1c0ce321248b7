"""What the tests of the feeds share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from defender_assets.reference import FEEDS, Feed, FetchedFeed, fetch_feed
from defender_assets.reference.source import LocalFile

from .feed_server import FeedServer, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FeedServer]:
    with serving(tmp_path) as started:
        yield started


def feed_of(name: str) -> Feed:
    """A feed by its name; the catalogue file by that of its table."""
    feeds = {feed.name: feed for of_table in FEEDS.values() for feed in of_table}
    return feeds["file" if name == "agent_releases" else name]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., FetchedFeed]:
    """Fetches a feed from a file with this content."""

    def fetched(name: str, content: bytes, **more) -> FetchedFeed:
        path = tmp_path / "feed"
        path.write_bytes(content)
        return fetch_feed(feed_of(name), LocalFile(path), **more)

    return fetched
