"""Standard output and standard error.

Here: printing a line that cannot drive the terminal. Not here: progress bars (``progress.py``), the rows of a query
(``display.py``).
"""

import sys
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from ..sanitize import printable

# A pipe or a file has no width: there nothing is wrapped short of 200 characters.
stdout = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
stderr = Console(stderr=True, highlight=False, soft_wrap=True)


def print_line(text: str = "", *, style: str = "") -> None:
    """Prints a line to standard output, its control characters made visible."""
    stdout.print(plain(text, style=style))


def print_error(text: str, *, style: str = "") -> None:
    """Prints a line to standard error, its control characters made visible."""
    stderr.print(plain(text, style=style))


def print_warnings(sentences: Iterable[str]) -> None:
    """Prints a line to standard error for each of them."""
    for sentence in sentences:
        print_error(f"warning: {sentence}", style="yellow")


def plain(text: str, *, style: str = "") -> Text:
    """Text for Rich in which nothing is markup and control characters (terminal escapes, NUL) are made visible, because
    the names of devices and the service's messages must not drive the terminal."""
    return Text(printable(text, keep="\n"), style=style)
