"""Questions with a name, each a .sql file beside this module, such as ``silent-devices``.

Here: the files, read as data: title, parameters, SQL. Not here: running one (``statements.py``).

A file begins with comments: the title; what more is to be said; the table on whose page it stands (``-- Table:
machines``); and a line a parameter, ``-- $days = 14: what it is.`` or, where it has to be given, ``-- $cve, as in
CVE-2021-44228: what it is.`` The rest is one SELECT.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ...spelling import did_you_mean
from ..errors import QueryError

_PARAMETER = re.compile(
    r"\$(?P<name>\w+)(?: = (?P<default>[^:]+)|, as in (?P<example>[^:]+)): (?P<meaning>.+)", re.ASCII
)
_TABLE = "Table: "


@dataclass(frozen=True)
class Parameter:
    """A value that a question takes, as text. Without a ``default`` it has to be given, as in ``example``."""

    name: str
    meaning: str
    default: str | None
    example: str

    @property
    def is_whole(self) -> bool:
        """Whether it takes a whole number, as its example is one."""
        return self.example.strip().isdecimal()


@dataclass(frozen=True)
class Question:
    """A named question. ``table`` is the one on whose page it stands; ``sql`` is the SELECT without its head."""

    name: str
    title: str
    description: str
    table: str
    parameters: tuple[Parameter, ...]
    sql: str

    @property
    def usage(self) -> str:
        """How it is asked in a shell, with an example of each parameter that has to be given."""
        given = [f"{parameter.name}={parameter.example}" for parameter in self.parameters if parameter.default is None]
        return shlex.join([f"@{self.name}", *given])

    def values(self, given: Mapping[str, str]) -> dict[str, str]:
        """The value of each parameter. Raises QueryError for one that is missing and one that is unknown."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                takes = f"it takes {', '.join(known)}" if known else "it takes none"
                raise QueryError(f"@{self.name} has no parameter {name}; {takes}.")
        values = {name: given.get(name, parameter.default) for name, parameter in known.items()}
        for name, value in values.items():
            if value is None:
                raise QueryError(f"@{self.name} needs {name}: {known[name].meaning} For example: {self.usage}")
            if known[name].is_whole and not value.strip().isdecimal():
                raise QueryError(f"{name} takes a whole number: {known[name].meaning}")
        return {name: value for name, value in values.items() if value is not None}


@cache
def questions() -> Mapping[str, Question]:
    """The questions by name, in the order of their names."""
    found = sorted(entry.name for entry in files(__package__).iterdir() if entry.name.endswith(".sql"))
    return {
        (name := file.removesuffix(".sql")): _read(name, files(__package__).joinpath(file).read_text(encoding="utf-8"))
        for file in found
    }


def asked_question(text: str) -> Question | None:
    """The question that is asked by its name, with an @ before it (``@silent-devices``); None for SQL. Raises
    QueryError for a name that no question has."""
    return question(text.strip()) if text.lstrip().startswith("@") else None


def question(name: str) -> Question:
    """The question of that name, with or without the @ before it. Raises QueryError, with names that are near."""
    wanted = name.removeprefix("@")
    if found := questions().get(wanted.lower()):
        return found
    hint = did_you_mean(wanted, questions()) or "defender-assets query --list has them all."
    raise QueryError(f"There is no question @{wanted}; {hint}")


def _read(name: str, text: str) -> Question:
    lines = text.splitlines()
    length = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    title, *head = (line.removeprefix("--").strip() for line in lines[:length])
    table, description, parameters = "", [], []
    for line in head:
        if line.startswith(_TABLE):
            table = line.removeprefix(_TABLE)
        elif found := _PARAMETER.fullmatch(line):
            default, example = found["default"], found["example"] or found["default"]
            parameters.append(Parameter(found["name"], found["meaning"], default, example))
        elif line:
            description.append(line)
    sql = "\n".join(lines[length:]).strip()
    return Question(name, title, " ".join(description), table, tuple(parameters), sql)
