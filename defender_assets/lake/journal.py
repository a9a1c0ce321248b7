"""Journals: the results of long work so far, saved line by line while it goes on.

Here: files that are only appended to, hidden from readers of the lake. Not here: what the lines mean
(``refresh/dataset/crawl.py``).

Appended lines survive a kill at any moment, on an object store but for those of the last seconds. A line that a kill
cut off is ignored. Each line is a JSON text.
"""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from ..sanitize import brief
from .errors import RIGHTS_IN_STORE, LakeNotWritable, remedy_of_fault

_SAVED_EVERY_SECONDS = 10.0
_SAVED_EVERY_BYTES = 2**20


class Journal(Protocol):
    """Lines of bytes, each a JSON text that ends in a newline."""

    def append(self, line: bytes) -> None:
        """Raises LakeNotWritable."""
        ...

    def flush(self) -> None:
        """Saves what was appended, where that has not been done yet. Raises LakeNotWritable."""
        ...

    def lines(self) -> Iterator[bytes]:
        """The complete lines, in the order in which one writer appended them; none where there is no journal."""
        ...

    def clear(self) -> None:
        """Removes all lines; no error if there are none."""
        ...


class LocalJournal:
    """One file of its owner's alone, to which each line is written at once. ``make_folder`` makes the one it is in."""

    def __init__(self, file: Path, make_folder: Callable[[Path], None]) -> None:
        self._file = file
        self._make_folder = make_folder

    def append(self, line: bytes) -> None:
        try:
            self._make_folder(self._file.parent)
            descriptor = os.open(self._file, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
            try:
                if (size := os.fstat(descriptor).st_size) and os.pread(descriptor, 1, size - 1) != b"\n":
                    line = b"\n" + line  # a kill cut the last line off; this one must not become part of it
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _not_writable(self._file, error, remedy_of_fault(error)) from error

    def flush(self) -> None:
        """Nothing to do: each line is saved when it is appended."""

    def lines(self) -> Iterator[bytes]:
        try:
            with self._file.open("rb") as file:
                yield from (line for line in file if _is_complete(line))
        except FileNotFoundError:
            return

    def clear(self) -> None:
        self._file.unlink(missing_ok=True)


class ObjectJournal:
    """A folder of objects. Their names sort in the order in which one writer appended them.

    An object cannot be appended to, and one for each line would be a wait for each: the lines of some seconds are
    saved together, and those are what a kill can lose.
    """

    def __init__(self, store: Any, folder: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._folder = folder
        self._clock = clock
        self._writer = secrets.token_hex(6)
        self._count = 0
        self._waiting: list[bytes] = []
        self._since = 0.0

    def append(self, line: bytes) -> None:
        if not self._waiting:
            self._since = self._clock()
        self._waiting.append(line)
        if self._clock() - self._since >= _SAVED_EVERY_SECONDS or sum(map(len, self._waiting)) >= _SAVED_EVERY_BYTES:
            self.flush()

    def flush(self) -> None:
        if not self._waiting:
            return
        try:
            self._store.pipe_file(f"{self._folder}/{self._writer}-{self._count:08}.ndjson", b"".join(self._waiting))
        except Exception as error:  # noqa: BLE001 - each store's library has errors of its own
            raise _not_writable(self._folder, error, RIGHTS_IN_STORE) from None
        self._count += 1
        self._waiting = []

    def lines(self) -> Iterator[bytes]:
        self.flush()
        self._store.invalidate_cache()
        try:
            names = sorted(self._store.find(self._folder))
        except FileNotFoundError:
            return
        for name in names:
            yield from (line for line in self._store.cat_file(name).splitlines(keepends=True) if _is_complete(line))

    def clear(self) -> None:
        self._waiting = []
        if self._store.exists(self._folder):
            self._store.rm(self._folder, recursive=True)


def _is_complete(line: bytes) -> bool:
    if not line.endswith(b"\n") or line == b"\n":
        return False
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _not_writable(path: object, error: Exception, remedy: str) -> LakeNotWritable:
    return LakeNotWritable(f"The lake cannot be written: {path}: {brief(error)}. {remedy}.")
