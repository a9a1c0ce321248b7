"""Pages of a list by ``$top`` and ``$skip``, decoded in threads while the next one is asked for.

Here: which pages may be asked for before those in front of them are decoded. Not here: the requests and decoding
themselves, and what a walk makes of its pages (``list_walk.py``).

Where a page ends is known when its rows are counted. A large page that seems to be full at a glance is taken for full,
and the next one is asked for; where it was not, a page or two came for nothing, and the rest of the walk goes on one
page after the other.
"""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from ...api import read_ahead
from ...decode import rows_at_a_glance
from .parallel import map_in_threads

LARGE = 1 << 20
"""Bytes. A smaller page is decoded in no time."""
_MOST = 32 << 20
"""Bytes. Of larger pages one at a time is in memory."""

Page = TypeVar("Page")


def is_large(body: bytes) -> bool:
    return len(body) >= LARGE


class PagesAhead(Generic[Page]):
    """The pages of one walk, each of ``top`` rows from an offset on. ``ask`` receives the body of one, None in place of
    a page without a body, and ``decode`` decodes it."""

    def __init__(
        self, ask: Callable[[int], bytes | None], decode: Callable[[bytes | None], Page], *, top: int, name: str
    ) -> None:
        self._ask, self._decode, self._top, self._name = ask, decode, top, name
        self._coming: Iterator[Page] | None = None
        self._next = 0
        self._was_mistaken = False

    def page(self, skip: int) -> Page:
        """The page from that offset on. Raises what ``ask`` and ``decode`` raise."""
        if self._coming is not None:
            # Where a row has others in it that begin as it does, one page after the other would seem to be full.
            self._was_mistaken |= skip != self._next
            if skip == self._next and (page := next(self._coming, None)) is not None:
                self._next += self._top
                return page
        self.close()
        body = self._ask(skip)
        if self._was_mistaken or not self._seems_full(body):
            return self._decode(body)
        self._coming = map_in_threads(self._decode, self._bodies(skip, body))
        self._next = skip
        del body
        return self.page(skip)

    def close(self) -> None:
        """Ends what is under way."""
        getattr(self._coming, "close", lambda: None)()
        self._coming = None

    def _bodies(self, skip: int, body: bytes | None) -> Iterator[bytes | None]:
        yield body
        del body
        yield from read_ahead(lambda: self._further(skip + self._top), room=1, name=f"pages of {self._name}")

    def _further(self, skip: int) -> Iterator[bytes | None]:
        is_last = False
        while not is_last:
            body = self._ask(skip)
            is_last = not self._seems_full(body)
            skip += self._top
            yield body
            del body

    def _seems_full(self, body: bytes | None) -> bool:
        return body is not None and is_large(body) and len(body) <= _MOST and rows_at_a_glance(body) == self._top
