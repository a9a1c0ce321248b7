"""One refresh of a public feed."""

from datetime import datetime
from pathlib import Path
from typing import NoReturn

from defender_assets.lake import Lake
from defender_assets.reference import FEEDS
from defender_assets.refresh import PartitionOutcome, RefreshContext
from defender_assets.refresh.feed import FeedRefresh
from defender_assets.settings import Settings

from ..reference.feed_server import Waiting

LIVE_OFF = dict.fromkeys(("antivirus_versions", "macos_releases", "linux_releases", "release_notes"), "off")


def refreshed(
    feed: str, lake: Lake, now: datetime, *, setting: str | None = None, ca_bundle: Path | None = None, **settings
) -> PartitionOutcome:
    """The day's partition of the feed, made anew."""

    def no_client() -> NoReturn:
        raise AssertionError("a public feed asks the service nothing")

    context = RefreshContext(
        lake=lake,
        settings=Settings.load(**LIVE_OFF | ({feed: setting} if setting else {}) | settings),
        today=now.date(),
        client=no_client,
        ca_bundle=lambda: ca_bundle,
        now=now,
    )
    (outcome,) = FeedRefresh(FEEDS[feed], clock=Waiting()).refresh([now.date()], context)
    return outcome
