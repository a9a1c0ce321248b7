"""A lake in a folder of this machine (or of a file system mounted on it).

Here: listing, publishing by ``os.replace``, rights 0700 and 0600. Not here: what the files hold.

Drafts lie in the lake's root and not beside the partitions: Polars, given a table's folder, reads hidden files too.
"""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from ..sanitize import brief
from ..sql import Connection
from .draft import Draft, sweep
from .errors import LakeError, LakeNotWritable
from .journal import LocalJournal
from .layout import PartFile, is_visible, part_of

_DEPTH = 4  # table, tenant, day, file


class LocalStorage:
    """A lake in ``folder``, which need not exist yet."""

    filesystem = None
    refusals: tuple[type[Exception], ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = str(folder)

    def folders(self, path: str) -> list[str]:
        return sorted(entry.name for entry in self._entries(path) if entry.is_dir() and is_visible(entry.name))

    def parts(self, path: str) -> list[PartFile]:
        return sorted(self._walk(path), key=lambda part: part.path)

    def _walk(self, path: str) -> Iterator[PartFile]:
        for entry in self._entries(path):
            if not is_visible(entry.name):
                continue
            below = f"{path}/{entry.name}"
            if below.count("/") + 1 < _DEPTH:
                if entry.is_dir():
                    yield from self._walk(below)
            elif entry.is_file():
                try:
                    part = part_of(below, entry.stat().st_size)
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
            raise self.unreachable(error) from error

    def unreachable(self, error: Exception) -> LakeError:
        return LakeError(
            f"The lake at {self.root} cannot be read ({brief(error)}): give the user that runs this the right to."
        )

    def address(self, path: str) -> str:
        return str(self.folder / path)

    arrow_path = address

    def known_as(self, path: str) -> list[str]:
        return [self.address(path)]

    def draft(self, table: str, path: str) -> Draft:
        folder = self._folder_of_drafts(table)
        target = self.folder / path
        try:
            self._make(folder)
            # Asked now, because the draft lies elsewhere, and publishing comes only after all the work.
            if not _may_write(target.parent):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            sweep(folder, table)
            return Draft.create(folder, table)
        except OSError as error:
            raise self._not_writable(target, error) from error

    def _folder_of_drafts(self, table: str) -> Path:
        # os.replace does not cross file systems, and a table's folder may be a mount or a link to another disk.
        with contextlib.suppress(OSError):
            if (self.folder / table).stat().st_dev != self.folder.stat().st_dev:
                return self.folder / table
        return self.folder

    def publish(self, draft: Draft, path: str) -> None:
        target = self.folder / path
        try:
            draft.settle()
            self._make(target.parent)
            os.replace(draft.path, target)
            _settle_folder(target.parent)
        except OSError as error:
            raise self._not_writable(target, error) from error
        draft.let_go()

    def remove(self, path: str) -> None:
        target = self.folder / path
        try:
            target.unlink(missing_ok=True)
        except OSError as error:
            raise self._not_writable(target, error) from error
        with contextlib.suppress(OSError):  # the folder holds other files, and stays
            target.parent.rmdir()

    def read_bytes(self, path: str) -> bytes | None:
        file = self.folder / path
        try:
            return file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LakeError(f"{file} cannot be read ({brief(error)}): look at its rights and what it is.") from error

    def journal(self, path: str) -> LocalJournal:
        return LocalJournal(self.folder / f"{path}.ndjson")

    def check_writable(self) -> None:
        probe = self.folder / f".writable.{secrets.token_hex(6)}"
        try:
            self._make(self.folder)
            descriptor = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                os.write(descriptor, b"can this be written?")  # an empty file is possible on a full disk
            finally:
                os.close(descriptor)
                probe.unlink()
        except OSError as error:
            raise self._not_writable(self.folder, error) from error

    def register(self, connection: Connection) -> None:
        """Nothing to do: DuckDB knows local paths."""

    def _make(self, folder: Path) -> None:
        """The folder and those above it, 0700 where they are new: what the lake holds is personal data."""
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            if folder == folder.parent:
                break
            folder = folder.parent
        for new in reversed(missing):
            with contextlib.suppress(FileExistsError):
                os.mkdir(new, 0o700)
                _settle_folder(new.parent)
            if not new.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, f"{new} is a file, not a folder")

    def _not_writable(self, where: Path, error: OSError) -> LakeNotWritable:
        return LakeNotWritable(
            f"The lake at {self.root} cannot be written: {where}: {brief(error)}. Free the space, give the user "
            "that runs this the right to write there, or set DEFENDER_LAKE to another place."
        )


def _settle_folder(folder: Path) -> None:
    """Makes a new name in a folder last through a power cut, where the system can be asked to."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _may_write(folder: Path) -> bool:
    """Whether files can be made in the folder, or in the nearest one above it that exists, as far as rights tell."""
    while not folder.is_dir():
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)
