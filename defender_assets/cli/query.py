"""``defender-assets query``: SQL over the lake.

Here: choosing the output. Not here: the views and which statements are read-only (``queries/``), the table that people
read (``display.py``).
"""

import os
import sys
from typing import TYPE_CHECKING, cast

import click

from ..tenant import DEFAULT_TENANT
from .console import print_error
from .errors import guarded

if TYPE_CHECKING:
    from ..queries import Format


@click.command()
@click.argument("sql")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
)
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="Which tenant's tables; `all` for every one.")
@click.option(
    "--scope",
    "conditions",
    multiple=True,
    metavar="CONDITION",
    help="Look at a part of the tenant: onboarded, tag=NAME, group=NAME, seen=DAYS or severity=LEVEL. May be given "
    "several times: all hold, of several tags or groups one.",
)
@guarded
def query(sql: str, output_format: str, tenant: str, conditions: tuple[str, ...]) -> None:
    """Read-only SQL over the newest snapshot of every table, and all days of event tables.

    TABLE_history has all days of any table, with their snapshot_date.
    """
    from ..lake import Lake
    from ..queries import UnknownTable, doubt_about, write_result
    from ..queries import query as run_query
    from ..refresh import known_absence
    from ..scope.conditions import scope_of_conditions
    from ..settings import Settings
    from .display import write_table

    try:
        scope = scope_of_conditions(conditions)
        settings = Settings.load()
        lake = Lake(settings.lake, tenant)
        try:
            result = run_query(lake, sql, scope)
        except UnknownTable as error:
            if absence := known_absence(error.table.lower().removesuffix("_history"), settings, lake):
                error.what, error.remedy = f"There is no table {error.table}", f"It is left out: {absence.sentence}"
            raise
        if doubt := doubt_about(lake, scope):
            print_error(f"defender-assets: {doubt}", style="yellow")
        if output_format == "table":
            write_table(result, sys.stdout)
        else:
            write_result(result, cast("Format", output_format), sys.stdout)
    except BrokenPipeError:
        # The reader (head, less) has seen enough; Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
