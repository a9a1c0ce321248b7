"""The files of the reference feeds, as they are served under ``/feeds``.

Here: which name is which file, its media type and its ETag, and the settings that lead to them. Not here: the content
(``tenant/feeds.py``, ``tenant/release_feeds.py``), conditional requests and faults (``applications.py``).
"""

import hashlib
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, partial

import orjson

from ..tenant.release_feeds import DISTRIBUTIONS, ReleaseFeeds, Variant
from ..tenant.tenant import SimulatedTenant

_MEDIA_TYPES = {
    ".json": "application/json",
    ".gz": "application/gzip",
    ".zip": "application/zip",
    ".xml": "text/xml",
    ".aspx": "text/xml",
    ".md": "text/plain; charset=utf-8",
}
_NOTES = "defender-docs/public/defender-endpoint/microsoft-defender-endpoint-releases.md"
LINUX_INDEXES = tuple(f"linux/{distribution}/main/binary-amd64/Packages.gz" for distribution in DISTRIBUTIONS)


@dataclass(frozen=True)
class FeedFile:
    """One file; ``etag`` follows from the content."""

    content: bytes
    media_type: str

    @cached_property
    def etag(self) -> str:
        return f'"{hashlib.blake2b(self.content, digest_size=12).hexdigest()}"'


class FeedFiles:
    """The feeds of a tenant at its present time. Those about its CVEs are large, and rendered once a day."""

    def __init__(self, tenant: SimulatedTenant) -> None:
        self._tenant = tenant
        self._lock = threading.Lock()
        self._files: dict[tuple[str, date], FeedFile] = {}
        self._render: dict[str, Callable[[datetime], bytes]] = {
            "known_exploited_vulnerabilities.json": lambda as_of: _json(tenant.feeds.known_exploited(as_of)),
            "epss_scores-current.csv.gz": tenant.feeds.exploit_prediction,
            "vulnrichment/archive/refs/heads/develop.zip": lambda _: tenant.feeds.enrichment_archive(),
        }
        self._render_releases: dict[str, Callable[[ReleaseFeeds], bytes]] = {
            "defender_releases.json": lambda feeds: _json(tenant.releases.feed(tenant.as_of)),
            "adlpackages.aspx": ReleaseFeeds.antivirus_versions,
            "MacAutoupdate/0409WDAV00.xml": ReleaseFeeds.macos_manifest,
            _NOTES: ReleaseFeeds.release_notes,
            **{
                index: partial(ReleaseFeeds.package_index, distribution=distribution)
                for index, distribution in zip(LINUX_INDEXES, DISTRIBUTIONS, strict=True)
            },
        }

    def file(self, name: str, variant: Variant | None = None) -> FeedFile | None:
        """The file of a name below ``/feeds/``, None for a name that is none. ``variant``: an old or absurd copy of a
        feed of releases."""
        media_type = _MEDIA_TYPES.get(name[name.rfind(".") :], "")
        if name in self._render_releases:
            feeds = ReleaseFeeds.at(self._tenant.releases, self._tenant.as_of, variant)
            return FeedFile(self._render_releases[name](feeds), media_type)
        if name not in self._render:
            return None
        as_of = self._tenant.as_of
        key = name, as_of.date()
        with self._lock:
            if key not in self._files:
                self._files[key] = FeedFile(self._render[name](as_of), media_type)
            return self._files[key]


def feed_settings(feeds_url: str) -> dict[str, str]:
    """The settings of every feed, by the names of the environment variables."""
    return {
        "DEFENDER_KEV": f"{feeds_url}/known_exploited_vulnerabilities.json",
        "DEFENDER_EPSS": f"{feeds_url}/epss_scores-current.csv.gz",
        "DEFENDER_SSVC": f"{feeds_url}/vulnrichment/archive/refs/heads/develop.zip",
        "DEFENDER_ANTIVIRUS_VERSIONS": f"{feeds_url}/adlpackages.aspx",
        "DEFENDER_MACOS_RELEASES": f"{feeds_url}/MacAutoupdate/0409WDAV00.xml",
        "DEFENDER_LINUX_RELEASES": ",".join(f"{feeds_url}/{index}" for index in LINUX_INDEXES),
        "DEFENDER_RELEASE_NOTES": f"{feeds_url}/{_NOTES}",
        "DEFENDER_AGENT_RELEASES": f"{feeds_url}/defender_releases.json",
    }


def bomb(mebibytes: int) -> bytes:
    """A gzip that unpacks to as many MiB of blanks."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blanks = b" " * 2**20
    return b"".join(packer.compress(blanks) for _ in range(mebibytes)) + packer.flush()


def _json(content: object) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2)
