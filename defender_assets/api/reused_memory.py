"""Memory for blocks of one size, one after the other: that of a block which nobody uses any more is used again.

Here: lending it, and noticing that it is free. Not here: what is put into it (``compression.py``).

The system clears each page of memory when it is first touched, which of a million findings in export files took a
processor second.
"""

import weakref

import numpy as np
import numpy.typing as npt

Octets = npt.NDArray[np.uint8]


_MOST_FREE = 16
"""Blocks that are kept: a part of 100,000 findings is buffered in thirteen, and larger parts in up to twice as many."""


class ReusedMemory:
    """Memory of ``size`` bytes at a time, as many times as it is in use at once. Any thread may use it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free: list[Octets] = []

    def __repr__(self) -> str:
        return f"ReusedMemory({self.size:,})"

    def block(self) -> memoryview:
        """Memory, not cleared. It is free again when nothing refers to it, or to a part of it, any more."""
        try:
            memory = self._free.pop()
        except IndexError:
            memory = np.empty(self.size, np.uint8)
        lent = memory[:]
        weakref.finalize(lent, self._keep, memory).atexit = False
        return memoryview(lent.data)

    def _keep(self, memory: Octets) -> None:
        if len(self._free) < _MOST_FREE:
            self._free.append(memory)
