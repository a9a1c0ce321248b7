"""A file that is being written, under a hidden name, until it is published whole or forgotten.

Here: creating such files, telling live ones from those of a writer that was killed, and sweeping the latter. Not here:
what is written into them (``writer.py``), where they go (``storage.py``).
"""

import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: leftovers are told by their age alone
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".writing"
"""Not ``.parquet``: the globs of DuckDB and Polars match hidden files too, by their ending."""

_A_DAY = 24 * 60 * 60


def _this_machine() -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in socket.gethostname()) or "localhost"


def is_draft(name: str) -> bool:
    """Whether a file of this name is somebody's draft."""
    return name.startswith(".") and name.endswith(SUFFIX)


class Draft:
    """A hidden file, locked for as long as its writer lives (the kernel lets go of the lock of a killed process)."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def create(cls, folder: Path, table: str) -> "Draft":
        """A new empty draft of ``table``, readable by its owner alone. Raises OSError."""
        while True:
            name = f".{table}.{_this_machine()}.{secrets.token_hex(6)}{SUFFIX}"
            path = folder / name
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            claimed = _claim(descriptor)
            # A sweeper that looked between the creation and the claim takes the new file for a leftover.
            if claimed is not False and os.fstat(descriptor).st_nlink:
                return cls(path, descriptor)
            os.close(descriptor)
            path.unlink(missing_ok=True)

    def settle(self) -> int:
        """Makes sure that every byte is on the disk, and gives their number. Raises OSError (a full disk)."""
        assert self._descriptor is not None
        os.fsync(self._descriptor)
        return os.fstat(self._descriptor).st_size

    def let_go(self) -> None:
        """Ends the claim on the file, which stays: it was published under another name."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def discard(self) -> None:
        """Removes the file, if it is still under its hidden name."""
        if self._descriptor is not None:
            self.path.unlink(missing_ok=True)
            self.let_go()


def sweep(folder: Path, table: str) -> list[Path]:
    """Removes the drafts of ``table`` that nobody is writing any more, and tells which.

    On this machine a draft without a lock has lost its writer. Of other machines that share the folder (where locks may
    not be seen), and where there are no locks, only what was not touched for a day is taken for left over.
    """
    swept = []
    for path in _drafts_of(folder, table):
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:  # somebody else's, or gone meanwhile
            continue
        try:
            claimed = _claim(descriptor)
            its_writer_is_gone = claimed is True and path.name.split(".")[2] == _this_machine()
            too_old = claimed is not False and time.time() - os.fstat(descriptor).st_mtime > _A_DAY
            if its_writer_is_gone or too_old:
                path.unlink()
                swept.append(path)
        except OSError:  # sweeping is a courtesy that must not fail a refresh
            continue
        finally:
            os.close(descriptor)
    return swept


def _drafts_of(folder: Path, table: str) -> Iterator[Path]:
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        pieces = name.split(".")
        if is_draft(name) and len(pieces) == 5 and pieces[1] == table:
            yield folder / name


def _claim(descriptor: int) -> bool | None:
    """True where the lock was free and is now held, False where a living writer has it, None where there are none."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
