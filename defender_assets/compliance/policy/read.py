"""Reading a policy: the file or preset, what it extends, and every problem with its file, its line and what to write.

Here: from a name to a checked document. Not here: YAML (``yaml_file.py``), merging (``inheritance.py``), what may be
said (``model.py``, ``contradictions.py``).
"""

import ast
import os
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ...sanitize import redacted
from ...spelling import did_you_mean
from ..errors import PolicyError, PolicyNotFound, PolicyRemark
from .contradictions import contradictions
from .decision_table import LEVELS, combinations
from .inheritance import extended, scopes_filled
from .marks import SHIPS, Location, Mark, nearest_mark
from .model import Document
from .yaml_file import LARGEST_BYTES, PolicyFile, dotted, parse

_SHIPPED = files("defender_assets.compliance") / "policies"
_MOST_COMBINATIONS = 5_000
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)
"""An address, also one of which a path was made, which has one slash."""


@dataclass(frozen=True)
class ReadPolicy:
    """A policy as read: checked, as resolved plain values, and where each of them is written."""

    document: Document
    source: str
    values: Mapping[str, Any]
    marks: Mapping[Location, Mark]


def presets() -> tuple[str, ...]:
    """Names of the policies that ship with the package."""
    return tuple(
        sorted(entry.name.removesuffix(".yaml") for entry in _SHIPPED.iterdir() if entry.name.endswith(".yaml"))
    )


def preset_text(name: str) -> str:
    """A policy that ships, as it is written."""
    return _SHIPPED.joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def read_policy(name: str | Path, beside: Path | None = None) -> ReadPolicy:
    """A preset or file (``beside``: the folder of a relative path), checked. Raises PolicyError with one remark per
    problem."""
    source = _with_parents(name, beside, ())
    problems = list(source.problems)
    problems += [_remark(source, location, message) for location, message in contradictions(source.values)]
    filled = scopes_filled(source)
    document = None
    try:
        document = Document.model_validate(filled.values)
    except ValidationError as error:
        problems += [_problem(detail, filled) for detail in _told_once(error.errors())]
    else:
        problems += [_remark(filled, location, message) for location, message in _too_large(document)]
    if document is None or problems:
        raise PolicyError(source.name, sorted(problems, key=lambda problem: (problem.file, problem.line or 0)))
    return ReadPolicy(document, source.name, filled.values, filled.marks)


def _too_large(document: Document) -> Iterator[tuple[Location, str]]:
    """Decision tables that would take minutes to unroll."""
    for location, patch in (
        (("patch", "rules"), document.patch),
        *((("scopes", index, "patch", "rules"), scope.patch) for index, scope in enumerate(document.scopes)),
    ):
        if (count := combinations(patch, LEVELS)) > _MOST_COMBINATIONS:
            yield (
                location,
                f"the rules tell {count:,} combinations apart, more than {_MOST_COMBINATIONS:,}: name fewer categories",
            )


def _with_parents(name: str | Path, beside: Path | None, seen: tuple[str, ...]) -> PolicyFile:
    shown, content, folder = _content(name, beside)
    if _same_file(shown) in map(_same_file, seen):
        raise _refusal(seen[0], f"it extends itself: {' -> '.join((*seen, shown))}")
    source = parse(shown, content)
    # A file of the user's needs to say only what differs from the policy that ships.
    parent = source.values.get("extends", None if folder is None else "default")
    if parent is None:
        return source
    try:
        return extended(_with_parents(str(parent), folder, (*seen, shown)), source)
    except PolicyError as error:
        # What the file itself says wrong is told too, and where it names a file that cannot be read.
        mark = source.marks.get(("extends",), Mark(shown, 1))
        told = [
            PolicyRemark(mark.file, mark.line, "extends", f"{problem}") if problem.line is None else problem
            for problem in error.problems
        ]
        raise PolicyError(shown, [*source.problems, *told]) from None


