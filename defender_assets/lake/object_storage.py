"""A lake in an object store, or at any other URL that fsspec can open.

Here: listing, publishing by one upload. Not here: with which identity (``store_access.py``), DuckDB's way in
(``duckdb_access.py``), listings that are kept (``listing_cache.py``), a lake on a local disk (``local_storage.py``).

An object store shows the older object until the upload of the new one is complete, so that uploading a finished local
file is atomic.
"""

import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from ..sanitize import brief, without_secrets
from ..sql import DuckDBConnection
from .draft import Draft, sweep, tables_in_work
from .duckdb_access import register_store
from .errors import RIGHTS_IN_STORE, LakeError, LakeNotWritable
from .journal import ObjectJournal
from .layout import PART, PartFile, day_of, is_visible, newest_parts, parse_part
from .listing_cache import cached_listings, cached_parts, forget_listings, keep_listing
from .object_reading import ArrowHandler, ObjectReader, reader_of
from .store_access import StoreAccess, store_access, store_kind

_NOT_ATOMIC = {"ftp", "sftp", "ssh", "smb", "hdfs", "arrow_hdfs", "webhdfs", "webHDFS", "dbfs", "http", "https"}
"""Protocols of file systems that show a file while it is being uploaded, or cannot be written to at all."""
_COMPARED_AT_ONCE = 16 * 2**20
"""Bytes of two objects that are compared."""


