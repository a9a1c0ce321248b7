"""Doing two things at once: decoding in threads while the next bodies arrive.

Here: bounded, ordered parallel mapping. Not here: what is mapped.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def mapped(function: Callable[[Given], Made], items: Iterable[Given], *, threads: int = 2) -> Iterator[Made]:
    """``map`` in threads: results in order, at most ``threads`` items under way, so memory stays bounded."""
    under_way: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        try:
            for item in items:
                under_way.append(pool.submit(function, item))
                del item
                if len(under_way) >= threads:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
