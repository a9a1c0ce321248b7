"""The complete file of a feed on the local disk, whatever its source.

Here: downloads (https only, with redirects, retries, and limits on size and time), local files, files of the package.
Not here: what the bytes mean (``kev.py``, ``epss.py``, …). Only a plain GET is sent, without credentials.
"""

import contextlib
import hashlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from pathlib import Path
from typing import IO, NoReturn

import httpx

from ..api.clock import Clock, SystemClock
from ..api.http import open_http
from ..api.retry import RetryPolicy, retry_after_seconds
from ..api.tls import is_untrusted
from .errors import FeedFileUnusable, FeedMalformed, FeedUnreachable
from .feeds import Feed
from .shared_copies import DownloadTurn, SharedCopies
from .source import Address, LocalFile, Shipped

ATTEMPTS = 4
CONNECT_ATTEMPTS = 2
"""Where no connection can be made, as on a network without internet access, more attempts only delay the refresh."""
PATIENCE = 120.0
"""Seconds of waiting. A host that demands a longer pause (Retry-After) is not tried again until the next refresh."""
DEADLINE = 30 * 60.0
"""Seconds for one attempt. A body that trickles in never reaches the timeout between two reads."""
_REDIRECTS = 5
_CHUNK = 2**18
_NO_CONNECTION = (httpx.ConnectTimeout, httpx.ConnectError, httpx.ProxyError)
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Received:
    """A feed's file, at its beginning, with the SHA-256 and size of its bytes as published. ``copied_at``: it is the
    copy of a refresh that began then."""

    file: IO[bytes]
    sha256: str
    size: int
    copied_at: datetime | None = None


@contextlib.contextmanager
def receive(
    feed: Feed,
    source: Address | LocalFile | Shipped,
    *,
    ca_bundle: Path | None = None,
    transport: httpx.BaseTransport | None = None,
    clock: Clock | None = None,
    copies: SharedCopies | None = None,
) -> Iterator[Received]:
    """The file of the feed for as long as the block lasts, in which it is read. ``copies``: those that it may be among,
    and that it is kept in for others when the block ends without an error. Raises FeedError, and SettingsError for an
    unusable ``ca_bundle``. In tests ``transport`` replaces the network and ``clock`` the waiting."""
    with contextlib.ExitStack() as stack:
        file: IO[bytes]
        turn: DownloadTurn | None = None
        match source:
            case LocalFile(path):
                file = stack.enter_context(_opened(feed, path))
            case Shipped(name):
                file = stack.enter_context(resources.files(__package__).joinpath(name).open("rb"))
            case Address(url):
                turn = stack.enter_context(copies.turn(str(url))) if copies else None
                if turn is not None and turn.file is not None:
                    yield from _read(feed, turn.file, turn)
                    return
                file = stack.enter_context(_temporary(feed))
                client = stack.enter_context(open_http(ca_bundle, transport))
                retry = RetryPolicy(
                    attempts=ATTEMPTS,
                    connect_attempts=CONNECT_ATTEMPTS,
                    patience=PATIENCE,
                    first_wait=2.0,
                    longest_wait=20.0,
                    clock=clock or SystemClock(),
                )
                retry.run(partial(_download, feed, client, url, file))
        yield from _read(feed, file, turn)


def _read(feed: Feed, file: IO[bytes], turn: DownloadTurn | None) -> Iterator[Received]:
    try:
        yield replace(_checked(feed, file), copied_at=turn.copied_at if turn else None)
    except BaseException:
        if turn is not None:
            turn.was_not_read()
        raise
    if turn is not None:
        turn.was_read(file)


@contextlib.contextmanager
def _opened(feed: Feed, path: Path) -> Iterator[IO[bytes]]:
    try:
        file = path.open("rb")
    except IsADirectoryError:
        raise FeedFileUnusable(feed.table.name, f"{feed.variable} names a folder", "Name the file itself") from None
    except OSError as error:
        raise FeedFileUnusable(
            feed.table.name,
            f"the file that {feed.variable} names cannot be read ({error.strerror})",
            f"Put the feed there (published at {feed.published_at}), or correct {feed.variable}",
        ) from None
    with file:
        yield file


@contextlib.contextmanager
def _temporary(feed: Feed) -> Iterator[IO[bytes]]:
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile())
        except OSError as error:
            raise _no_room(feed, error) from None
        yield file


