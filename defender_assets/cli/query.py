"""``defender-assets query``: SQL and named questions over the lake.

Here: what is asked, and where the answer goes. Not here: the views and which statements are read-only (``queries/``),
the table that people read (``display.py``).
"""

import logging
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from ..quantity import quantity
from ..sanitize import printable
from ..tenant import DEFAULT_TENANT
from .closed_pipe import ignoring_closed_pipe
from .console import print_error, print_line
from .errors import guarded
from .output import chosen_format, output_options
from .read_lake import lake_to_read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..lake import Lake
    from ..queries import Format
    from ..queries.questions import Parameter, Question
    from ..scope import FleetScope
    from ..settings import Settings


@click.command()
@click.argument("question", nargs=-1, metavar="[SQL | @NAME] [PARAMETER=VALUE]...")
@click.option("-f", "--file", type=click.File(encoding="utf-8"), help="Read the SQL from a file; - is standard input.")
@click.option("--list", "listing", is_flag=True, help="The named questions; of those that are named, the SQL.")
@output_options
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
def query(
    question: tuple[str, ...],
    file: TextIO | None,
    listing: bool,
    output_format: str | None,
    output: Path | None,
    tenant: str,
    conditions: tuple[str, ...],
) -> None:
    """Read-only SQL over the newest snapshot of every table, and all days of event tables.

    TABLE_history has all days of any table, with their snapshot_date. @NAME asks a question that has a name
    (--list); its parameters, and each $name of the SQL, are given as name=value.
    """
    if listing:
        list_questions(question)
        return
    words = (file.read(), *question) if file is not None else question
    if not words:
        raise click.UsageError("What is asked? Give SQL, @NAME (--list has them) or -f FILE.")
    sql, *rest = words
    from ..scope.conditions import scope_of_conditions
    from ..settings import Settings

    parameters = parameters_of(rest)
    chosen = chosen_format(output_format, output)
    scope = scope_of_conditions(conditions)
    settings = Settings.load()
    lake = lake_to_read(settings, tenant)
    with ignoring_closed_pipe():
        answer(lake, settings, sql, parameters, scope, chosen, output)


def answer(
    lake: "Lake",
    settings: "Settings",
    sql: str,
    parameters: "Mapping[str, str]",
    scope: "FleetScope",
    chosen: "Format | None",
    output: Path | None = None,
) -> None:
    """Runs one statement or named question, and writes the answer in the ``chosen`` format, or as a table where it is
    None, to standard output or to a file. Says on standard error what has to be known of a named question's answer, and
    why an answer that says nothing may do so."""
    from ..queries import UnknownTable, unknown_scope_names, write_result
    from ..queries import query as run_query
    from ..queries.empty_answers import usual_causes, with_emptiness
    from ..queries.output_file import write_file
    from ..queries.questions import asked_question
    from ..refresh import known_absence
    from .display import write_table

    try:
        result, says_nothing = with_emptiness(run_query(lake, sql, scope, parameters))
    except UnknownTable as error:
        if absence := known_absence(error.table.lower().removesuffix("_history"), settings, lake):
            raise UnknownTable(
                error.table, f"There is no table {error.table}", remedy=f"It is left out: {absence.sentence}"
            ) from error
        raise
    if misspelled := unknown_scope_names(lake, scope):
        print_error(f"defender-assets: {misspelled}", style="yellow", level=logging.WARNING)
    if chosen is None:
        write_table(result, sys.stdout)
    elif output is not None:
        rows = write_file(result, chosen, output)
        print_error(f"{quantity(rows, 'row')} in {printable(str(output))}", level=logging.INFO)
    else:
        write_result(result, chosen, sys.stdout)
    if (asked := asked_question(sql)) and asked.description:
        print_error(f"note: {asked.description}", level=logging.INFO)
    if asked and lake.tenant is None:
        for note in _left_out(asked, lake):
            print_error(f"note: {note}", style="yellow", level=logging.WARNING)
    if says_nothing:
        for cause in usual_causes(lake, sql, scope, parameters):
            print_error(f"note: {cause}", style="yellow", level=logging.WARNING)


def _left_out(asked: "Question", lake: "Lake") -> list[str]:
    """Which tenants of the list an answer about all of them lacks: those of which the lake has no such table, and of
    the view ``tenants``, which passes over a damaged file, those that cannot be read."""
    from ..queries.statements import tables_named
    from ..queries.tenants import TENANTS, State, summaries_of

    held = {part.tenant for part in lake.newest_parts(asked.table)}
    without = [tenant for tenant in lake.listed if tenant not in held]
    notes = (
        [f"the lake has no {asked.table} of {', '.join(without)}, which the list of tenants names"] if without else []
    )
    if TENANTS in (tables_named(lake, asked.sql) or ()) and (found := summaries_of(lake)) is not None:
        notes += [
            f"{each.tenant} is left out: {(each.reason or '').rstrip('.')}. {each.remedy}".rstrip()
            for each in found.tenants
            if each.state is State.UNREADABLE
        ]
    return notes


def parameters_of(words: list[str]) -> dict[str, str]:
    """The values of ``name=value`` words. Raises QueryError for another word."""
    from ..queries import QueryError

    parameters = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise QueryError(
                f"{word!r} is not a parameter, which is written name=value. "
                "Is the SQL, or a value with spaces, in quotes?"
            )
        parameters[name] = value
    return parameters


def list_questions(names: tuple[str, ...]) -> None:
    """Prints the named questions, or the SQL of those that are named."""
    from ..queries.questions import question, questions

    for found in [question(name) for name in names]:
        print_line(f"-- {found.usage}: {found.title}")
        if found.description:
            print_line(f"-- {found.description}", indent="-- ")
        for parameter in found.parameters:
            by_default = f" By default {parameter.default}." if parameter.default is not None else ""
            print_line(f"-- ${parameter.name}: {parameter.meaning}{by_default}")
        print_line(f"{found.sql};")
    if not names:
        width = max(len(name) for name in questions())
        for name, found in questions().items():
            print_line(f"@{name:{width}}  {found.title}{_in_brackets(found.parameters)}")
        print_line()
        print_line("Ask one: defender-assets query @NAME. Its SQL: defender-assets query --list NAME")


def _in_brackets(parameters: "Iterable[Parameter]") -> str:
    shown = [shlex.quote(f"{parameter.name}={parameter.example}") for parameter in parameters]
    return f" ({', '.join(shown)})" if shown else ""
