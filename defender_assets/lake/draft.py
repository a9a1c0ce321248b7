"""Drafts: files under hidden names, while they are being written.

Here: creating drafts, telling those that are being written, and removing those whose writer was killed. Not here: what
is written into them (``writer.py``), publishing them (``storage.py``).
"""

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: a draft is abandoned when it is old
    fcntl = None  # type: ignore[assignment]

_SUFFIX = ".writing"
"""Not ``.parquet``, because the globs of DuckDB and Polars match hidden files too."""

ABANDONED_AFTER_SECONDS = 24 * 60 * 60


def this_machine() -> str:
    """The name of this machine, as it is in names of files."""
    return "".join(letter if letter.isalnum() else "-" for letter in socket.gethostname()) or "localhost"


class Draft:
    """A hidden file, locked while its writer runs. The kernel releases the lock of a killed process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def create(cls, folder: Path, table: str) -> "Draft":
        """A new empty draft of ``table``, readable by its owner alone. Raises OSError."""
        while True:
            name = f".{table}.{this_machine()}.{secrets.token_hex(6)}{_SUFFIX}"
            path = folder / name
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            locked = _lock(descriptor)
            # Between its creation and its locking, another writer's ``sweep`` may have removed the file.
            if locked is not False and os.fstat(descriptor).st_nlink:
                return cls(path, descriptor)
            os.close(descriptor)
            path.unlink(missing_ok=True)

    def sync(self) -> None:
        """Makes sure that every byte is on the disk. Raises OSError (a full disk)."""
        assert self._descriptor is not None
        os.fsync(self._descriptor)

    def release(self) -> None:
        """Unlocks the file and leaves it where it is, after it was published under another name."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def discard(self) -> None:
        """Removes the file, if it is still under its hidden name."""
        if self._descriptor is not None:
            self.path.unlink(missing_ok=True)
            self.release()


def sweep(folder: Path, table: str | None = None) -> None:
    """Removes the abandoned drafts of ``table``, or of all tables. Never fails.

    A draft of this machine is abandoned when it is not locked. One of another machine that shares the folder, whose
    locks may not be visible here, is abandoned when it was not written to for a day; so is any draft where the file
    system has no locks.
    """
    for _, path, is_abandoned in _drafts(folder, table):
        if is_abandoned:
            with contextlib.suppress(OSError):  # a draft that cannot be removed must not fail a refresh
                path.unlink()


def tables_in_work(folder: Path) -> set[str]:
    """The tables of which there are drafts that are not abandoned."""
    return {table for table, _, is_abandoned in _drafts(folder) if not is_abandoned}


def _drafts(folder: Path, wanted: str | None = None) -> Iterator[tuple[str, Path, bool]]:
    """Each draft: its table, its path, and whether it is abandoned. An abandoned one is locked until the next is asked
    for, so that nobody begins to use what is about to be removed."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        pieces = name.split(".")  # "", table, machine, random digits, "writing"
        if not (name.startswith(".") and name.endswith(_SUFFIX) and len(pieces) == 5):
            continue
        _, table, machine, _, _ = pieces
        if wanted not in (None, table):
            continue
        try:
            descriptor = os.open(folder / name, os.O_RDONLY)
        except OSError:  # belongs to another user, or was removed meanwhile
            continue
        try:
            locked = _lock(descriptor)
            writer_is_gone = locked is True and machine == this_machine()
            is_old = locked is not False and time.time() - os.fstat(descriptor).st_mtime > ABANDONED_AFTER_SECONDS
            yield table, folder / name, writer_is_gone or is_old
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """True where the lock was free and is now held, False where a running writer holds it, None without locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