def _no_room(feed: Feed, error: OSError) -> FeedFileUnusable:
    return FeedFileUnusable(
        feed.table.name,
        f"the download cannot be kept in the temporary folder ({error.strerror})",
        f"Free some space there, or let TMPDIR name a folder with up to {feed.largest // 2**20:,} MiB",
    )


def _checked(feed: Feed, file: IO[bytes]) -> Received:
    """Hashes the file and checks its size; leaves it at its beginning."""
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if size > feed.largest:
            _too_large(feed)
    file.seek(0)
    return Received(file, digest.hexdigest(), size)


def _too_large(feed: Feed) -> NoReturn:
    raise FeedMalformed(
        feed.table.name,
        f"it is larger than the {feed.largest // 2**20:,} MiB that the feed may have",
        f"See whether {feed.variable} leads to the feed itself",
    )


def _download(feed: Feed, client: httpx.Client, url: httpx.URL, into: IO[bytes]) -> None:
    """One attempt: follows redirects, and writes into the emptied file."""
    _empty(feed, into)
    ends_at = time.monotonic() + DEADLINE
    for _ in range(_REDIRECTS + 1):
        try:
            target = _get(feed, client, url, into, ends_at)
        except httpx.HTTPError as error:
            _fail(feed, url.host, error)
        if target is None:
            return
        url = target
    raise FeedUnreachable(feed.table.name, f"{url.host} redirects in a circle", f"Correct {feed.variable}")


def _empty(feed: Feed, into: IO[bytes]) -> None:
    try:
        into.seek(0)
        into.truncate()
    except OSError as error:
        raise _no_room(feed, error) from None


def _get(feed: Feed, client: httpx.Client, url: httpx.URL, into: IO[bytes], ends_at: float) -> httpx.URL | None:
    """Writes the body and returns None, or returns the address that it redirects to."""
    # Feeds are packed already, and the hash is that of the bytes as published.
    with client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
        if response.has_redirect_location:
            assert response.next_request is not None  # httpx sets it for every redirect that it does not follow
            return _redirect(feed, url, response.next_request.url)
        if response.status_code != 200:
            _refused(feed, url.host, response)
        size = 0
        for chunk in response.iter_bytes(_CHUNK):
            size += len(chunk)
            if size > feed.largest:
                _too_large(feed)
            if time.monotonic() > ends_at:
                raise FeedUnreachable(
                    feed.table.name,
                    f"{url.host} took longer than {DEADLINE / 60:.0f} minutes",
                    "Try again later, or fetch it by other means and name the file",
                    retryable=True,
                )
            try:
                into.write(chunk)
            except OSError as error:
                raise _no_room(feed, error) from None
    return None


def _redirect(feed: Feed, url: httpx.URL, target: httpx.URL) -> httpx.URL:
    if target.scheme != "https" or target.userinfo:
        why = "an address that is not https" if target.scheme != "https" else "an address with credentials"
        raise FeedUnreachable(
            feed.table.name,
            f"{url.host} redirects to {why}",
            f"Correct {feed.variable}; feeds are read over https only",
        )
    return target


def _refused(feed: Feed, host: str, response: httpx.Response) -> NoReturn:
    status = response.status_code
    transient = status in _TRANSIENT
    remedy = (
        "Try again later"
        if transient
        else f"See whether {feed.variable} is right, or fetch the feed by other means and name the file"
    )
    raise FeedUnreachable(
        feed.table.name,
        f"{host} answered {status}",
        remedy,
        retryable=transient,
        retry_after=retry_after_seconds(response.headers.get("Retry-After"), now=datetime.now(UTC)),
    )


def _fail(feed: Feed, host: str, error: httpx.HTTPError) -> NoReturn:
    if is_untrusted(error):
        failure = FeedUnreachable(
            feed.table.name,
            f"the certificate of {host} is not trusted",
            "Behind a proxy that inspects TLS, name its CA certificates in DEFENDER_CA_BUNDLE",
        )
    else:
        failure = FeedUnreachable(
            feed.table.name,
            f"{host} {_what_broke(error)}",
            f"Without a way out, fetch it by other means and name the file in {feed.variable}, or set it to off",
            retryable=True,
        )
        failure.connected = not isinstance(error, _NO_CONNECTION)
    # Not chained: httpx puts whole addresses into its texts.
    raise failure from None


def _what_broke(error: httpx.HTTPError) -> str:
    if isinstance(error, _NO_CONNECTION):
        return "cannot be reached"
    if isinstance(error, httpx.TimeoutException):
        return "stopped answering"
    return "broke off its answer"
