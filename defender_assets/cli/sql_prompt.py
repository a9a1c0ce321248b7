"""The prompt of the SQL shell: several lines, completion, a history that is the user's own.

Here: what the terminal needs. Not here: what is done with a statement (``sql.py``).
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer

from .console import print_error

if TYPE_CHECKING:
    from ..lake import Lake

_KEYWORDS = """SELECT FROM WHERE GROUP BY ALL ORDER BY DESC LIMIT JOIN LEFT USING ON AS WITH HAVING DISTINCT COUNT SUM
AVG MAX MIN FILTER CASE WHEN THEN ELSE END AND OR NOT IN IS NULL LIKE ILIKE BETWEEN CAST DATE INTERVAL UNNEST DESCRIBE
SUMMARIZE""".split()  # noqa: SIM905
_COMMANDS = (".columns", ".format", ".help", ".questions", ".quit", ".tables")
_WORD = re.compile(r"(@[\w-]*|\.?\w*)$")
_QUALIFIED = re.compile(r"(\w+)\.(\w*)$")


def prompting(lake: "Lake") -> Callable[[], str]:
    """A function that asks for a statement. It raises EOFError at Ctrl-D and KeyboardInterrupt at Ctrl-C."""
    session: PromptSession[str] = PromptSession(
        "lake> ",
        multiline=Condition(lambda: not is_complete(get_app().current_buffer.text)),
        prompt_continuation="  ... ",
        completer=_Completer(columns_by_view(lake.table_names())),
        complete_while_typing=False,
        history=_history(),
        lexer=PygmentsLexer(SqlLexer),
        enable_open_in_editor=True,
    )
    return session.prompt


def is_complete(text: str) -> bool:
    """Whether Enter ends the statement: after a semicolon, a command of the shell, a named question, or nothing."""
    stripped = text.strip()
    return not stripped or stripped.endswith(";") or stripped.startswith((".", "@"))


def columns_by_view(tables: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The views of these tables, each with its columns; none of a table that the catalog does not know."""
    from ..catalog import TABLES
    from ..lake.layout import DAY, TENANT
    from ..queries.views import DEVICE_ID, HISTORY, device_column

    found: dict[str, tuple[str, ...]] = {}
    for table in tables:
        names = TABLES[table].schema.names if table in TABLES else []
        found[table] = tuple(names) if device_column(table) is None else (*names, DEVICE_ID)
        found[table + HISTORY] = (*found[table], DAY, TENANT)
    return found


def completions(text: str, views: Mapping[str, tuple[str, ...]], after: str = "") -> tuple[str, list[str]]:
    """The word at the end of the text, begun, and what can stand in its place: columns of the views that are named in
    the text, or ``after`` the cursor (SELECT … FROM machines), first."""
    from ..queries.questions import questions

    text = f"{after} {text}"
    if qualified := _QUALIFIED.search(text):
        alias, begun = qualified.groups()
        of_alias = re.search(rf"\b(\w+)\s+(?:AS\s+)?{alias}\b", text, re.IGNORECASE)
        view = alias if alias in views else of_alias[1] if of_alias else ""
        return begun, _beginning(begun, views.get(view, ()))
    word = _WORD.search(text)
    begun = word[0] if word else ""
    if begun.startswith("@"):
        return begun, _beginning(begun, [f"@{name}" for name in questions()])
    if begun.startswith("."):
        return begun, _beginning(begun, _COMMANDS)
    named = [view for view in views if re.search(rf"\b{view}\b", text)]
    columns = [column for view in named or views for column in views[view]]
    return begun, _beginning(begun, dict.fromkeys([*columns, *views, *_KEYWORDS]))


def _beginning(begun: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.lower().startswith(begun.lower())]


class _Completer(Completer):
    def __init__(self, views: Mapping[str, tuple[str, ...]]) -> None:
        self._views = views

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        begun, found = completions(document.text_before_cursor, self._views, document.text_after_cursor)
        return (Completion(word, start_position=-len(begun)) for word in found)


def _history() -> History:
    """The statements of former sessions, which may name people: in a file that its owner alone can read."""
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "defender-assets"
    file = folder / "sql_history"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600))
        file.chmod(0o600)
    except OSError as error:
        print_error(f"The history of statements is not kept: {file} cannot be written ({error.strerror}).")
        return InMemoryHistory()
    return FileHistory(str(file))
