"""The named questions on the pages of the data dictionary, each with what it answered in the demo.

Here: asking a lake, keeping the answers (``answers.json``), and the pages' last section (``make answers`` and ``make
docs`` write them). Not here: the rest of a page (``catalog/page.py``), the questions (``questions/``).
"""

import html
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..catalog import TABLES
from ..catalog.page import pages
from ..lake import Lake
from ..quantity import quantity
from ..sanitize import printable
from .questions import Question, questions
from .statements import query
from .values import for_display

_SHOWN_ROWS = 5
_LONGEST_CELL = 60

Answers = Mapping[str, Mapping[str, Any]]
"""Question -> ``rows`` (their number), ``columns``, ``first`` (the first rows, as text)."""


def answers_in(lake: Lake) -> Answers:
    """What the lake answers to every question, with the examples where a value has to be given."""
    return {name: _answer(lake, asked) for name, asked in questions().items()}


def pages_with_questions(answers: Answers) -> dict[str, str]:
    """File name -> text of every page of the dictionary, the questions of its table included."""
    asked: dict[str, list[str]] = {}
    for name, found in questions().items():
        asked.setdefault(f"{found.table}.md", []).append(_section(found, answers.get(name)))
    return {
        file: "\n".join([text, "## Questions", "", *asked[file]]) if file in asked else text
        for file, text in pages(TABLES).items()
    }


def kept_answers(folder: Path) -> Answers:
    """The answers that ``make answers`` kept in the folder of the documentation."""
    answers: Answers = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    return answers


def _answer(lake: Lake, asked: Question) -> dict[str, Any]:
    given = {parameter.name: parameter.example for parameter in asked.parameters if parameter.default is None}
    result = query(lake, f"@{asked.name}", parameters=given).read_all()
    rows = result.slice(0, _SHOWN_ROWS).to_pylist()
    return {
        "rows": result.num_rows,
        "columns": result.schema.names,
        "first": [[_shortened(for_display(value)) for value in row.values()] for row in rows],
    }


def _shortened(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _LONGEST_CELL else shown[: _LONGEST_CELL - 1] + "…"


def _section(asked: Question, answer: Mapping[str, Any] | None) -> str:
    lines = [f"### {asked.title}", ""]
    if asked.description:
        lines += [asked.description, ""]
    lines += ["```sh", f"defender-assets query {asked.usage}", "```", ""]
    for parameter in asked.parameters:
        default = f" By default `{parameter.default}`." if parameter.default is not None else ""
        lines.append(f"- `{parameter.name}`: {parameter.meaning}{default}")
    lines += ["", "```sql", asked.sql, "```", ""] if asked.parameters else ["```sql", asked.sql, "```", ""]
    if answer is not None:
        lines += [f"In the demo {quantity(answer['rows'], 'row')}{_of_which(answer)}:", "", *_table(answer), ""]
    return "\n".join(lines)


def _of_which(answer: Mapping[str, Any]) -> str:
    return f", the first {len(answer['first'])}" if answer["rows"] > len(answer["first"]) else ""


def _table(answer: Mapping[str, Any]) -> list[str]:
    """A table in Markdown. Names of devices are foreign text: nothing in it is markup."""
    lines = [f"| {' | '.join(answer['columns'])} |", f"|{'---|' * len(answer['columns'])}"]
    return lines + [f"| {' | '.join(map(_plain, row))} |" for row in answer["first"]]


def _plain(text: str) -> str:
    # As numeric references, so that no reader of Markdown takes them for links, emphasis or columns.
    escaped = html.escape(text, quote=False)
    return "".join(f"&#{ord(letter)};" if letter in "|*_`[]\\~$" else letter for letter in escaped)


def main(folder: str, lake: str | None = None) -> None:
    """Writes the pages into ``folder``/tables; with ``lake``, after asking it every question."""
    target = Path(folder)
    if lake is not None:
        lines = [
            f"{json.dumps(name)}: {json.dumps(a, ensure_ascii=False)}" for name, a in answers_in(Lake(lake)).items()
        ]
        (target / "answers.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    for name, text in pages_with_questions(kept_answers(target)).items():
        (target / "tables" / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
