"""Those who are told what happens, by those who do it and know nothing of them.

Here: keeping the listeners of one kind of event. Not here: the events (``api/calls.py``, ``refresh/observed.py``).
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_Event = TypeVar("_Event")


class Listeners(Generic[_Event]):
    """The listeners of one kind of event. They are told in the thread in which it happens, and must not raise."""

    def __init__(self) -> None:
        self._listeners: tuple[Callable[[_Event], None], ...] = ()
        self._lock = threading.Lock()

    def add(self, listener: Callable[[_Event], None]) -> None:
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def remove(self, listener: Callable[[_Event], None]) -> None:
        """No error if it is not there."""
        with self._lock:
            self._listeners = tuple(each for each in self._listeners if each != listener)

    def tell(self, event: _Event) -> None:
        for listener in self._listeners:
            listener(event)
