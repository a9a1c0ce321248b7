"""Reading objects of a store in few requests, and on Azure and S3 never two versions of one as if they were one.

Here: what listings told of sizes and versions, small objects that are fetched whole and kept for a while, larger ones
that are read by ranges. Not here: listing and publishing (``object_storage.py``).

Each request takes some hundredths of a second, and the libraries send three before the first byte of a file is read.
An object that was listed needs none of them. What is kept is kept by the object's version, so that it is never an older
one than the listing told of.

Azure and S3 are asked for each range of a larger object on the condition that its version is still that which was
opened. The other libraries of fsspec have no such condition: where a partition is replaced while it is read from there,
ranges of both are read.
"""

import io
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa
from pyarrow import fs

from .errors import LakeError

_SMALL = 2**20
"""Bytes up to which an object is fetched whole: most partitions, and all of an event table's days."""
_READ_AHEAD = 8 * 2**20
"""Bytes that are fetched at once of a larger one. The libraries' 50 MB are a whole partition for one of its columns."""
_KEPT = 64 * 2**20
"""Bytes of small objects that are kept."""


@dataclass(frozen=True)
class _Listed:
    size: int
    version: str
    modified: Any


class ObjectReader:
    """Opens the objects of ``store``, an fsspec file system. Threads may share it."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._listed: dict[str, _Listed] = {}
        self._contents: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def note(self, found: Mapping[str, Mapping[str, Any]]) -> None:
        """What a listing told: path -> its size, its ETag and when it was written, as fsspec names them."""
        for path, info in found.items():
            version = info.get("ETag") or info.get("etag")
            if info.get("type") != "directory" and version and info.get("size") is not None:
                modified = info.get("LastModified") or info.get("last_modified")
                self._listed[path] = _Listed(int(info["size"]), str(version), modified)

    def forget(self, path: str) -> None:
        """The object was replaced or removed by this process."""
        self._listed.pop(path, None)

    def listed(self, path: str) -> _Listed | None:
        """What the newest listing told of the object; None where none did."""
        return self._listed.get(path)

    def content(self, path: str) -> bytes | None:
        """The whole of a small object, None of a larger one or one that was not listed. Raises FileNotFoundError."""
        listed = self._listed.get(path)
        if listed is None or listed.size > _SMALL:
            return None
        with self._lock:
            if listed.version and (kept := self._contents.get((path, listed.version))) is not None:
                self._contents.move_to_end((path, listed.version))
                return kept
        content: bytes = self._store.cat_file(path)
        self._keep(path, listed, content)
        return content

    def fetch_together(self, paths: Iterable[str]) -> None:
        """Fetches those of the small objects that are not there yet at the same time, as many as can be kept. What
        fails is asked for again, and told, when it is read."""
        wanted, room = [], _KEPT // 2
        for path in paths:
            listed = self._listed.get(path)
            if listed and listed.size <= min(_SMALL, room) and (path, listed.version) not in self._contents:
                wanted.append(path)
                room -= listed.size
        if len(wanted) < 2:
            return
        contents = self._store.cat_ranges(wanted, None, None, on_error="return")
        for path, content in zip(wanted, contents, strict=True):
            if isinstance(content, bytes) and (listed := self._listed.get(path)) is not None:
                self._keep(path, listed, content)

    def _keep(self, path: str, listed: _Listed, content: bytes) -> None:
        if len(content) != listed.size:  # replaced since it was listed
            self._listed[path] = _Listed(len(content), "", listed.modified)
            return
        with self._lock:
            if (path, listed.version) not in self._contents:
                self._contents[path, listed.version] = content
                self._bytes += len(content)
            while self._bytes > _KEPT:
                _, oldest = self._contents.popitem(last=False)
                self._bytes -= len(oldest)

    def open(self, path: str) -> Any:
        """The object as a binary file. Raises FileNotFoundError, and LakeError while it is read, where it is replaced
        meanwhile."""
        content = self.content(path)
        if content is not None:
            return io.BytesIO(content)
        return _of_one_version(self._store.open(path, "rb", block_size=_READ_AHEAD), path)


@cache
def reader_of(store: Any) -> ObjectReader:
    """The one reader of a file system, which fsspec keeps too: what one lake's listing told serves all lakes in it."""
    return ObjectReader(store)


class ArrowHandler(fs.FSSpecHandler):  # type: ignore[misc]  # pyarrow has no types
    """pyarrow's way to the objects."""

    def __init__(self, store: Any, reader: ObjectReader) -> None:
        super().__init__(store)
        self._reader = reader

    def open_input_file(self, path: str) -> pa.NativeFile:
        content = self._reader.content(path)
        return pa.BufferReader(content) if content is not None else pa.PythonFile(self._reader.open(path), mode="r")

    def get_file_info(self, paths: list[str]) -> list[fs.FileInfo]:
        listed = [each for path in paths if (each := self._reader.listed(path))]
        if len(listed) < len(paths):
            return list(super().get_file_info(paths))
        return [fs.FileInfo(path, fs.FileType.File, size=each.size) for path, each in zip(paths, listed, strict=True)]


def _of_one_version(file: Any, path: str) -> Any:
    """The file, of which on Azure and S3 every range is of the version that was opened. Otherwise the footer of one
    version would be read with the rows of another, where a partition is replaced meanwhile."""
    ranges, details = getattr(file, "cache", None), getattr(file, "details", None) or {}
    if ranges is None or not hasattr(ranges, "fetcher"):
        return file
    fetch = ranges.fetcher
    if hasattr(file, "container_client") and details.get("etag"):
        fetch = _azure_range(file, details["etag"])  # s3fs does so by itself

    def fetch_version(start: int, end: int) -> bytes:
        try:
            content: bytes = fetch(start, end)
        except Exception as error:
            if getattr(error, "status_code", None) == _PRECONDITION_FAILED or type(error).__name__ == "FileExpired":
                raise LakeError(f"{path} was replaced while it was being read. Read it again.") from None
            raise
        return content

    ranges.fetcher = fetch_version
    return file


_PRECONDITION_FAILED = 412


def _azure_range(file: Any, version: str) -> Any:
    from azure.core import MatchConditions
    from fsspec.asyn import sync

    async def fetch(start: int, end: int) -> bytes:
        stream = await file.container_client.download_blob(
            blob=file.blob,
            offset=start,
            length=end - start,
            etag=version,
            match_condition=MatchConditions.IfNotModified,
        )
        content: bytes = await stream.readall()
        return content

    return lambda start, end: sync(file.loop, fetch, start, end)
