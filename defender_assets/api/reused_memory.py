"""Memory for blocks of one size, one after the other: that of a block which nobody uses any more is used again.

Here: lending it, and noticing that it is free. Not here: what is put into it (``compression.py``).

The system clears each page of memory when it is first touched, which of a million findings in export files took a
processor second.
"""

import weakref

import numpy as np
import numpy.typing as npt

Octets = npt.NDArray[np.uint8]


class ReusedMemory:
    """Memory of ``size`` bytes at a time, as many times as it is in use at once. Any thread may use it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free: list[Octets] = []

    def __repr__(self) -> str:
        return f"ReusedMemory({self.size:,})"

    def block(self) -> memoryview:
        """Memory with anything in it, which comes back by itself with the last reference to it, or to a part of it."""
        try:
            memory = self._free.pop()
        except IndexError:
            memory = np.empty(self.size, np.uint8)
        lent = memory[:]
        weakref.finalize(lent, self._free.append, memory).atexit = False
        return memoryview(lent.data)
