"""An answer that is asked for twice: whether the same bytes came again, which is known before they are unpacked.

Here: identifying bytes as they pass. Not here: asking twice (``cursor.py``), sending and unpacking (``client.py``).
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Packed:
    """What an answer was on the wire: how it was packed (``Content-Encoding``), how many bytes, and their SHA-256."""

    encoding: str
    size: int
    digest: bytes


class Passing:
    """The chunks of an answer, for one iteration after the other; what has passed is identified."""

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
        """The next chunks, until all have passed or more than ``size`` bytes have."""
        held = []
        for chunk in self:
            held.append(chunk)
            if self._size > size:
                break
        return held

    @property
    def packed(self) -> Packed:
        """All that has passed so far."""
        return Packed(self._encoding, self._size, self._digest.digest())
