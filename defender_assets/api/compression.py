"""Bodies, decompressed while they arrive.

Here: gzip, zlib and raw deflate; NDJSON cut at line ends. Not here: where bodies come from (``client.py``,
``exports.py``), what is in them (``decode/``).

The service labels its responses ``deflate`` and sends RFC 1951 data without the zlib header, which ``zlib.decompress``
refuses; isal is two to three times as fast as the standard library.
"""

import io
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from isal import igzip_lib, isal_zlib

from .reused_memory import ReusedMemory

_GZIP, _ZLIB, _RAW = 31, 15, -15
_READ = 1 << 16
# Bytes that are unpacked at once: a kilobyte can stand for a megabyte, and for a hundred of them.
_STEP = 1 << 20
_ISAL_ERROR: Any = igzip_lib.IsalError

LONGEST_LINE = 64 << 20
"""Bytes. A row has about a kilobyte."""
LARGEST_FILE = 64 << 30
"""Bytes of one export file, unpacked: at a kilobyte a row, 64 million rows of one device group."""


class Damaged(ValueError):
    """The data ends too early, or is not what its label says."""


class Overlong(ValueError):
    """The data unpacks to more than anything that the service sends."""


def decompressed_body(chunks: Iterable[bytes], encoding: str, *, at_most: int) -> bytes:
    """The whole body, from its chunks and the ``Content-Encoding`` header.

    Of a body that is larger than ``at_most``, packed or unpacked, only the first ``at_most + 1`` bytes, which say so;
    the rest is neither received nor unpacked. Raises Damaged, and Overlong for what is packed without end.
    """
    body = io.BytesIO()
    name = encoding.strip().lower()
    # What is packed can be larger than what it holds: a little by its nature, without end by intent.
    chunks = _first(chunks, at_most + _STEP)
    if name in ("", "identity"):
        pieces: Iterator[bytes] = iter(chunks)
    elif name in ("gzip", "x-gzip"):
        pieces = _inflated(chunks, _GZIP)
    elif name == "deflate":
        pieces = _inflated(chunks, None)
    else:
        raise Damaged("it is packed in a way that was not asked for")
    for piece in pieces:
        body.write(piece)
        if body.tell() > at_most:
            body.truncate(at_most + 1)
            break
    return body.getvalue()


def _first(chunks: Iterable[bytes], at_most: int) -> Iterator[bytes]:
    received = 0
    for chunk in chunks:
        received += len(chunk)
        if received > at_most:
            raise Overlong("it goes on without end")
        yield chunk


def _inflated(chunks: Iterable[bytes], window: int | None) -> Iterator[bytes]:
    """The plain data in pieces of at most ``_STEP`` bytes. With a window of None the first two bytes decide between
    zlib and raw deflate."""
    stream = None
    kept = b""
    for chunk in chunks:
        data = kept + chunk if kept else chunk
        kept = b""
        while data:
            if stream is None:
                if window is None and len(data) < 2:
                    kept = data
                    break
                stream = isal_zlib.decompressobj(wbits=_deflate_window(data) if window is None else window)
            yield from _steps(stream, data)
            data = stream.unused_data if stream.eof else b""
            if stream.eof:
                if window != _GZIP and data.strip(b"\0"):
                    raise Damaged("something follows its end")
                # Several gzip members in a row are one file.
                stream, data = None, data.lstrip(b"\0") if window == _GZIP else b""
    if stream is not None or kept:
        raise Damaged("it ends too early")


def _steps(stream: Any, data: bytes) -> Iterator[bytes]:
    """What some packed bytes stand for, until they or the stream end."""
    more = True
    while more:
        try:
            piece = stream.decompress(data, _STEP)
        except _ISAL_ERROR:
            raise Damaged("it does not unpack") from None
        yield piece
        data = stream.unconsumed_tail
        # A piece of full length may have more behind it, although every byte is taken in.
        more = not stream.eof and bool(data or len(piece) == _STEP)


def _deflate_window(start: bytes) -> int:
    """RFC 1950 2.2: method 8 in the low half of the first byte, and both bytes a multiple of 31. As raw deflate the
    same first byte would be a stored block with non-zero padding, which no compressor writes."""
    return _ZLIB if start[0] & 0x0F == 8 and (start[0] << 8 | start[1]) % 31 == 0 else _RAW


def gunzipped_lines(file: BinaryIO, memory: ReusedMemory) -> Iterator[memoryview]:
    """The lines of a gzip file, in blocks of this memory that end where a line ends.

    A block is longer only where a single line is. The blocks are proven whole only when the iterator has ended without
    raising Damaged. Raises Overlong for a line longer than ``LONGEST_LINE``, and for a file larger than
    ``LARGEST_FILE``.
    """
    block, size, line_end = memory.block(), 0, 0
    total = 0
    for piece in _inflated(iter(lambda: file.read(_READ), b""), _GZIP):
        total += len(piece)
        if total > LARGEST_FILE:
            raise Overlong(f"a file unpacks to more than {LARGEST_FILE >> 30} GiB")
        start = 0
        while start < len(piece):
            is_long = size >= memory.size  # and has no line end yet
            end = min((piece.find(b"\n", start) + 1 if is_long else 0) or len(piece), start + len(block) - size)
            block[size : size + end - start] = memoryview(piece)[start:end]
            if found := piece.rfind(b"\n", start, end) + 1:
                line_end = size + found - start
            size += end - start
            start = end
            if size < memory.size:
                continue
            if line_end:
                rest = block[line_end:size]
                yield block[:line_end]
                block, size, line_end = memory.block(), len(rest), 0
                block[:size] = rest
                del rest  # it keeps the block before from being used again
            elif size > max(LONGEST_LINE, memory.size):
                raise Overlong(f"a line is longer than {LONGEST_LINE >> 20} MiB")
            elif size == len(block):
                longer = memoryview(bytearray(2 * size))
                longer[:size] = block
                block = longer
    if size:
        yield block[:size]
