"""Reading policy files: YAML with the line of every setting, inheritance, and errors that name file, line and choices.

Here: from text to a checked document. Not here: what may be said (``model.py``).
"""

import difflib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ...sanitize import redacted
from ..errors import PolicyError
from .marks import Location, Mark
from .model import Document

# Sections in which a file that extends another adds to, or replaces, single settings.
_SECTIONS = (
    "population", "patch", "exposure", "agent", "antivirus", "software", "coverage", "controls", "remediation", "checks"
)  # fmt: skip
_EITHER_OR = ("severity_days", "rules")
_SHIPPED = files("defender_assets.compliance") / "policies"


@dataclass(frozen=True)
class PolicyFile:
    """A policy file as read: plain values, and where each of them is."""

    name: str
    values: dict[str, Any]
    marks: Mapping[Location, Mark]


def presets() -> tuple[str, ...]:
    """Names of the policies that ship with the package."""
    return tuple(
        sorted(entry.name.removesuffix(".yaml") for entry in _SHIPPED.iterdir() if entry.name.endswith(".yaml"))
    )


def _text(name: str | Path, beside: Path | None) -> tuple[str, str, Path | None]:
    """(shown name, text, folder) of a preset or a file; ``beside`` is the folder of the file that names it."""
    if str(name) in presets():
        return f"{name} (ships with the package)", _preset(str(name)), None
    path = Path(name) if beside is None else beside / name
    try:
        return str(path), path.read_text(encoding="utf-8"), path.parent
    except FileNotFoundError:
        known = ", ".join(presets())
        raise PolicyError(
            str(path), [f"there is no such file, and no preset of that name (presets: {known})"]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(str(path), [f"it cannot be read: {type(error).__name__}"]) from None


def _preset(name: str) -> str:
    return _SHIPPED.joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def parse(name: str, text: str) -> PolicyFile:
    """YAML to plain values, remembering lines and refusing a setting that is given twice."""
    marks: dict[Location, Mark] = {}
    problems: list[str] = []
    try:
        loader = yaml.SafeLoader(text)
    except yaml.YAMLError as error:
        raise PolicyError(name, [f"not valid YAML: {redacted(str(error))}"]) from None

    def walk(node: yaml.Node, location: Location) -> Any:
        marks.setdefault(location, Mark(name, node.start_mark.line + 1))
        if isinstance(node, yaml.MappingNode):
            values: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(loader.construct_object(key_node, deep=True))
                mark = Mark(name, key_node.start_mark.line + 1)
                if key in values:
                    problems.append(f"{mark.file} line {mark.line}: {key} is given twice")
                marks[(*location, key)] = mark
                values[key] = walk(value_node, (*location, key))
            return values
        if isinstance(node, yaml.SequenceNode):
            return [walk(item, (*location, index)) for index, item in enumerate(node.value)]
        return loader.construct_object(node, deep=True)

    try:
        root = loader.get_single_node()
        values = walk(root, ()) if root is not None else {}
    except (yaml.MarkedYAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise PolicyError(name, [f"{where}not valid YAML: {getattr(error, 'problem', error)}"]) from None
    finally:
        loader.dispose()
    if not isinstance(values, dict):
        problems.append(f"{name} line 1: a policy is a mapping of settings")
    if problems:
        raise PolicyError(name, problems)
    return PolicyFile(name, values, marks)


def _moved(marks: Mapping[Location, Mark], old: Location, new: Location) -> Iterator[tuple[Location, Mark]]:
    for location, mark in marks.items():
        if location[: len(old)] == old:
            yield (*new, *location[len(old) :]), mark


def _merged_patch(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    """The child's way to decide (days or rules) displaces the parent's."""
    kept = dict(parent)
    if any(way in child for way in _EITHER_OR):
        kept = {key: value for key, value in kept.items() if key not in _EITHER_OR}
    return {**kept, **child}


def _extended(parent: PolicyFile, child: PolicyFile) -> PolicyFile:
    """The parent's settings with the child's in their place; categories of the child come before the parent's."""
    values = {**parent.values, **child.values}
    marks = {**parent.marks, **child.marks}
    for section in _SECTIONS:
        old, new = parent.values.get(section), child.values.get(section)
        if isinstance(old, dict) and isinstance(new, dict):
            values[section] = _merged_patch(old, new) if section == "patch" else {**old, **new}
    old, new = parent.values.get("categories"), child.values.get("categories")
    if isinstance(old, list) and isinstance(new, list):
        values["categories"] = [*new, *old]
        for index in range(len(old)):
            marks.update(_moved(parent.marks, ("categories", index), ("categories", index + len(new))))
        for index in range(len(new)):
            marks.update(_moved(child.marks, ("categories", index), ("categories", index)))
    return PolicyFile(child.name, values, marks)


def _with_parents(name: str | Path, beside: Path | None, seen: tuple[str, ...]) -> PolicyFile:
    shown, text, folder = _text(name, beside)
    if shown in seen:
        raise PolicyError(seen[0], [f"it extends itself: {' -> '.join((*seen, shown))}"])
    source = parse(shown, text)
    # A file of the user's needs to say only what differs from the policy that ships.
    parent = source.values.get("extends", None if folder is None else "default")
    if parent is None:
        return source
    return _extended(_with_parents(str(parent), folder, (*seen, shown)), source)


def _scopes_filled(source: PolicyFile) -> PolicyFile:
    """Each scope's patch rules, completed by those of all devices."""
    base, scopes = source.values.get("patch"), source.values.get("scopes")
    if not isinstance(base, dict) or not isinstance(scopes, list):
        return source
    filled = [
        {**scope, "patch": _merged_patch(base, scope["patch"])}
        if isinstance(scope, dict) and isinstance(scope.get("patch"), dict)
        else scope
        for scope in scopes
    ]
    return PolicyFile(source.name, {**source.values, "scopes": filled}, source.marks)


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


def _problem(error: ErrorDetails, source: PolicyFile) -> str:
    location: Location = tuple(error["loc"])
    known = next((location[:end] for end in range(len(location), -1, -1) if location[:end] in source.marks), ())
    mark = source.marks.get(known, Mark(source.name, 1))
    setting = ".".join(str(part) for part in location) or "the policy"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        model = _model_at(location[:-1])
        allowed = sorted(model.model_fields) if model else []
        close = difflib.get_close_matches(str(location[-1]), allowed, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        message = f"there is no such setting{hint} (allowed here: {', '.join(allowed)})"
    elif error["type"] == "missing":
        message = "is missing"
    elif error["type"] == "model_type":
        message = "must be a mapping of settings"
    else:
        message = message[0].lower() + message[1:]
    return f"{mark.file} line {mark.line}: {setting}: {message}"


def read_policy(name: str | Path) -> tuple[Document, str, Mapping[Location, Mark]]:
    """The checked document of a preset or file, the name to show for it, and where each setting is written.

    Raises PolicyError with one line per problem.
    """
    source = _scopes_filled(_with_parents(name, None, ()))
    try:
        return Document.model_validate(source.values), source.name, source.marks
    except ValidationError as error:
        raise PolicyError(source.name, [_problem(detail, source) for detail in error.errors()]) from None
