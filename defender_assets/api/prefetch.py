"""Reading ahead: the next item is made in a thread while this one is used.

Here: one bounded hand-over between two threads. Not here: what is made.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Stopped(Exception):
    """Nobody wants the rest."""


class _HandOver(Generic[Made]):
    """At most ``room`` items lie ready; the maker waits for room *before* it makes the next one."""

    def __init__(self, room: int) -> None:
        self._changed = threading.Condition()
        self._ready: deque[Made] = deque()
        self._room = room
        self._ended = False
        self._error: BaseException | None = None
        self._unwanted = False

    def wait_for_room(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._unwanted or len(self._ready) < self._room)
            if self._unwanted:
                raise Stopped

    def put(self, item: Made) -> None:
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

    def take(self) -> tuple[bool, Made | None]:
        """(True, item), or (False, None) at the end; the maker's error is raised here."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended)
            if self._ready:
                item = self._ready.popleft()
                self._changed.notify_all()
                return True, item
            if self._error is not None:
                raise self._error
            return False, None


def read_ahead(make: Callable[[], Iterator[Made]], *, room: int, name: str) -> Iterator[Made]:
    """The items of ``make()``, made in a thread of their own, at most ``room`` of them ahead.

    An error in that thread is raised here, after the items before it. A consumer that goes away (``close()``, garbage
    collection, its own error) ends the thread at the next item.
    """
    hand_over: _HandOver[Made] = _HandOver(room)

    def work() -> None:
        items = make()
        try:
            while True:
                hand_over.wait_for_room()
                try:
                    item = next(items)
                except StopIteration:
                    hand_over.end()
                    return
                hand_over.put(item)
                del item
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits for it
            hand_over.end(error)
        finally:
            # A generator's own clean-up (threads, files) runs in the thread that made it.
            getattr(items, "close", lambda: None)()

    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    try:
        while True:
            there, item = hand_over.take()
            if not there:
                return
            yield item  # type: ignore[misc]
            del item
    finally:
        hand_over.stop()
