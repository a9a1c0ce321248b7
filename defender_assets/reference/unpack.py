"""Packed files, unpacked within limits: gzip, and the archives that GitHub generates of a repository.

Here: bytes from packed files, never more than a limit. Not here: what they mean (``kev.py``, ``epss.py``, ``ssvc.py``).

An archive of git names its commit (in the zip's comment or the tar's global header), and each member carries the time
of the commit, so the archive needs no date of its own.
"""

import contextlib
import io
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, cast

from isal import igzip, isal_zlib

from .errors import Unreadable, UnreadableArchive

LARGEST_MEMBER = 16 * 2**20
"""Bytes. The largest CVE record has 0.7 MB."""
LARGEST_ARCHIVE = 8 * 2**30
"""Bytes, unpacked. A third of a million records are some 2 GB."""
LARGEST_DIRECTORY = 64 * 2**20
"""Bytes of a zip's directory, for half a million members. In memory it is some seven times as large."""

_GZIP = b"\x1f\x8b"
_ZIP = b"PK"
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_DAMAGED: tuple[type[Exception], ...] = (EOFError, OSError, tarfile.TarError, cast(type[Exception], isal_zlib.error))
"""The stubs of isal call its error an exception's instance, hence the cast."""
_DAMAGED_TAR: tuple[type[Exception], ...] = (*_DAMAGED, ValueError, OverflowError, MemoryError)
"""The errors that tarfile raises for damaged numbers and names in a header."""


@dataclass
class Archive:
    """An archive that is being read: ``commit`` and ``dated`` are known once members have come."""

    commit: str | None = None
    dated: datetime | None = None


@dataclass(frozen=True)
class Member:
    """A file in an archive. ``read`` returns its bytes, or raises Unreadable; call it before taking the next one."""

    name: str
    read: Callable[[], bytes]


def decompressed_file(file: IO[bytes], largest: int) -> bytes:
    """The content of a file, decompressed if it is gzip. Raises Unreadable if it is damaged, or larger than ``largest``
    bytes."""
    source = _gunzip(file) if _starts_with(file, _GZIP) else file
    try:
        data = source.read(largest + 1)
    except _DAMAGED:
        raise Unreadable("the gzip file is damaged or ends too early") from None
    if len(data) > largest:
        raise Unreadable(f"it unpacks to more than {largest // 2**20} MiB")
    return data


def members(file: IO[bytes], archive: Archive) -> Iterator[Member]:
    """The files of a zip or tar.gz in their order; ``archive`` is filled in on the way. Raises Unreadable."""
    if _starts_with(file, _ZIP):
        return _zip_members(file, archive)
    if _starts_with(file, _GZIP):
        return _tar_members(file, archive)
    raise UnreadableArchive("it is neither a zip nor a tar.gz archive")


