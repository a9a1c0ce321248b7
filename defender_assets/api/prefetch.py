"""Prefetching: the next items are produced in a thread while the current one is used.

Here: one bounded queue between two threads. Not here: the items (``cursor.py``, ``exports.py``).
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")


class _Stopped(Exception):
    """The consumer does not want the rest."""


class _BoundedQueue(Generic[_T]):
    """At most ``room`` items wait in it. The producer waits for room *before* it produces the next one."""

    def __init__(self, room: int) -> None:
        self._changed = threading.Condition()
        self._ready: deque[_T] = deque()
        self._room = room
        self._ended = False
        self._error: BaseException | None = None
        self._unwanted = False

    def wait_for_room(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._unwanted or len(self._ready) < self._room)
            if self._unwanted:
                raise _Stopped

    def put(self, item: _T) -> None:
        with self._changed:
            self._ready.append(item)
            self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._unwanted = True
            self._ready.clear()
            self._changed.notify_all()

    def take(self) -> tuple[bool, _T | None]:
        """(True, item), or (False, None) at the end. Raises the producer's error."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended)
            if self._ready:
                item = self._ready.popleft()
                self._changed.notify_all()
                return True, item
            if self._error is not None:
                raise self._error
            return False, None


def read_ahead(produce: Callable[[], Iterator[_T]], *, room: int, name: str) -> Iterator[_T]:
    """The items of ``produce()``, which runs in a thread of its own, at most ``room`` items ahead.

    An error in that thread is raised here, after the items before it. When the consumer stops (``close()``, garbage
    collection, its own error), the thread ends at the next item.
    """
    queue: _BoundedQueue[_T] = _BoundedQueue(room)

    def work() -> None:
        items = produce()
        try:
            while True:
                queue.wait_for_room()
                try:
                    item = next(items)
                except StopIteration:
                    queue.end()
                    return
                queue.put(item)
                del item
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer's thread
            queue.end(error)
        finally:
            # The clean-up of a generator (threads, files) runs in the thread that created it.
            getattr(items, "close", lambda: None)()

    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    try:
        while True:
            has_item, item = queue.take()
            if not has_item:
                return
            yield item  # type: ignore[misc]
            del item
    finally:
        queue.stop()
