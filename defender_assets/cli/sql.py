"""``defender-assets sql``: a shell for questions to the lake.

Here: reading statements, and the shell's own commands. Not here: running one and writing its answer (``query.py``),
what Tab completes, and the history (``sql_prompt.py``).
"""

import shlex
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from ..errors import DefenderAssetsError
from ..tenant import DEFAULT_TENANT
from .closed_pipe import ignoring_closed_pipe
from .console import print_error, print_line
from .errors import guarded
from .output import PRINTED_FORMATS, TABLE, chosen_format
from .query import answer, list_questions, parameters_of
from .read_lake import lake_to_read
from .tables import print_tables

if TYPE_CHECKING:
    from ..lake import Lake
    from ..scope import FleetScope
    from ..settings import Settings

_HELP = """SELECT …;          SQL over the lake; a statement ends with ; and may have several lines
@NAME [x=…]        ask a named question
.questions [NAME]  the named questions; the SQL of one
.tables            what the lake holds
.columns TABLE     the columns of a table, and what they mean
.format FORMAT     table (default), csv or json
.quit              leave, as Ctrl-D does; Ctrl-C discards the input"""


@click.command()
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="Which tenant's tables; `all` for every one.")
@click.option("--scope", "conditions", multiple=True, metavar="CONDITION", help="As for `query`.")
@guarded
def sql(tenant: str, conditions: tuple[str, ...]) -> None:
    """A shell for SQL and named questions: history, completion with Tab, .help.

    Without a terminal, the statements of standard input are answered one after the other, up to one that fails.
    """
    from ..scope.conditions import scope_of_conditions
    from ..settings import Settings

    scope = scope_of_conditions(conditions)
    settings = Settings.load()
    shell = _Shell(lake_to_read(settings, tenant), settings, scope)
    if not sys.stdin.isatty():
        with ignoring_closed_pipe():
            for statement in _statements(sys.stdin.read()):
                if not shell.run(statement):
                    break
        return
    from .sql_prompt import prompting

    print_line(f"The lake at {shell.lake.root}. .help says what can be asked, Ctrl-D leaves.")
    read = prompting(shell.lake)
    while shell.goes_on(read):
        pass


class _Shell:
    def __init__(self, lake: "Lake", settings: "Settings", scope: "FleetScope") -> None:
        self.lake = lake
        self._settings = settings
        self._scope = scope
        self._format: str = TABLE

    def goes_on(self, read: Callable[[], str]) -> bool:
        """Reads and runs one statement; an error is told and is no end. False at the end of the input."""
        try:
            return self.run(read())
        except EOFError:
            return False
        except KeyboardInterrupt:
            return True
        except DefenderAssetsError as error:
            print_error(error.sentence, style="red")
            return True

    def run(self, statement: str) -> bool:
        """Runs a statement or a command of the shell; False for the one that ends it. Raises DefenderAssetsError."""
        text = statement.strip().rstrip(";").strip()
        if text.startswith("."):
            return self._command(*text.split())
        if text:
            question, *values = _words(text) if text.startswith("@") else [text]
            answer(
                self.lake,
                self._settings,
                question,
                parameters_of(values),
                self._scope,
                chosen_format(self._format, None),
            )
        return True

    def _command(self, command: str, *names: str) -> bool:
        match command, names:
            case ((".quit" | ".exit"), _):
                return False
            case ".help", _:
                print_line(_HELP)
            case ".tables", _:
                print_tables(self.lake)
            case ".questions", _:
                list_questions(names)
            case ".columns", (table,):
                _print_columns(table)
            case ".format", (name,) if name in PRINTED_FORMATS:
                self._format = name
            case _:
                print_error(f"{' '.join([command, *names])}: no such command; .help has them.", style="red")
        return True


def _words(text: str) -> list[str]:
    """The words of a named question, as a shell splits them, but that a backslash is one: corp\\ann."""
    stand_in = "\0"  # shlex takes a backslash for an escape outside single quotes, and not within them
    try:
        return [word.replace(stand_in, "\\") for word in shlex.split(text.replace("\\", stand_in))]
    except ValueError:
        return text.split()


def _statements(text: str) -> Iterator[str]:
    """The statements of a text: a line that begins with @ or . is one, and so is what ends with a semicolon."""
    from ..queries import split_statements

    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(("@", ".")):
            yield from split_statements("\n".join(lines))
            lines = []
            yield line
        else:
            lines.append(line)
    yield from split_statements("\n".join(lines))


def _print_columns(table: str) -> None:
    from ..catalog import TABLES
    from ..spelling import did_you_mean

    if table not in TABLES:
        hint = did_you_mean(table, TABLES) or ".tables lists them."
        print_error(f"There is no table {table}; {hint}", style="red")
        return
    columns = TABLES[table].all_columns
    width = max(len(column.name) for column in columns)
    for column in columns:
        print_line(f"{column.name:{width}}  {column.description}")
