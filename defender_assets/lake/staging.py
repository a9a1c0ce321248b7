"""Staging: folders of intermediate files that several machines share while one result is computed.

Here: the folder of one computation in a folder that all have, what is put into it and read from it, and the removal of
those that killed processes left. Not here: who computes (``compliance/engine/``), partitions (``writer.py``).

Readers of tables do not see it: by default it is a hidden folder in the lake's root, in which no glob of a table looks.
"""

import contextlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from ..sanitize import brief
from .draft import ABANDONED_AFTER_SECONDS, Draft, this_machine
from .errors import LakeNotWritable, remedy_of_fault
from .layout import is_visible
from .storage import Storage, local_path, open_storage

_STAGING = ".staging"
_NAME = re.compile(r"staging-(?P<begun>\d{8}T\d{6})-(?P<machine>.+)-[0-9a-f]{12}")
_BEGUN = "%Y%m%dT%H%M%S"


def staging_folder(lake: str, configured: str | None = None) -> str:
    """Where computations over the lake at this address have their folders: in a hidden folder of its root, or where
    ``configured``."""
    return configured or f"{lake.rstrip('/')}/{_STAGING}"


class Staging:
    """The folder of one computation. Paths are relative to it; ``address`` gives what other programs open. Every method
    raises LakeError where the place cannot be read or written."""

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage = storage
        self._name = name

    @property
    def folder(self) -> Path | None:
        """The folder, where it is one of this machine or mounted on it."""
        return local_path(self._storage.address(self._name))

    def address(self, path: str) -> str:
        """An absolute path or a URL."""
        return self._storage.address(f"{self._name}/{path}")

    def put(self, file: Path, path: str) -> str:
        """Copies a local file there; gives its address."""
        target = f"{self._name}/{path}"
        draft = self._storage.draft("staging", target)
        try:
            with _disk_errors(self._storage):
                shutil.copyfile(file, draft.path)
            return self._published(draft, path)
        finally:
            draft.discard()

    def write(self, rows: pa.Table | pa.RecordBatchReader, path: str) -> str:
        """Writes a Parquet file there; gives its address."""
        target = f"{self._name}/{path}"
        batches = rows.to_batches() if isinstance(rows, pa.Table) else rows
        draft = self._storage.draft("staging", target)
        try:
            with _disk_errors(self._storage), pq.ParquetWriter(draft.path, rows.schema) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            return self._published(draft, path)
        finally:
            draft.discard()

    def _published(self, draft: Draft, path: str) -> str:
        self._storage.publish(draft, f"{self._name}/{path}")
        if self.folder is not None:
            # As readable as the folder is: a draft is its owner's alone.
            with _disk_errors(self._storage):
                os.chmod(self.folder / path, self.folder.stat().st_mode & 0o666)
        return self.address(path)

    def parts(self, path: str) -> Iterator[pq.ParquetFile]:
        """The Parquet files of a folder, each open while it is asked for, in the order of their names."""
        for name in self._storage.files(f"{self._name}/{path}"):
            if is_visible(name) and name.endswith(".parquet"):
                place = self._storage.arrow_path(f"{self._name}/{path}/{name}")
                with pq.ParquetFile(place, filesystem=self._storage.filesystem) as file:
                    yield file

    def remove(self, path: str) -> None:
        """Removes a folder with all that is in it. No error if it is gone."""
        _remove(self._storage, f"{self._name}/{path}")


@contextlib.contextmanager
def open_staging(root: str) -> Iterator[Staging]:
    """A new folder in ``root``, a path or a URL that fsspec knows; it is gone after the block. Removes what killed
    processes left there. Raises LakeError, LakeNotWritable."""
    sweep_staging(root)
    storage = open_storage(root)
    name = f"staging-{datetime.now(UTC):{_BEGUN}}-{this_machine()}-{secrets.token_hex(6)}"
    with contextlib.ExitStack() as stack:
        # Locked before the folder is there: nobody takes it for abandoned.
        stack.callback(_unlock, root, name)
        with contextlib.suppress(OSError, NotImplementedError):  # a file system without locks: abandoned when it is old
            stack.enter_context(FileLock(_made_for_locks(root, name)))
        _make_folder(storage, root, name)
        stack.callback(_remove, storage, name)
        yield Staging(storage, name)


def sweep_staging(root: str) -> None:
    """Removes the abandoned folders in ``root``. Never fails.

    A folder of this machine is abandoned when its process does not hold its lock any more. One of another machine is
    abandoned when it was begun a day ago; so is any where there are no locks.
    """
    with contextlib.suppress(Exception):  # the store's libraries have errors of their own
        storage = open_storage(root)
        for name in storage.folders(""):
            if found := _NAME.fullmatch(name):
                with contextlib.suppress(Exception):  # whatever is wrong with one, the others go
                    _sweep(storage, root, name, found)


def _sweep(storage: Storage, root: str, name: str, found: re.Match[str]) -> None:
    lock = _lock_file(root, name)
    if found["machine"] == this_machine() and lock.exists():
        with contextlib.suppress(Timeout), FileLock(lock, timeout=0):
            _remove(storage, name)
            _unlock(root, name)
        return
    begun = datetime.strptime(found["begun"], _BEGUN).replace(tzinfo=UTC)
    if datetime.now(UTC) - begun > timedelta(seconds=ABANDONED_AFTER_SECONDS):
        _remove(storage, name)


def _lock_file(root: str, name: str) -> Path:
    """Where the lock of a folder is: beside it, or on this machine where that is an object store."""
    return (local_path(root) or Path(tempfile.gettempdir())) / f".{name}.lock"


def _unlock(root: str, name: str) -> None:
    with contextlib.suppress(OSError):
        _lock_file(root, name).unlink(missing_ok=True)


def _made_for_locks(root: str, name: str) -> Path:
    file = _lock_file(root, name)
    _make_private(file.parent)
    return file


def _make_folder(storage: Storage, root: str, name: str) -> None:
    """The folder, with the rights of the one that it is in: workers that run as other users may have to write there."""
    folder = local_path(root)
    if folder is None:
        return  # an object store has no folders
    with _disk_errors(storage):
        _make_private(folder)
        (folder / name).mkdir()
        os.chmod(folder / name, folder.stat().st_mode & 0o7777)


@contextlib.contextmanager
def _disk_errors(storage: Storage) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LakeNotWritable(
            f"The staging folder {storage.root} cannot be written ({brief(error)}). {remedy_of_fault(error)}."
        ) from error


def _make_private(folder: Path) -> None:
    """Makes a folder, and those above it, for its owner alone: the rows in it are personal data."""
    for missing in reversed([folder, *folder.parents]):
        if not missing.is_dir():
            with contextlib.suppress(FileExistsError):
                missing.mkdir(mode=0o700)


def _remove(storage: Storage, path: str) -> None:
    folder: Any = local_path(storage.address(path))
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)  # what is left is swept later
        return
    with contextlib.suppress(LakeNotWritable):
        storage.remove_partition("staging", path)