def _same_file(shown: str) -> str:
    """One spelling of a file that is named in several: a loop may go through its own folder's name."""
    return shown if shown.endswith(SHIPS) else os.path.realpath(shown)


def _refusal(name: str, message: str) -> PolicyError:
    return PolicyError(name, [PolicyRemark(name, None, "", message)])


def _content(name: str | Path, beside: Path | None) -> tuple[str, bytes, Path | None]:
    """(shown name, content, folder) of a preset or a file; ``beside`` is the folder of the file that names it."""
    if str(name) in presets():
        return f"{name}{SHIPS}", preset_text(str(name)).encode(), None
    if address := _ADDRESS.match(str(name)):
        shown = redacted(f"{address[1]}://{address[2]}")  # it may be a signed one
        raise _refusal(shown, "is an address; give a file of this machine, or the name of a preset")
    path = Path(name) if beside is None else beside / name
    try:
        if path.exists() and not path.is_file():
            raise _refusal(str(path), "is no file" if not path.is_dir() else "is a folder, not a file")
        with path.open("rb") as file:
            return str(path), file.read(LARGEST_BYTES + 1), path.parent
    except FileNotFoundError:
        known = presets()
        hint = did_you_mean(str(name), known, before="; ")
        message = f"there is no such file, and no preset of that name{hint} (presets: {', '.join(known)})"
        raise PolicyNotFound(str(path), [PolicyRemark(str(path), None, "", message)]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no name of a file"
        raise _refusal(str(path), f"cannot be read: {reason}") from None


def _remark(source: PolicyFile, location: Location, message: str) -> PolicyRemark:
    mark = nearest_mark(source.marks, location, source.name)
    return PolicyRemark(mark.file, mark.line, dotted(location) or "the policy", message)


def _problem(error: ErrorDetails, source: PolicyFile) -> PolicyRemark:
    """One of pydantic's errors, in the words of a policy file."""
    location: Location = tuple(error["loc"])
    is_name = bool(location) and location[-1] == "[key]"
    if is_name:
        location = location[:-1]
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        model = _model_at(location[:-1])
        message = _no_such_setting(location, sorted(model.model_fields) if model else [])
    elif is_name and error["type"] == "literal_error":
        message = _no_such_setting(location, _choices(error))
    elif error["type"] == "missing":
        message = "is missing"
    elif error["type"] in ("model_type", "model_attributes_type", "dict_type"):
        message = "must be a mapping of settings"
    else:
        message = message[0].lower() + message[1:]
        if error["type"] == "literal_error" and isinstance(error["input"], str):
            message += did_you_mean(error["input"], _choices(error), before="; ")
        elif error["type"] == "string_type" and isinstance(error["input"], bool | int | float):
            message += " (put it in quotes)"
    return _remark(source, location, message)


def _told_once(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without those that a scope repeats, because it takes over the rules for all devices."""
    told = {(error["loc"], error["msg"]) for error in errors}
    return [
        error for error in errors if error["loc"][:1] != ("scopes",) or (error["loc"][2:], error["msg"]) not in told
    ]


def _no_such_setting(location: Location, allowed: list[str]) -> str:
    hint = did_you_mean(str(location[-1]), allowed, before="; ")
    return f"there is no such setting{hint} (allowed here: {', '.join(allowed)})"


def _choices(error: ErrorDetails) -> list[str]:
    """The values of a closed set, from pydantic's words: ``'a', 'b' or 'c'``."""
    words = error.get("ctx", {}).get("expected", "").replace(" or ", ", ")
    return [str(ast.literal_eval(word)) for word in words.split(", ") if word]


def _model_at(location: Location) -> type[BaseModel] | None:
    """The section of the schema that a location is in."""
    model: type[BaseModel] | None = Document
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part) if model else None
        model = _section(field.annotation) if field else None
    return model


def _section(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := _section(part))), None)
