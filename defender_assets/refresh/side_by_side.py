"""Tables that are fetched at the same time, on a few threads of one process.

Here: which tables are fetched one after the other and which beside each other, and waiting for one of them. Not here:
the refresh of a table (``table_refresh.py``), the runs and steps that wait (``orchestration/``).

The service takes its time for an answer, counts the calls of each family of endpoints for itself, and a walk asks for
one page after the other: tables of different families do not hold each other up. But memory they share. So the large
tables, those that come in pages by cursor or in export files, are read one after the other.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from ..catalog import CursorPages, Dataset
from .table_refresh import TableRefresh

_Result = TypeVar("_Result")


def lanes(tables: Mapping[str, TableRefresh]) -> list[list[str]]:
    """The names of the fetched tables among these, in lanes: those of one lane are fetched one after the other, in this
    order. A table that looks at another (a crawl, at the machines) comes after it."""
    fetched = {name: table for name, table in tables.items() if not table.is_computed}
    looking = {name: table for name, table in fetched.items() if table.optional_inputs}
    looked_at = [name for name in fetched if any(name in table.optional_inputs for table in looking.values())]
    crawls = [*looked_at, *looking]
    large = [name for name, table in fetched.items() if _is_large(table) and name not in crawls]
    others = [name for name in fetched if name not in crawls and name not in large]
    return [lane for lane in (large, crawls, others) if lane]


def _is_large(table: TableRefresh) -> bool:
    return isinstance(table.table, Dataset) and isinstance(table.table.fetch, CursorPages)


class SideBySide(Generic[_Result]):
    """Work for tables, under way from the moment this is made. Every lane has a thread of its own.

    ``work`` is what is done for a table of a lane. To be closed before what it works with is.
    """

    def __init__(self, lanes: Iterable[Sequence[str]], work: Callable[[str], _Result]) -> None:
        self._work = work
        futures = [{name: Future[_Result]() for name in lane} for lane in lanes]
        self._all = [future for lane in futures for future in lane.values()]
        self._not_taken = {name: future for lane in futures for name, future in lane.items()}
        # A process that is told to end does not wait for what the service does not answer.
        self._threads = [
            threading.Thread(target=self._go_along, args=(lane,), name=f"lane {number}", daemon=True)
            for number, lane in enumerate(futures, 1)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "SideBySide[_Result]":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def take(self, name: str) -> _Result | None:
        """What the work for this table returned or raised, as soon as it has. It is there to be taken once: None for a
        table that was taken, or is in no lane."""
        future = self._not_taken.pop(name, None)
        return future.result() if future is not None else None

    def close(self, patience: float | None = None) -> None:
        """No further work is begun; returns when what is under way has ended, or after ``patience`` (seconds)."""
        for future in self._all:
            future.cancel()
        deadline = None if patience is None else time.monotonic() + patience
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def _go_along(self, lane: Mapping[str, Future[_Result]]) -> None:
        for name, future in lane.items():
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._work(name))
            except BaseException as error:  # noqa: BLE001 - raised again where the result is taken
                future.set_exception(error)
