"""Decoding in threads while the next bodies arrive.

Here: bounded, ordered parallel mapping. Not here: the function that is mapped (``cursor_pages.py``,
``export_files.py``).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 2


def map_in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Results in the order of the items, at most ``THREADS`` of which are in memory at a time."""
    pending: deque[Future[Result]] = deque()
    source = iter(items)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="decode") as pool:
        try:
            for item in source:
                pending.append(pool.submit(function, item))
                del item
                if len(pending) >= THREADS:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
            # After an error nobody else ends the thread that produces the items: the error's traceback keeps its queue.
            getattr(source, "close", lambda: None)()