class ObjectStorage:
    """A lake at ``url``, which fsspec opens with the store's own library."""

    uploads = 8
    errors: tuple[type[Exception], ...] = (Exception,)

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.root = without_secrets(self.url)
        self._bucket_is_there = False
        if url.partition("://")[0] in _NOT_ATOMIC:
            raise LakeError(
                f"The lake cannot be at {self.root}: files would be seen there before they are whole. "
                "Mount it and use the path, or use a local folder or an object store."
            )

    @cached_property
    def _store(self) -> Any:
        """The fsspec file system."""
        return self._opened[0]

    @property
    def _base(self) -> str:
        """The root's path within the store, without the protocol."""
        return self._opened[1]

    @cached_property
    def _access(self) -> StoreAccess:
        return store_access(self.url)

    @property
    def identity(self) -> str:
        return self._access.identity

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        import fsspec

        kind, options = store_kind(self.url), self._access.options
        try:
            store, base = fsspec.core.url_to_fs(self.url, **options)
        except ImportError:
            remedy = f"Install its library ({kind.install})" if kind else "Install the library that fsspec names for it"
            raise LakeError(
                f"The lake at {self.root} needs a library that is not installed. {remedy}, or correct DEFENDER_LAKE."
            ) from None
        except ValueError as error:  # adlfs without an account, a protocol that nobody knows
            remedy = f"Give the address as {kind.address}" if kind else "Correct DEFENDER_LAKE"
            raise LakeError(f"The lake at {self.root} cannot be reached: {brief(error)}. {remedy}.") from None
        except Exception as error:  # noqa: BLE001 - each store's library has errors of its own
            raise self.read_error(error) from None
        base = base.rstrip("/")
        if kind is not None and not base:
            raise LakeError(f"DEFENDER_LAKE names no {kind.bucket}: give it as {kind.address}.")
        return store, base

    @cached_property
    def _reader(self) -> ObjectReader:
        return reader_of(self._store)

    @cached_property
    def filesystem(self) -> Any:
        from pyarrow import fs

        return fs.PyFileSystem(ArrowHandler(self._store, self._reader))

    def fetch_together(self, parts: Sequence[PartFile]) -> None:
        self._reader.fetch_together(self._path_in_store(part.path) for part in parts)

    def folders(self, path: str) -> list[str]:
        entries = self._listing(lambda folder: self._store.ls(folder, detail=True), path)
        names = (entry["name"].rstrip("/").rsplit("/", 1)[-1] for entry in entries if entry["type"] == "directory")
        return sorted(name for name in names if is_visible(name))

    def parts(self, path: str, first: date = date.min, last: date = date.max) -> list[PartFile]:
        below = cached_parts(self.url, path)
        if below is None:
            found = self._listing(lambda folder: self._store.find(folder, detail=True), path)
            self._reader.note(dict(found))
            below = sorted(self._parts(found), key=lambda part: part.path)
            keep_listing(self.url, path, below)
        return [part for part in below if first <= part.date <= last]

    def cached_listings(self) -> AbstractContextManager[None]:
        return cached_listings()

    def _changed(self, path: str) -> None:
        self._reader.forget(self._path_in_store(path))
        forget_listings(self.url, path)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Raises LakeError for what the store's library raises, of which each has errors of its own; FileNotFoundError
        stays what it is."""
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:  # noqa: BLE001
            raise self.read_error(error) from None

    @contextmanager
    def _writing(self, path: str) -> Iterator[None]:
        """Raises LakeNotWritable for what the store's library raises, and forgets what was known of ``path``."""
        try:
            yield
        except Exception as error:  # noqa: BLE001
            raise self._not_writable(path, error) from None
        finally:
            self._changed(path)

    def newest_parts(self, path: str) -> list[PartFile]:
        # One request tells a thousand files, and one for the folders alone would be followed by another.
        return newest_parts(self.parts(path))

    def _parts(self, found: Any) -> Iterator[PartFile]:
        for name, info in dict(found).items():
            part = parse_part(name.removeprefix(self._base).lstrip("/"), info.get("size") or 0)
            if part is not None and info.get("type") != "directory":
                yield part

    def _listing(self, list_folder: Callable[[str], Any], path: str) -> Any:
        try:
            with self._reading():
                # The libraries cache listings; another process may have published since.
                self._store.invalidate_cache()
                found = list_folder(self._path_in_store(path))
        except FileNotFoundError:
            found = []
        if not found:
            self._check_bucket()
        return found

    def _check_bucket(self) -> None:
        """Raises LakeError where the bucket is missing: the libraries tell of nothing in it as of an empty folder."""
        if missing := self._missing_bucket():
            raise LakeError(missing)

    def _missing_bucket(self) -> str | None:
        kind, bucket = store_kind(self.url), self._base.partition("/")[0]
        if kind is None or self._bucket_is_there:
            return None
        try:
            self._store.info(bucket)
        except FileNotFoundError:
            return (
                f"The lake at {self.root} cannot be reached: there is no {kind.bucket} {bucket}. Make the "
                f"{kind.bucket}, or correct DEFENDER_LAKE."
            )
        except Exception:  # noqa: BLE001 - whoever may not look at the bucket is told so by what was asked for
            return None
        self._bucket_is_there = True
        return None

    def _path_in_store(self, path: str) -> str:
        return f"{self._base}/{path}" if path else self._base or "/"

    def address(self, path: str) -> str:
        return f"{self.url}/{path}"

    def arrow_path(self, path: str) -> str:
        return self._path_in_store(path)

    def address_spellings(self, path: str) -> list[str]:
        protocols = self._store.protocol
        names = [protocols] if isinstance(protocols, str) else protocols
        key = self._path_in_store(path)
        return [self.address(path), *(f"{name}://{spelling}" for name in names for spelling in (key, key.lstrip("/")))]

    def draft(self, table: str, path: str) -> Draft:
        """A local file, which takes as much room in the temporary folder as the partition has bytes."""
        folder = Path(tempfile.gettempdir())
        sweep(folder, table)
        try:
            return Draft.create(folder, table)
        except OSError as error:
            raise LakeNotWritable(
                f"No file can be made in {folder} ({brief(error)}), where a partition of {table} waits for its "
                f"upload to {self.root}: make room there, or set TMPDIR to another place."
            ) from error

    def publish(self, draft: Draft, path: str) -> None:
        with self._writing(path):
            draft.sync()
            self._store.put_file(str(draft.path), self._path_in_store(path))
        draft.discard()

    def remove(self, path: str) -> None:
        with self._writing(path), suppress(FileNotFoundError):
            self._store.rm_file(self._path_in_store(path))

    def bytes_by_day(self, path: str) -> dict[date, int]:
        found: dict[date, int] = {}
        for name, info in dict(self._listing(lambda folder: self._store.find(folder, detail=True), path)).items():
            folder, _, file = name.rpartition("/")
            day = day_of(folder.rpartition("/")[-1])
            if day is not None and is_visible(file):
                found[day] = found.get(day, 0) + (info.get("size") or 0)
        return found

    def remove_partition(self, table: str, path: str) -> None:
        with self._writing(f"{path}/{PART}"), suppress(FileNotFoundError):
            self._store.invalidate_cache()
            # The markers of folders too, which some stores have.
            self._store.rm(self._path_in_store(path), recursive=True)

    def tables_in_work(self) -> set[str]:
        """Those of which a partition waits on this machine for its upload, to whichever lake. Other machines cannot be
        seen."""
        return tables_in_work(Path(tempfile.gettempdir()))

    def sweep(self) -> None:
        sweep(Path(tempfile.gettempdir()))

    def files(self, path: str) -> list[str]:
        entries = self._listing(lambda folder: self._store.ls(folder, detail=True), path)
        return sorted(entry["name"].rsplit("/", 1)[-1] for entry in entries if entry["type"] == "file")

    def may_move(self, path: str, target: str) -> bool:
        former, place = self._sizes(path), self._sizes(target)
        both = former.keys() & place.keys()
        one_has_all_of_the_other = len(both) == min(len(former), len(place))
        return one_has_all_of_the_other and all(
            former[name] == place[name] and self._is_same(f"{path}{name}", f"{target}{name}", former[name])
            for name in both
        )

    def _sizes(self, path: str) -> dict[str, int]:
        """The files below a folder, by their paths from there."""
        found = dict(self._listing(lambda folder: self._store.find(folder, detail=True), path))
        above = self._path_in_store(path)
        return {name.removeprefix(above): info.get("size") or 0 for name, info in found.items()}

    def _is_same(self, path: str, other: str, size: int) -> bool:
        names = self._path_in_store(path), self._path_in_store(other)
        with self._reading():
            for start in range(0, size, _COMPARED_AT_ONCE):
                end = min(start + _COMPARED_AT_ONCE, size)
                former, place = (self._store.cat_file(name, start=start, end=end) for name in names)
                if former != place:
                    return False
        return True

    def move_folder(self, path: str, target: str) -> None:
        former, place = self._path_in_store(path), self._path_in_store(target)
        with self._writing(target):
            self._store.invalidate_cache()
            files = self._store.find(former)
            for file in files:
                self._store.cp_file(file, f"{place}{file.removeprefix(former)}")
            for file in files:
                self._store.rm_file(file)
                self._changed(file.removeprefix(f"{self._base}/"))

    def is_file(self, path: str) -> bool:
        try:
            with self._reading():
                self._store.invalidate_cache()
                return bool(self._store.info(self._path_in_store(path))["type"] == "file")
        except FileNotFoundError:
            self._check_bucket()
            return False

    def read_bytes(self, path: str) -> bytes | None:
        try:
            with self._reading():
                content: bytes = self._store.cat_file(self._path_in_store(path))
        except FileNotFoundError:
            self._check_bucket()
            return None
        return content

    def journal(self, path: str) -> ObjectJournal:
        return ObjectJournal(self._store, self._path_in_store(path))

    def check_writable(self) -> None:
        probe = f".writable.{secrets.token_hex(6)}"
        with self._writing(probe):
            self._store.pipe_file(self._path_in_store(probe), b"can this be written?")
            self._store.rm_file(self._path_in_store(probe))

    def register(self, connection: DuckDBConnection) -> None:
        register_store(connection, self._store, self._reader)

    def read_error(self, error: Exception) -> LakeError:
        if isinstance(error, LakeError):
            return error  # its own sentence, with its own remedy
        return LakeError(
            f"The lake at {self.root} cannot be read: {brief(error)}. See that DEFENDER_LAKE names the right place "
            "and that the identity which runs this may list and read it."
        )

    def _not_writable(self, path: str, error: Exception) -> LakeNotWritable:
        if isinstance(error, LakeError):
            return LakeNotWritable(error.what)
        if missing := self._missing_bucket():
            return LakeNotWritable(missing)
        return LakeNotWritable(
            f"The lake at {self.root} cannot be written ({path}): {brief(error)}. {RIGHTS_IN_STORE}."
        )
