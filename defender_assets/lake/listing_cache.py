"""Listings of folders in object stores, kept within a block of code: a table that is made from forty others asks for
each of them four times.

Here: which listings are kept, and when they are not true any more. Not here: listing (``object_storage.py``), objects
and their contents (``object_reading.py``).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from .layout import PartFile

_kept: ContextVar[dict[tuple[str, str], list[PartFile]] | None] = ContextVar("_kept", default=None)
"""Address of the lake and folder -> the parts below it; None outside of the block."""


@contextmanager
def cached_listings() -> Iterator[None]:
    """Within the block this thread, and those that run in a copy of its context, list a folder once."""
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def cached_parts(url: str, path: str) -> list[PartFile] | None:
    """The parts below ``path`` by a listing of that folder or of one above it; None where none is kept."""
    kept, folder = _kept.get() or {}, path
    while folder:
        if (parts := kept.get((url, folder))) is not None:
            return [part for part in parts if part.path.startswith(f"{path}/")]
        folder = folder.rpartition("/")[0]
    return None


def keep_listing(url: str, path: str, parts: Sequence[PartFile]) -> None:
    """What was found below ``path``."""
    if (kept := _kept.get()) is not None:
        kept[url, path] = list(parts)


def forget_listings(url: str, path: str) -> None:
    """Something at ``path`` was written, moved or removed by this process."""
    kept = _kept.get() or {}
    for key in list(kept):
        if key[0] == url and f"{path}/".startswith(f"{key[1]}/"):
            kept.pop(key, None)
