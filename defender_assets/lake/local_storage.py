"""A lake in a folder of this machine, or of a file system that is mounted on it.

Here: listing, publishing by ``os.replace``. Not here: what the files contain (``parquet.py``), who may read them
(``access.py``), object stores (``object_storage.py``).

Drafts are kept in the lake's root and not beside the partitions, because Polars, given a table's folder, reads hidden
files too.
"""

import contextlib
import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path

from ..sanitize import brief
from ..sql import DuckDBConnection
from .access import PRIVATE, Access, chosen_access
from .draft import ABANDONED_AFTER_SECONDS, Draft, sweep, tables_in_work
from .errors import LakeError, LakeNotWritable, remedy_of_fault
from .journal import LocalJournal
from .layout import PartFile, day_of, is_visible, parse_part

_DEPTH = 4
"""Table, tenant, day, file."""
_REMOVING = ".removing"
"""The end of the name of a folder that was a partition."""
_PROBE = ".writable."
"""The beginning of the name of a file by which it was tried out whether the lake can be written."""


class LocalStorage:
    """A lake in ``folder``, which need not exist yet."""

    identity = ""
    filesystem = None
    uploads = 1
    errors: tuple[type[Exception], ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = str(folder)

    def folders(self, path: str) -> list[str]:
        return sorted(entry.name for entry in self._entries(path) if entry.is_dir() and is_visible(entry.name))

    def parts(self, path: str, first: date = date.min, last: date = date.max) -> list[PartFile]:
        return sorted(self._walk(path, first, last), key=lambda part: part.path)

    def newest_parts(self, path: str) -> list[PartFile]:
        days = (name for name in self.folders(path) if day_of(name) is not None)
        return next((parts for name in sorted(days, reverse=True) if (parts := self.parts(f"{path}/{name}"))), [])

    def _walk(self, path: str, first: date, last: date) -> Iterator[PartFile]:
        for entry in self._entries(path):
            if not is_visible(entry.name):
                continue
            below = f"{path}/{entry.name}"
            if below.count("/") + 1 < _DEPTH:
                day = day_of(entry.name)  # a folder of another day need not be opened
                if (day is None or first <= day <= last) and entry.is_dir():
                    yield from self._walk(below, first, last)
            elif entry.is_file():
                try:
                    part = parse_part(below, entry.stat().st_size)
                except FileNotFoundError:  # removed since the folder was listed
                    continue
                if part is not None:
                    yield part

    def _entries(self, path: str) -> list[os.DirEntry[str]]:
        folder = self.folder / path
        try:
            with os.scandir(folder) as entries:
                return list(entries)
        except FileNotFoundError:
            return []
        except NotADirectoryError:
            raise LakeError(
                f"{folder}, or a folder it would be in, is a file where the lake has a folder: move it away, or set "
                "DEFENDER_LAKE to another place."
            ) from None
        except OSError as error:
            raise self.read_error(error) from error

    def read_error(self, error: Exception) -> LakeError:
        return LakeError(
            f"The lake at {self.root} cannot be read ({brief(error)}): give the user that runs this the right to."
        )

    def cached_listings(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def fetch_together(self, parts: Sequence[PartFile]) -> None:
        """Nothing to do: a disk has no waiting that could be shared."""

    def address(self, path: str) -> str:
        return str(self.folder / path)

    arrow_path = address

    def address_spellings(self, path: str) -> list[str]:
        return [self.address(path)]

    def draft(self, table: str, path: str) -> Draft:
        folder = self._drafts_folder(table)
        target = self.folder / path
        try:
            self._make_folder(folder)
            # Checked now, because the draft is in another folder, and publishing comes after all the work.
            if not _may_write(target.parent):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            sweep(folder, table)
            return Draft.create(folder, table)
        except OSError as error:
            raise self._not_writable(target, error) from error

    def _drafts_folder(self, table: str) -> Path:
        # os.replace does not work across file systems, and a table's folder may be on another disk.
        with contextlib.suppress(OSError):
            if (self.folder / table).stat().st_dev != self.folder.stat().st_dev:
                return self.folder / table
        return self.folder

    def publish(self, draft: Draft, path: str) -> None:
        target = self.folder / path
        try:
            if self._access is not PRIVATE:
                os.chmod(draft.path, self._access.files)  # until now it was the owner's alone
            draft.sync()
            self._make_folder(target.parent)
            os.replace(draft.path, target)
            _sync_folder(target.parent)
        except OSError as error:
            raise self._not_writable(target, error) from error
        draft.release()

    def remove(self, path: str) -> None:
        target = self.folder / path
        try:
            target.unlink(missing_ok=True)
        except OSError as error:
            raise self._not_writable(target, error) from error

    def bytes_by_day(self, path: str) -> dict[date, int]:
        found: dict[date, int] = {}
        for folder in self.folders(path):
            if (day := day_of(folder)) is None:
                continue
            for entry in self._entries(f"{path}/{folder}"):
                with contextlib.suppress(FileNotFoundError):  # removed since the folder was listed
                    if is_visible(entry.name) and entry.is_file():
                        found[day] = found.get(day, 0) + entry.stat().st_size
        return found

    def remove_partition(self, table: str, path: str) -> None:
        target = self.folder / path
        hidden = self._drafts_folder(table) / f".{table}.{secrets.token_hex(6)}{_REMOVING}"
        try:
            os.rename(target, hidden)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._not_writable(target, error) from error
        # Nothing waits for the disk: a partition that a power cut brings back is removed by the next prune.
        _remove_tree(hidden)

    def tables_in_work(self) -> set[str]:
        return set().union(*map(tables_in_work, self._folders_of_drafts()))

    def sweep(self) -> None:
        for folder in self._folders_of_drafts():
            sweep(folder)
            for left_behind in folder.glob(f".*{_REMOVING}"):
                _remove_tree(left_behind)
            for probe in folder.glob(f"{_PROBE}*"):
                with contextlib.suppress(OSError):
                    if time.time() - probe.stat().st_mtime > ABANDONED_AFTER_SECONDS:
                        probe.unlink()

    def _folders_of_drafts(self) -> set[Path]:
        return {self.folder, *map(self._drafts_folder, self.folders(""))}

    def files(self, path: str) -> list[str]:
        return sorted(entry.name for entry in self._entries(path) if entry.is_file())

    def may_move(self, path: str, target: str) -> bool:
        return not self._entries(target)  # a folder is moved in one step

    def move_folder(self, path: str, target: str) -> None:
        place = self.folder / target
        try:
            self._make_folder(place.parent)
            os.rename(self.folder / path, place)
            _sync_folder(place.parent)
        except OSError as error:
            raise self._not_writable(place, error) from error
        with contextlib.suppress(OSError):
            (self.folder / path).parent.rmdir()  # if nothing is left in it

    def is_file(self, path: str) -> bool:
        file = self.folder / path
        try:
            return file.is_file()
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # so no file is called that
                return False
            raise LakeError(f"{file} cannot be read ({brief(error)}): look at its rights and what it is.") from error

    def read_bytes(self, path: str) -> bytes | None:
        file = self.folder / path
        try:
            return file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LakeError(f"{file} cannot be read ({brief(error)}): look at its rights and what it is.") from error

    def journal(self, path: str) -> LocalJournal:
        return LocalJournal(self.folder / f"{path}.ndjson", self._make_folder)

    def check_writable(self) -> None:
        probe = self.folder / f"{_PROBE}{secrets.token_hex(6)}"
        renamed = probe.with_name(f"{probe.name}.renamed")
        try:
            self._make_folder(self.folder)
            descriptor = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                os.write(descriptor, b"can this be written?")  # a full disk still takes an empty file
            finally:
                os.close(descriptor)
            os.replace(probe, renamed)  # as publishing does; some mounted object stores cannot
            renamed.unlink()
        except OSError as error:
            raise self._not_writable(self.folder, error) from error
        finally:
            for left_behind in (probe, renamed):
                with contextlib.suppress(OSError):
                    left_behind.unlink(missing_ok=True)

    def register(self, connection: DuckDBConnection) -> None:
        """Nothing to do: DuckDB opens local paths by itself."""

    @cached_property
    def _access(self) -> Access:
        return chosen_access()

    def _make_folder(self, folder: Path) -> None:
        """Creates the folder and those above it, for those alone who may read what is published in it: the lake holds
        personal data."""
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            if folder == folder.parent:
                break
            folder = folder.parent
        for new in reversed(missing):
            with contextlib.suppress(FileExistsError):
                os.mkdir(new, PRIVATE.folders)
                if self._access is not PRIVATE:
                    os.chmod(new, self._access.folders)
                _sync_folder(new.parent)
            if not new.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, f"{new} is a file, not a folder")

    def _not_writable(self, path: Path, error: OSError) -> LakeNotWritable:
        # The path is named once; of a file in place of a folder the error has another one.
        where = "" if path == self.folder or error.errno == errno.ENOTDIR else f"{path}: "
        return LakeNotWritable(
            f"The lake at {self.root} cannot be written: {where}{brief(error)}. {remedy_of_fault(error)}."
        )


def _remove_tree(folder: Path) -> None:
    """What cannot be removed is tried again by the next ``sweep``; no reader sees it."""
    if folder.is_symlink():  # whoever put a partition elsewhere keeps what is there
        with contextlib.suppress(OSError):
            folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    """Makes a new name in a folder survive a power cut, where the system supports that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _may_write(folder: Path) -> bool:
    """Whether permissions allow new files in the folder, or in the nearest one above it that exists."""
    while not folder.is_dir():
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)
