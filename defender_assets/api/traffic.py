"""How many calls were made and how many bytes were received, by dataset.

Here: two counters. Not here: quotas (``budget.py``).
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .calls import Call


@dataclass(frozen=True)
class Traffic:
    """Calls to the API, and bytes received from API and storage, as compressed on the wire."""

    calls: int = 0
    bytes_received: int = 0

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(self.calls + other.calls, self.bytes_received + other.bytes_received)


class TrafficCount:
    """Traffic by dataset. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[str, Traffic] = {}

    def add(self, dataset: str, *, calls: int = 0, bytes_received: int = 0) -> None:
        with self._lock:
            self._of[dataset] = self.of(dataset) + Traffic(calls, bytes_received)

    def of(self, dataset: str) -> Traffic:
        return self._of.get(dataset, Traffic())

    @property
    def total(self) -> Traffic:
        """That of all datasets."""
        with self._lock:
            return sum(self._of.values(), Traffic())

    def counting(self, call: Call, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks, counted as they pass, here and in the call that they answer."""
        for chunk in chunks:
            call.bytes_received += len(chunk)
            self.add(call.dataset, bytes_received=len(chunk))
            yield chunk
