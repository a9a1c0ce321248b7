"""An answer that is asked for twice: whether the same bytes came again, which is known before they are unpacked.

Here: a fingerprint of the bytes, taken as they come. Not here: asking twice (``cursor.py``), sending and
unpacking (``client.py``).
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Fingerprint:
    """Of an answer on the wire: its ``Content-Encoding``, the number of its packed bytes, and their SHA-256."""

    encoding: str
    size: int
    digest: bytes


class FingerprintedChunks:
    """The chunks of an answer, each once. A second iteration goes on where the first one stopped."""

    def __init__(self, chunks: Iterable[bytes], encoding: str) -> None:
        self._chunks = iter(chunks)
        self._encoding = encoding
        self._size = 0
        self._digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self._size += len(chunk)
        self._digest.update(chunk)
        return chunk

    def up_to(self, size: int) -> list[bytes]:
        """The next chunks, until there are no more or the answer has more than ``size`` bytes so far."""
        held = []
        for chunk in self:
            held.append(chunk)
            if self._size > size:
                break
        return held

    @property
    def fingerprint(self) -> Fingerprint:
        """Of the chunks so far."""
        return Fingerprint(self._encoding, self._size, self._digest.digest())
