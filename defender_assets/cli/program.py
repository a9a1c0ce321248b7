"""The program and its verbs.

Here: which verbs there are. Not here: what a verb does (the file of its name), exit codes (``errors.py``).
"""

import sys
from typing import Any

import click

from ..version import __version__
from .adopt import adopt
from .code_location import code_location
from .demo import demo
from .diff import diff_days
from .doctor import doctor
from .errors import show_fault
from .explain import explain
from .init import init
from .lifetime import short_lived
from .policy import policy
from .prune import prune
from .query import query
from .refresh import refresh
from .report import report
from .serve import serve
from .simulate import simulate
from .sql import sql
from .status import status
from .tables import tables
from .usage_errors import VerbGroup


class _Program(VerbGroup):
    """The verbs, as a program of its own where it is called; tests call ``main`` of it, in their own process."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        with short_lived():
            return super().__call__(*arguments, **options)


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="defender-assets")
def main() -> None:
    """Microsoft Defender for Endpoint metadata as Parquet tables, and what they say about compliance."""
    sys.excepthook = show_fault


VERBS = (
    adopt, code_location, demo, diff_days, doctor, explain, init, policy, prune, query, refresh, report, serve,
    simulate, sql, status, tables,
)  # fmt: skip

for verb in VERBS:
    main.add_command(verb)
