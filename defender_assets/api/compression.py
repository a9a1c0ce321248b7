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

_GZIP, _ZLIB, _RAW = 31, 15, -15
_READ = 1 << 16
_ISAL_ERROR: Any = igzip_lib.IsalError


class Damaged(ValueError):
    """The data ends too early, or is not what its label says."""


def decompressed_body(chunks: Iterable[bytes], encoding: str) -> bytes:
    """The whole body, from its chunks and the ``Content-Encoding`` header. Raises Damaged."""
    body = io.BytesIO()
    name = encoding.strip().lower()
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
    return body.getvalue()


def _inflated(chunks: Iterable[bytes], window: int | None) -> Iterator[bytes]:
    """The plain data in pieces. With a window of None the first two bytes decide between zlib and raw deflate."""
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
            try:
                yield stream.decompress(data)
            except _ISAL_ERROR:
                raise Damaged("it does not unpack") from None
            data = stream.unused_data if stream.eof else b""
            if stream.eof:
                if window != _GZIP and data.strip(b"\0"):
                    raise Damaged("something follows its end")
                # Several gzip members in a row are one file.
                stream, data = None, data.lstrip(b"\0") if window == _GZIP else b""
    if stream is not None or kept:
        raise Damaged("it ends too early")


def _deflate_window(start: bytes) -> int:
    """RFC 1950 2.2: method 8 in the low half of the first byte, and both bytes a multiple of 31. As raw deflate the
    same first byte would be a stored block with non-zero padding, which no compressor writes."""
    return _ZLIB if start[0] & 0x0F == 8 and (start[0] << 8 | start[1]) % 31 == 0 else _RAW


def gunzipped_lines(file: BinaryIO, at_most: int) -> Iterator[bytes]:
    """The lines of a gzip file, in blocks of about ``at_most`` bytes that end where a line ends.

    A block is longer only where a single line is. The blocks are proven whole only when the iterator has ended without
    raising Damaged.
    """
    pieces: list[bytes] = []
    size = 0
    for piece in _inflated(iter(lambda: file.read(_READ), b""), _GZIP):
        pieces.append(piece)
        size += len(piece)
        if size < at_most:
            continue
        data = b"".join(pieces)
        start = 0
        while len(data) - start >= at_most:
            # Cut at the last line end within the limit, else at the first one after it.
            within = start + at_most
            cut = data.rfind(b"\n", start, within) + 1 or data.find(b"\n", within) + 1
            if not cut:
                break
            yield data[start:cut]
            start = cut
        data = data[start:]
        pieces, size = [data] if data else [], len(data)
    if size:
        yield b"".join(pieces)
