"""Response bodies, rendered once and kept compressed.

Here: rows to JSON to raw deflate, and a store of rendered bodies, in memory up to a limit, then in files. Not here:
which rows (``list_pages.py``, ``assessment_pages.py``, ``export_blobs.py``).
"""

import hashlib
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import orjson
from isal import isal_zlib

from ..tenant.formats import Row

_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_BATCH = 500
_MOST_IN_MEMORY = 96 << 20
_MOST_ON_DISK = 3 << 30


@dataclass(frozen=True)
class CompressedBody:
    """A body as raw deflate (RFC 1951); its gzip form needs no second compression. ``size`` in bytes, uncompressed."""

    deflated: bytes
    crc: int
    size: int

    def encoded(self, encoding: str | None) -> list[bytes]:
        """The pieces to send, as raw deflate or gzip; uncompressed for None."""
        if encoding == "deflate":
            return [self.deflated]
        if encoding == "gzip":
            return [_GZIP_HEAD, self.deflated, struct.pack("<II", self.crc, self.size & 0xFFFFFFFF)]
        return [self.plain()]

    @cached_property
    def md5(self) -> bytes:
        """The MD5 digest of the gzip form."""
        digest = hashlib.md5(usedforsecurity=False)
        for piece in self.encoded("gzip"):
            digest.update(piece)
        return digest.digest()

    def plain(self) -> bytes:
        """The body uncompressed, as much of it as there is."""
        return isal_zlib.decompressobj(-15).decompress(self.deflated)


def compressed(pieces: Iterable[bytes]) -> CompressedBody:
    """The body of these pieces. Compresses piece by piece: a page of any size takes no more memory than its result."""
    compressor = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
    packed, crc, size = [], 0, 0
    for piece in pieces:
        crc = isal_zlib.crc32(piece, crc)
        size += len(piece)
        packed.append(compressor.compress(piece))
    packed.append(compressor.flush())
    return CompressedBody(b"".join(packed), crc, size)


def json_rows(rows: Iterable[Row]) -> Iterator[bytes]:
    """The rows as the inside of a JSON array."""
    rows, first = iter(rows), True
    while batch := list(islice(rows, _BATCH)):
        text = orjson.dumps(batch)[1:-1]
        yield text if first else b"," + text
        first = False


def json_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """The rows one to a line."""
    rows = iter(rows)
    while batch := list(islice(rows, _BATCH)):
        yield b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in batch)


class BodyStore:
    """Rendered bodies by key. What does not fit into memory is moved to files, of which only the newest are kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._rendering: dict[Hashable, threading.Lock] = {}
        self._memory: OrderedDict[Hashable, CompressedBody] = OrderedDict()
        self._files: OrderedDict[Hashable, tuple[Path, int, int, int]] = OrderedDict()
        self._in_memory = self._on_disk = self._written = 0

    def get(self, key: Hashable, render: Callable[[], CompressedBody]) -> CompressedBody:
        """The body of the key; rendered once, even if several threads ask at the same time."""
        found = self._find(key)
        if found is not None:
            return found
        with self._lock:
            rendering = self._rendering.setdefault(key, threading.Lock())
        with rendering:
            found = self._find(key)
            if found is None:
                found = render()
                self._keep(key, found)
        with self._lock:
            self._rendering.pop(key, None)
        return found

    def _find(self, key: Hashable) -> CompressedBody | None:
        with self._lock:
            if key in self._memory:
                self._memory.move_to_end(key)
                return self._memory[key]
            if key not in self._files:
                return None
            self._files.move_to_end(key)
            path, crc, size, _ = self._files[key]
            return CompressedBody(path.read_bytes(), crc, size)

    def _keep(self, key: Hashable, body: CompressedBody) -> None:
        with self._lock:
            self._memory[key] = body
            self._in_memory += len(body.deflated)
            while self._in_memory > _MOST_IN_MEMORY and len(self._memory) > 1:
                self._move_to_disk(*self._memory.popitem(last=False))
            while self._on_disk > _MOST_ON_DISK and self._files:
                _, (path, _, _, length) = self._files.popitem(last=False)
                path.unlink()
                self._on_disk -= length

    def _move_to_disk(self, key: Hashable, body: CompressedBody) -> None:
        self._in_memory -= len(body.deflated)
        path = self._folder / f"{self._written:08d}.deflate"
        self._written += 1
        path.write_bytes(body.deflated)
        self._files[key] = (path, body.crc, body.size, len(body.deflated))
        self._on_disk += len(body.deflated)
