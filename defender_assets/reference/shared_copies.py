"""Files of feeds that refreshes of several tenants share: the first one downloads, the others take its copy.

Here: the copies in a folder of this machine, whose turn it is to download, and how long a copy is good. Not here:
downloading (``receive.py``), which refreshes share (``refresh/feed/feed_refresh.py``).

A refresh takes a copy only where it is newer than what its tenant has: who asks again, asks the publisher. A copy is
kept only after it was read whole, and forgotten when it cannot be read. Where the folder cannot be used, every refresh
downloads, as if it were alone.
"""

import contextlib
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

_log = logging.getLogger(__name__)

GOOD_FOR = timedelta(hours=6)
"""A day's refresh of many tenants is over by then, and the next one downloads anew."""
_OTHERS_DOWNLOAD_SECONDS = 15 * 60.0
"""Longer than the largest feed takes at 2 MB/s; then everybody downloads alone."""
_TIME = "%Y%m%dT%H%M%S%fZ"
_DRAFT, _LOCK = ".part", ".lock"


@dataclass(frozen=True)
class SharedCopies:
    """``folder`` belongs to this user alone; ``after``: what the tenant has is of then, and a copy has to be newer.
    ``now``: when the refresh began."""

    folder: Path
    now: datetime
    after: datetime | None = None

    @contextlib.contextmanager
    def turn(self, address: str) -> Iterator["DownloadTurn"]:
        """A turn at this address: with a copy at once, without one when nobody else is downloading it. Whoever finds no
        copy holds up the others until the block ends, or the copy is kept."""
        # An address may hold a signature, so it is in no file's name.
        key = hashlib.sha256(address.encode()).hexdigest()[:32]
        with contextlib.ExitStack() as stack:
            try:
                turn = self._turn(key, stack)
            except OSError as error:
                _log.info("A feed is downloaded without others, because %s.", _why(error))
                turn = DownloadTurn(self)
            yield turn

    def _turn(self, key: str, stack: contextlib.ExitStack) -> "DownloadTurn":
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = stack.enter_context(FileLock(self.folder / f"{key}{_LOCK}", timeout=_OTHERS_DOWNLOAD_SECONDS))
        copy = self._copy(key)
        if copy is None:
            return DownloadTurn(self, key)
        file = stack.enter_context(copy.open("rb"))
        lock.release()
        return DownloadTurn(self, key, copy, file)

    def _copy(self, key: str) -> Path | None:
        """The newest one that is still good, and newer than what the tenant has."""
        for path in sorted(self.folder.glob(f"{key}.*Z"), reverse=True):
            at = _time_of(path)
            # One that began a moment later may have been the first to download.
            if abs(self.now - at) < GOOD_FOR and (self.after is None or at > self.after):
                return path
        return None

    def keep(self, key: str, file: IO[bytes]) -> None:
        """Keeps what was downloaded, in place of what was kept before, and removes what is no good any more."""
        try:
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=_DRAFT, delete=False) as draft:
                try:
                    file.seek(0)
                    shutil.copyfileobj(file, draft)
                    draft.flush()
                    os.replace(draft.name, self.folder / f"{key}.{self.now.astimezone(UTC).strftime(_TIME)}")
                finally:
                    Path(draft.name).unlink(missing_ok=True)
            self._sweep(key)
        except OSError as error:
            _log.info("Other tenants download this feed too, because %s.", _why(error))

    def _sweep(self, kept: str) -> None:
        for path in self.folder.glob("*Z"):
            if _time_of(path) < (self.now if path.name.startswith(kept) else self.now - GOOD_FOR):
                path.unlink(missing_ok=True)
        for draft in self.folder.glob(f"*{_DRAFT}"):  # of a process that was killed
            with contextlib.suppress(FileNotFoundError):
                if datetime.fromtimestamp(draft.stat().st_mtime, UTC) < self.now - GOOD_FOR:
                    draft.unlink(missing_ok=True)


@dataclass(frozen=True)
class DownloadTurn:
    """``file``: the copy, at its beginning; None where this refresh is to download."""

    _copies: SharedCopies
    _key: str = ""
    _copy: Path | None = None
    file: IO[bytes] | None = None

    @property
    def copied_at(self) -> datetime | None:
        """When the refresh began that downloaded the copy."""
        return None if self._copy is None else _time_of(self._copy)

    def was_read(self, file: IO[bytes]) -> None:
        """The file was read whole: what was downloaded is kept for the others."""
        if self._copy is None and self._key:
            self._copies.keep(self._key, file)

    def was_not_read(self) -> None:
        """The file could not be read: nobody else is to try it."""
        if self._copy is not None:
            with contextlib.suppress(OSError):
                self._copy.unlink(missing_ok=True)


def _time_of(path: Path) -> datetime:
    try:
        return datetime.strptime(path.name.rpartition(".")[2], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _why(error: OSError) -> str:
    if isinstance(error, Timeout):
        return "somebody has been downloading it for long"
    return f"the folder of shared copies cannot be used ({error.strerror})"
