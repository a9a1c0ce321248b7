"""Wrong use of the program: Click's words for people, or a line of the log for programs.

Here: the group of verbs that tells it so. Not here: other errors (``errors.py``), the lines (``log_lines.py``).
"""

import io
import sys
from typing import Any

import click

from .console import print_error, says_log_lines
from .log_lines import log_if_for_programs


class VerbGroup(click.Group):
    """The verbs. With ``DEFENDER_LOG_FORMAT=json``, wrong use of one is a line of the log, in the same words and with
    the same exit code."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """The context of the program itself, whose own options may be wrong."""
        try:
            return super().make_context(*args, **extra)
        except click.UsageError as error:
            self._tell(error)
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """What the verb returns; its words are read here."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            self._tell(error)
            raise

    @staticmethod
    def _tell(error: click.UsageError) -> None:
        """Ends the process with a line of the log, where the settings want lines."""
        log_if_for_programs()
        if not says_log_lines():
            return  # Click shows it
        told = io.StringIO()
        error.show(told)
        print_error(told.getvalue())
        sys.exit(error.exit_code)