def _gunzip(file: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", igzip.GzipFile(fileobj=file, mode="rb"))  # type: ignore[no-untyped-call]


def _starts_with(file: IO[bytes], magic: bytes) -> bool:
    file.seek(0)
    start = file.read(len(magic))
    file.seek(0)
    return start == magic


class _Bounded:
    """Counts what is read, and raises UnreadableArchive above the limit."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._left = LARGEST_ARCHIVE

    def read(self, size: int) -> bytes:
        data: bytes = self._source.read(size)
        self.count(len(data))
        return data

    def count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise UnreadableArchive(f"the archive unpacks to more than {LARGEST_ARCHIVE // 2**30} GiB")


def _tar_members(file: IO[bytes], archive: Archive) -> Iterator[Member]:
    source = _Bounded(_gunzip(file))
    with _tar_damage():
        tar = tarfile.open(fileobj=source, mode="r|")  # type: ignore[call-overload]  # noqa: SIM115
    with tar:
        while (info := _next(tar)) is not None:
            tar.members.clear()  # tarfile's own list of members would grow with the archive
            if archive.commit is None:
                archive.commit = _commit(tar.pax_headers.get("comment", ""))
            if not info.isreg():
                continue
            if archive.commit and archive.dated is None:
                archive.dated = _time(info.mtime)
            yield Member(info.name, lambda info=info: _tar_content(tar, info))  # type: ignore[misc]


@contextlib.contextmanager
def _tar_damage() -> Iterator[None]:
    try:
        yield
    except UnreadableArchive:
        raise
    except _DAMAGED_TAR:
        raise UnreadableArchive("the archive is damaged or ends too early") from None


def _next(tar: tarfile.TarFile) -> tarfile.TarInfo | None:
    with _tar_damage():
        return tar.next()


def _tar_content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    if info.size > LARGEST_MEMBER:
        raise _too_large()
    with _tar_damage():
        content = tar.extractfile(info)
        assert content is not None  # only of regular files
        return content.read()


def _zip_members(file: IO[bytes], archive: Archive) -> Iterator[Member]:
    total = _Bounded(None)
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(_opened_zip(file))
        archive.commit = _commit(opened.comment.decode("ascii", "replace"))
        for info in opened.infolist():
            if not info.filename or info.is_dir():
                continue
            if archive.commit and archive.dated is None:
                archive.dated = _zip_time(info)
            yield Member(info.filename, lambda info=info: _zip_content(opened, info, total))  # type: ignore[misc]


def _opened_zip(file: IO[bytes]) -> zipfile.ZipFile:
    try:
        if _directory_size(file) > LARGEST_DIRECTORY:
            raise UnreadableArchive(
                "the zip has too many members; give the tar.gz instead, which is read without its directory"
            )
        return zipfile.ZipFile(file)
    except UnreadableArchive:
        raise
    # The errors that zipfile raises for damaged numbers and names in a directory.
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, OverflowError, struct.error):
        raise UnreadableArchive("the zip is damaged or ends too early") from None


def _zip_content(opened: zipfile.ZipFile, info: zipfile.ZipInfo, total: _Bounded) -> bytes:
    # zipfile reads no more bytes than the directory declares.
    if info.file_size > LARGEST_MEMBER:
        raise _too_large()
    if info.flag_bits & 1:
        raise Unreadable("it is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unreadable("it is packed in a way that git does not use")
    try:
        content = opened.read(info)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError, struct.error):
        raise Unreadable("it does not unpack") from None
    total.count(len(content))
    return content


def _too_large() -> Unreadable:
    return Unreadable(f"it unpacks to more than {LARGEST_MEMBER // 2**20} MiB")


def _directory_size(file: IO[bytes]) -> int:
    """The size of a zip's directory by its end record (APPNOTE 4.3.16) or zip64 record (4.3.14), before zipfile reads
    the directory. 0 where there is no record, which zipfile then reports."""
    size = file.seek(0, io.SEEK_END)
    start = max(0, size - 22 - 0xFFFF - 20)
    file.seek(start)
    tail = file.read()
    file.seek(0)
    end_record = tail.rfind(b"PK\x05\x06")
    if end_record < 0 or len(tail) < end_record + 22:
        return 0
    declared: int = struct.unpack_from("<L", tail, end_record + 12)[0]
    locator = end_record - 20
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        file.seek(struct.unpack_from("<Q", tail, locator + 8)[0])
        record = file.read(56)
        file.seek(0)
        if len(record) == 56:
            declared = max(declared if declared != 0xFFFFFFFF else 0, struct.unpack_from("<Q", record, 40)[0])
    return declared


def _commit(text: str) -> str | None:
    text = text.strip()
    return text if _COMMIT.fullmatch(text) else None


def _zip_time(info: zipfile.ZipInfo) -> datetime | None:
    """The extended timestamp (extra field 0x5455), which is UTC; a zip's ordinary times are local to its author."""
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == 0x5455 and size >= 5 and len(extra) >= 9:
            return _time(struct.unpack_from("<l", extra, 5)[0])
        extra = extra[4 + size :]
    return None


def _time(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
