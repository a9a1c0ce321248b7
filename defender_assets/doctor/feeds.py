"""The public feeds: whether each can be had where its setting says it is.

Here: asking the host, or looking for the file. Not here: fetching a feed and believing it (``reference/``).
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..api import Clock, reach
from ..reference import FEEDS, Address, Feed, LocalFile, Off, Several, Shipped, source_of
from ..settings import Settings, SettingsError
from .diagnosis import Inspection, Outcome

_AT_ONCE = 8


def inspect_feeds(settings: Settings, ca_bundle: Path | None, *, clock: Clock | None = None) -> list[Inspection]:
    """One inspection of each feed. A host that does not answer is a warning: a refresh goes on with what the feed told
    before, or without it. A file that is named and cannot be read is a failure: it does not come back by itself. A feed
    whose setting is wrong is left out here."""
    feeds = [feed for several in FEEDS.values() for feed in several]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="feeds") as pool:
        return [
            inspection
            for inspections in pool.map(lambda feed: list(_inspected(feed, settings, ca_bundle, clock)), feeds)
            for inspection in inspections
        ]


def _inspected(feed: Feed, settings: Settings, ca_bundle: Path | None, clock: Clock | None) -> Iterator[Inspection]:
    try:
        source = source_of(feed, getattr(settings, feed.setting))
    except SettingsError:
        return  # told among the settings
    if isinstance(source, Off):
        yield Inspection("feeds", Outcome.NOT_USED, "switched off", subject=feed.setting)
        return
    inspections = [
        _of_place(feed, place, ca_bundle, clock)
        for place in (source.places if isinstance(source, Several) else (source,))
    ]
    # The files of several distributions tell the same: what is wrong with one is told, but one that is there will do.
    wrong = [inspection for inspection in inspections if inspection.outcome is not Outcome.OK]
    yield wrong[0] if wrong else inspections[0]


def _of_place(
    feed: Feed, place: Address | LocalFile | Shipped, ca_bundle: Path | None, clock: Clock | None
) -> Inspection:
    match place:
        case Shipped():
            return Inspection("feeds", Outcome.OK, "ships with the package", subject=feed.setting)
        case LocalFile(path):
            if path.is_file() and os.access(path, os.R_OK):
                return Inspection("feeds", Outcome.OK, "the file can be read", subject=feed.setting)
            return Inspection(
                "feeds",
                Outcome.FAILED,
                f"the file that {feed.variable} names cannot be read",
                f"Put the feed there (published at {feed.published_at}), or correct {feed.variable}.",
                subject=feed.setting,
            )
        case Address(url):
            return _of_address(feed, str(url), url.host, ca_bundle, clock)


def _of_address(feed: Feed, address: str, host: str, ca_bundle: Path | None, clock: Clock | None) -> Inspection:
    reached = reach(address, ca_bundle, follow=True, clock=clock)
    if reached.trouble:
        remedy = (
            f"{reached.remedy} Without a way out, fetch the feeds by other means and name the files "
            "(docs/settings.md), or set them to off."
        )
        return Inspection("feeds", Outcome.WARNING, reached.trouble, remedy, subject=feed.setting)
    if reached.status != 200:
        what = f"{host} answered {reached.status}"
    elif reached.is_web_page:
        what = f"{host} answered with a web page, which may be that of a proxy"
    else:
        return Inspection("feeds", Outcome.OK, "the host answers", subject=feed.setting)
    remedy = f"See whether {feed.variable} is right, or fetch the feed by other means and name the file."
    return Inspection("feeds", Outcome.WARNING, what, remedy, subject=feed.setting)
