"""Progress of a refresh: a bar per table on a terminal, an occasional line elsewhere, and a line for what it waits for.

Here: showing it. Not here: reporting it (``refresh/progress.py``), which waits are long enough to tell
(``api/retry.py``, ``api/budget.py``).
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBars

from .console import print_error, stderr

if TYPE_CHECKING:
    from ..refresh.progress import Progress

_LINE_INTERVAL = {"rows": 250_000, "rows compared": 50_000, "devices": 250}
"""Without a terminal: unit -> how many of them between two lines."""

_SAID_AGAIN_AFTER_SECONDS = 30.0


@contextmanager
def show_progress() -> Iterator[None]:
    """Shows the progress of everything that is refreshed within this block, and the warnings that are logged in it."""
    from ..refresh.progress import progress_listener

    if not stderr.is_terminal:
        with progress_listener(_Lines()), _warnings_shown():
            yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"))
    with (
        ProgressBars(*columns, TimeElapsedColumn(), console=stderr, transient=True) as bars,
        progress_listener(_Bars(bars)),
        _warnings_shown(),
    ):
        yield


@contextmanager
def _warnings_shown() -> Iterator[None]:
    logger, handler = logging.getLogger("defender_assets"), _Warnings(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Warnings(logging.Handler):
    """A line for each warning, above the bars; without a handler, Python would write into them.

    Several threads wait for the same thing: what differs in its numbers only is said once in a while.
    """

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._said_at: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        kind = re.sub(r"\d+", "", message)
        if record.created - self._said_at.get(kind, 0.0) >= _SAID_AGAIN_AFTER_SECONDS:
            self._said_at[kind] = record.created
            print_error(f"        {message}", style="yellow")


class _Bars:
    """One bar per table."""

    def __init__(self, bars: ProgressBars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, progress: "Progress") -> None:
        if progress.table not in self._tasks:
            self._tasks[progress.table] = self._bars.add_task(progress.table, total=progress.total, state="")
        of_total = f" of {progress.total:,}" if progress.total else ""
        self._bars.update(
            self._tasks[progress.table],
            completed=progress.done,
            total=progress.total,
            state=f"{progress.done:,}{of_total} {progress.unit}",
        )


class _Lines:
    """One line every so many rows, so that a log shows that long work goes on."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def __call__(self, progress: "Progress") -> None:
        interval = _LINE_INTERVAL.get(progress.unit)
        if interval and progress.done >= self._next.get(progress.table, interval):
            self._next[progress.table] = (progress.done // interval + 1) * interval
            print_error(f"        {progress.table}: {progress.done:,} {progress.unit}")
