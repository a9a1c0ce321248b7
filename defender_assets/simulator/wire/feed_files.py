"""The files of the reference feeds, as they are served under ``/feeds``.

Here: which name is which file, its media type and its ETag. Not here: the content (``tenant/feeds.py``,
``tenant/releases.py``), conditional requests and faults (``applications.py``).
"""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import orjson

from ..tenant.tenant import SimulatedTenant

_MEDIA_TYPES = {".json": "application/json", ".gz": "application/gzip", ".zip": "application/zip"}


@dataclass(frozen=True)
class FeedFile:
    """One file; ``etag`` follows from the content."""

    content: bytes
    media_type: str

    @cached_property
    def etag(self) -> str:
        return f'"{hashlib.blake2b(self.content, digest_size=12).hexdigest()}"'


class FeedFiles:
    """The feeds of a tenant, each rendered once."""

    def __init__(self, tenant: SimulatedTenant) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, FeedFile] = {}
        self._render: dict[str, Callable[[], bytes]] = {
            "known_exploited_vulnerabilities.json": lambda: _json(tenant.feeds.known_exploited()),
            "epss_scores-current.csv.gz": tenant.feeds.exploit_prediction,
            "vulnrichment/archive/refs/heads/develop.zip": tenant.feeds.enrichment_archive,
            "defender_releases.json": lambda: _json(tenant.releases.feed()),
        }

    def file(self, name: str) -> FeedFile | None:
        """The file of a name below ``/feeds/``, None for a name that is none."""
        if name not in self._render:
            return None
        with self._lock:
            if name not in self._files:
                ending = name[name.rindex(".") :]
                self._files[name] = FeedFile(self._render[name](), _MEDIA_TYPES[ending])
            return self._files[name]


def _json(content: object) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2)
