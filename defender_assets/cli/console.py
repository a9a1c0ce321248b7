"""Standard output and standard error.

Here: printing a line that cannot drive the terminal, and the place at its bottom that is drawn anew all the time. Not
here: what is drawn there (``progress.py``), the rows of a query (``display.py``).
"""

import logging
import os
import sys
import textwrap
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from ..sanitize import printable

# A pipe or a file has no width: there nothing is wrapped short of 200 characters.
stdout = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
stderr = Console(stderr=True, highlight=False, soft_wrap=True)

_DRAWN_A_SECOND = 8
_terminal = threading.RLock()
"""Held while something is printed or drawn. Rich goes back by as many lines as it drew last, and two threads that do so
at once would wipe out a line that is to stay."""
_drawn_at_the_bottom = 0
"""How many blocks of ``drawn_at_the_bottom`` there are at the moment."""

_log: Callable[[int, str], None] | None = None
"""What takes the place of the terminal, where a program reads what is said."""
_answers_are_logged = False
_choose: Callable[[], object] | None = None
"""What decides, before the first line to standard error, whether a program reads them."""
_muted = False


def say_as_log_lines(log: Callable[[int, str], None], *, answers: bool = True) -> None:
    """From now on a line that would be printed to standard error is given to ``log``, with its level; with ``answers``
    one to standard output too."""
    global _log, _answers_are_logged
    _log, _answers_are_logged = log, answers


def before_the_first_error(choose: Callable[[], object]) -> None:
    """``choose`` is called once, before a line is printed to standard error, and may call ``say_as_log_lines``."""
    global _choose  # noqa: PLW0603 - as above
    _choose = choose


def says_log_lines() -> bool:
    """Whether a program reads what is said, and nothing goes to standard output."""
    return _log is not None and _answers_are_logged


@contextmanager
def muted() -> Iterator[None]:
    """Within this block nothing is printed but warnings: what happens is logged elsewhere."""
    global _muted  # noqa: PLW0603 - as above
    _muted = True
    try:
        yield
    finally:
        _muted = False


def can_draw() -> bool:
    """Whether lines can be drawn over: standard error is a terminal that knows how to, and no log of a CI job."""
    is_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    # Rich takes a pipe for a terminal where variables such as FORCE_COLOR say so.
    return sys.stderr.isatty() and stderr.is_terminal and not stderr.is_dumb_terminal and not is_ci


@contextmanager
def drawn_at_the_bottom(lines: RenderableType) -> Iterator[None]:
    """Within this block, ``lines`` are drawn again and again below what is printed, and nothing is left of them after
    it. No line of theirs may be wider than the terminal."""
    global _drawn_at_the_bottom  # noqa: PLW0603 - one process has one terminal
    redirect = stdout.file.isatty()  # what other libraries print
    live = Live(lines, console=stderr, auto_refresh=False, transient=True, redirect_stdout=redirect)
    ended = threading.Event()

    def draw() -> None:
        while not ended.wait(1 / _DRAWN_A_SECOND):
            with _terminal:
                live.refresh()

    drawing = threading.Thread(target=draw, name="terminal", daemon=True)
    with live:
        _drawn_at_the_bottom += 1
        drawing.start()
        try:
            yield
        finally:
            _drawn_at_the_bottom -= 1
            ended.set()
            drawing.join()


def print_line(text: str = "", *, style: str = "", indent: str | None = None) -> None:
    """Prints a line to standard output, its control characters made visible. ``indent``: on a terminal, a line that is
    too long is broken between words, and goes on after this."""
    # What is drawn at the bottom has to make room, and only the console that draws it can see to that.
    console = stderr if _drawn_at_the_bottom and stdout.file.isatty() else stdout
    if not _muted:
        _print(console, text, style, indent, logging.INFO)


def print_error(text: str, *, style: str = "", indent: str | None = None, level: int = logging.ERROR) -> None:
    """Prints a line to standard error, its control characters made visible; ``indent`` as above, ``level``: of the
    line of a log."""
    if not _muted:
        _print(stderr, text, style, indent, level)


def _print(console: Console, text: str, style: str, indent: str | None, level: int) -> None:
    global _choose
    if console is stderr and not _drawn_at_the_bottom and _choose is not None and _log is None:
        choose, _choose = _choose, None
        choose()
    if _log is not None and (_answers_are_logged or console is stderr):
        _log(level, text.strip())
        return
    if indent is not None and console.file.isatty():
        lines = [
            textwrap.fill(
                line,
                console.width,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
                replace_whitespace=False,
            )
            for line in text.split("\n")
        ]
        text = "\n".join(lines)
    with _terminal:
        console.print(plain(text, style=style))


def print_warnings(sentences: Iterable[str]) -> None:
    """Prints a line to standard error for each of them."""
    for sentence in sentences:
        _print(stderr, sentence if _log else f"warning: {sentence}", "yellow", "  ", logging.WARNING)


def plain(text: str, *, style: str = "") -> Text:
    """Text for Rich in which nothing is markup and control characters (terminal escapes, NUL) are made visible, because
    the names of devices and the service's messages must not drive the terminal."""
    return Text(printable(text, keep="\n"), style=style)
