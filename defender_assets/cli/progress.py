"""Progress of a refresh: a line per table in work at the bottom of a terminal, an occasional line elsewhere, and a line
for what it waits for.

Here: showing it. Not here: reporting it (``refresh/progress.py``), what is printed of a table that is done
(``outcomes.py``), which waits are long enough to tell (``api/retry.py``, ``api/budget.py``).
"""

import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from ..quantity import quantity
from .console import can_draw, drawn_at_the_bottom, print_error
from .outcomes import head

if TYPE_CHECKING:
    from ..refresh.progress import Event, Progress

_LINE_INTERVAL = {"rows": 250_000, "rows compared": 50_000, "devices": 250}
"""Without a terminal: unit -> how many of them between two lines."""

_SAID_AGAIN_AFTER_SECONDS = 30.0

_SPINNER, _ASCII_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"
_TURNS_A_SECOND = 8
_BAR_CELLS = 20
_BAR_FROM_COLUMNS = 100
"""A narrower terminal has no room for bars."""


@contextmanager
def show_progress() -> Iterator[None]:
    """Shows the progress of everything that is refreshed within this block, and the warnings that are logged in it."""
    from ..refresh.progress import progress_listener

    if not can_draw():
        with progress_listener(_Lines()), _warnings_shown():
            yield
        return
    in_work = InWork()
    with drawn_at_the_bottom(in_work), progress_listener(in_work.note), _warnings_shown():
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
    """A line for each warning, above what is in work; without a handler, Python would write into it.

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
            print_error(f"        {message}", style="yellow", indent=" " * 10)


@dataclass
class _Line:
    """A table in work, since when (monotonic seconds), and how far it is."""

    since: float
    progress: "Progress | None" = None


@dataclass
class InWork:
    """What is drawn at the bottom of a terminal: a line per table in work, and one about all of them."""

    began: float = field(default_factory=time.monotonic)
    planned: frozenset[str] = frozenset()
    done: set[str] = field(default_factory=set)
    lines: dict[str, _Line] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, event: "Event") -> None:
        """Takes in what happened."""
        from ..refresh.progress import Began, Ended, Planned

        with self.lock:
            match event:
                case Planned():
                    self.planned, self.done, self.began = event.tables, set(), time.monotonic()
                case Began():
                    self.lines[event.table] = _Line(time.monotonic())
                case Ended():
                    self.lines.pop(event.table, None)
                    self.done.add(event.table)
                case _:
                    if line := self.lines.get(event.table):
                        line.progress = event

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        with self.lock:
            now = time.monotonic()
            lines = [_in_work(name, line, now, options) for name, line in self.lines.items()]
            of_all = f"{len(self.done & self.planned)} of {quantity(len(self.planned), 'table')}"
            # With all its days an event table takes Dagster's database a while.
            recording = "  Dagster records what was done" if self.done and self.planned and not self.lines else ""
            words = f"{of_all if self.planned else ''}  {_clock(now - self.began)}{recording}"
            lines.append(Text(f"        {words}", style="dim"))
        for line in lines[-max(options.max_height - 1, 1) :]:
            line.truncate(max(options.max_width - 1, 1), overflow="ellipsis")
            yield line


def _in_work(name: str, line: _Line, now: float, options: ConsoleOptions) -> Text:
    frames = _ASCII_SPINNER if options.ascii_only else _SPINNER
    spinner = frames[int(now * _TURNS_A_SECOND) % len(frames)]
    text = Text(head(spinner, name), style="cyan")
    if progress := line.progress:
        if progress.total:
            share = min(progress.done / progress.total, 1.0)
            text.append(f"{progress.done:>10,} of {progress.total:,} {progress.unit}")
            if options.max_width >= _BAR_FROM_COLUMNS:
                filled = round(share * _BAR_CELLS)
                full, empty = ("#", ".") if options.ascii_only else ("━", "╌")
                text.append(f"  {full * filled}{empty * (_BAR_CELLS - filled)}")
            text.append(f" {share:4.0%}")
        else:
            text.append(f"{progress.done:>10,} {progress.unit}")
    else:
        text.append(" " * 15)
    text.append(f"  {_clock(now - line.since)}", style="dim")
    return text


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole // 60 % 60:0{2 if hours else 1}}:{whole % 60:02}"


class _Lines:
    """One line every so many rows, so that a log shows that long work goes on."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def __call__(self, progress: "Event") -> None:
        from ..refresh.progress import Progress

        if not isinstance(progress, Progress):
            return
        interval = _LINE_INTERVAL.get(progress.unit)
        if interval and progress.done >= self._next.get(progress.table, interval):
            self._next[progress.table] = (progress.done // interval + 1) * interval
            print_error(f"        {progress.table}: {progress.done:,} {progress.unit}")
