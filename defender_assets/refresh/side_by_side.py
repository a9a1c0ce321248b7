"""Tables that are fetched at the same time, on a few threads of one process.

Here: which tables may be fetched beside each other and which waits for which, and waiting for one of them. Not here:
the refresh of a table (``table_refresh.py``), the runs and steps that wait (``orchestration/``).

The service takes its time for an answer, counts the calls of each family of endpoints for itself, and a walk asks for
one page after the other: tables do not hold each other up, so several are fetched at a time. But they share memory. So
those that come by cursor or in export files, many rows at a time, are read one after the other, unless their former
partition was small. A list by ``$top`` and ``$skip`` is never large: its rows wait on disk.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..catalog import CursorPages, Dataset, Days, ExportFiles
from ..lake import Lake, LakeError
from .table_refresh import TableRefresh

SMALL_ROWS = 20_000
"""Rows of a former partition, at most, with which a table counts as small: some twenty megabytes of answers."""
TABLES_AT_A_TIME = 3
"""Tables under way at the same time, at most: a crawl, a large table, and a small one. With six, a refresh of 10,000
machines took 1.2 GB in place of 0.9."""

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Turn:
    """When a table may be fetched: after those that it looks at (``after``), and never beside another that is
    ``large``."""

    after: frozenset[str] = frozenset()
    large: bool = False


def turns(tables: Mapping[str, TableRefresh], lake: Lake) -> dict[str, Turn]:
    """The turn of each fetched table among these, by name, in the order in which they are to be begun: first what
    others look at (of a crawl, the machines) and those others, which take longest; then what is computed meanwhile is
    made from, so that it need not wait for the rest; of each the large tables first."""
    fetched = {name: table for name, table in tables.items() if not table.is_computed}
    found = {
        name: Turn(frozenset(fetched.keys() & table.optional_inputs), _is_large(table, lake))
        for name, table in fetched.items()
    }
    looked_at = {name for turn in found.values() for name in turn.after}
    awaited = inputs_of(tables[name] for name in computed_beside_crawls(tables))

    def precedence(name: str) -> tuple[bool, bool, bool, bool]:
        turn = found[name]
        return name not in looked_at, not turn.after, name not in awaited, not turn.large

    return {name: found[name] for name in sorted(found, key=precedence)}


def computed_beside_crawls(tables: Mapping[str, TableRefresh]) -> set[str]:
    """Those of the tables that are computed from none that waits for another."""
    computed = {name for name, table in tables.items() if table.is_computed}
    found = {name for name, table in tables.items() if table.optional_inputs} - computed
    for name, table in tables.items():  # in the order in which they can be made
        if not found.isdisjoint((*table.inputs, *table.optional_inputs)):
            found.add(name)
    return computed - found


def inputs_of(tables: Iterable[TableRefresh]) -> set[str]:
    """The tables that any of these is made from, as far as they exist."""
    return {name for table in tables for name in (*table.inputs, *table.optional_inputs)}


def _is_large(table: TableRefresh, lake: Lake) -> bool:
    """Whether it may take much memory. Without a former partition, that is not known."""
    dataset = table.table
    if not isinstance(dataset, Dataset) or not isinstance(dataset.fetch, CursorPages | ExportFiles):
        return False
    if dataset.days is Days.EVENT:
        return True  # several days may be fetched at once
    with suppress(LakeError):
        return lake.rows(dataset.name) > SMALL_ROWS
    return True


class SideBySide(Generic[_Result]):
    """Work for tables, under way from the moment this is made, ``TABLES_AT_A_TIME`` at a time. It is begun in the order
    of ``turns``, as far as these allow.

    ``work`` is what is done for a table. To be closed before what it works with is.
    """

    def __init__(self, turns: Mapping[str, Turn], work: Callable[[str], _Result]) -> None:
        self._turns, self._work = turns, work
        self._futures = {name: Future[_Result]() for name in turns}
        self._not_taken = dict(self._futures)
        self._waiting = deque(turns)
        self._large: str | None = None
        self._changed = threading.Condition()
        # A process that is told to end does not wait for what the service does not answer.
        self._threads = [
            threading.Thread(target=self._go_along, name=f"table {number}", daemon=True)
            for number in range(1, min(TABLES_AT_A_TIME, len(turns)) + 1)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "SideBySide[_Result]":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def take(self, name: str) -> _Result | None:
        """What the work for this table returned or raised, as soon as it has. It is there to be taken once: None for a
        table that was taken, or that has no turn."""
        future = self._not_taken.pop(name, None)
        return future.result() if future is not None else None

    def wait(self, name: str) -> None:
        """Returns when the work for this table has ended, however; at once for a table that has no turn."""
        if name in self._futures:
            with suppress(CancelledError):
                self._futures[name].exception()

    def close(self, patience: float | None = None) -> None:
        """No further work is begun; returns when what is under way has ended, or after ``patience`` (seconds)."""
        with self._changed:
            for future in self._futures.values():
                future.cancel()
            self._waiting.clear()
            self._changed.notify_all()
        deadline = None if patience is None else time.monotonic() + patience
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def _go_along(self) -> None:
        while (name := self._next()) is not None:
            future = self._futures[name]
            try:
                future.set_result(self._work(name))
            except BaseException as error:  # noqa: BLE001 - raised again where the result is taken
                future.set_exception(error)
            self._ended(name)

    def _next(self) -> str | None:
        """The first table whose turn it is, as soon as there is one; None when none is left."""
        with self._changed:
            while self._waiting:
                name = next((name for name in self._waiting if self._may_begin(self._turns[name])), None)
                if name is not None:
                    self._waiting.remove(name)
                    self._futures[name].set_running_or_notify_cancel()
                    if self._turns[name].large:
                        self._large = name
                    return name
                self._changed.wait()
            return None

    def _may_begin(self, turn: Turn) -> bool:
        after = (self._futures[name] for name in turn.after)
        return not (turn.large and self._large) and all(future.done() for future in after)

    def _ended(self, name: str) -> None:
        with self._changed:
            if self._large == name:
                self._large = None
            self._changed.notify_all()
