"""Where a feed is taken from: its setting, parsed.

Here: the kinds of sources. Not here: reading from them (``receive.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx

from ..settings import Problem, SettingsError
from .feeds import Feed


@dataclass(frozen=True)
class Address:
    """An https address. ``shown`` is the part that may be shown: without its query, which may be a signature."""

    url: httpx.URL

    @property
    def shown(self) -> str:
        return str(self.url.copy_with(query=None, fragment=None))


@dataclass(frozen=True)
class LocalFile:
    """A file on this machine. Only its name may be shown."""

    path: Path

    @property
    def shown(self) -> str:
        return f"file:{self.path.name}"


@dataclass(frozen=True)
class Shipped:
    """A file of this package."""

    name: str

    @property
    def shown(self) -> str:
        return f"package:{self.name}"


@dataclass(frozen=True)
class Off:
    """The feed is switched off."""

    shown = "off"


FilePlace = Address | LocalFile | Shipped
"""Where one file of a feed is."""


@dataclass(frozen=True)
class Several:
    """Several files that tell one feed together, such as the package indexes of several distributions."""

    places: tuple[FilePlace, ...]

    @property
    def shown(self) -> str:
        return ", ".join(place.shown for place in self.places)


Source = FilePlace | Several | Off


def source_of(feed: Feed, setting: str | None) -> Source:
    """The source that a feed's setting means: the feed's default where it is empty or ``public``. Raises SettingsError,
    which names the variable and never its value."""
    value = (setting or "").strip()
    if not value or value.lower() == "public":
        if feed.shipped:
            return Shipped(feed.shipped)
        return _together([Address(httpx.URL(address)) for address in feed.addresses])
    if value.lower() == "off":
        return Off()
    if not feed.several:
        return _place(feed, value)
    return _together([_place(feed, part.strip()) for part in value.split(",") if part.strip()])


def _together(places: Sequence[FilePlace]) -> FilePlace | Several:
    return places[0] if len(places) == 1 else Several(tuple(places))


def _place(feed: Feed, value: str) -> Address | LocalFile:
    if "://" not in value:
        return LocalFile(Path(value).expanduser())
    scheme = urlsplit(value).scheme.lower()
    if scheme == "file":
        return LocalFile(Path(url2pathname(urlsplit(value).path)))
    if scheme != "https":
        _refuse(feed, "is not an https address", "feeds are read over https only, or from a file")
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL:
        _refuse(feed, "is not an address that can be read", "give an https address, the path of a file, or off")
    if not url.host:
        _refuse(feed, "is an address without a host", "give an https address, the path of a file, or off")
    if url.userinfo:
        _refuse(
            feed,
            "has a user name or password in its address",
            "feeds are read without credentials; fetch it by other means and give the path of the file",
        )
    return Address(url)


def _refuse(feed: Feed, what: str, remedy: str) -> NoReturn:
    raise SettingsError(Problem(feed.variable, what, remedy))
