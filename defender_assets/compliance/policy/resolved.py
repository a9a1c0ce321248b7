"""A policy as it counts: every setting with its value, and where that is written.

Here: the policy as YAML with a comment on each line, which is a policy file again, and as rows. Not here: resolving it
(``read.py``), printing it (``cli/policy.py``).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .marks import SHIPS, Location, Mark
from .meanings import as_yaml

_COMMENT_COLUMN = 64


def resolved_yaml(values: Mapping[str, Any], marks: Mapping[Location, Mark]) -> str:
    """The policy as one file that extends nothing."""
    whole = {key: value for key, value in values.items() if key != "extends"}
    first = {"name": whole.pop("name", None), "extends": None}
    lines = ["# Where each setting is written stands behind it.", *_mapping({**first, **whole}, (), marks, 0)]
    return "\n".join(lines) + "\n"


def leaves(values: Any, location: Location = ()) -> Iterator[tuple[Location, Any]]:
    """Every setting with its value; a list of plain values is one."""
    if isinstance(values, dict) and (values or not location):
        for key, value in values.items():
            yield from leaves(value, (*location, key))
    elif isinstance(values, list) and any(isinstance(entry, dict) for entry in values):
        for index, entry in enumerate(values):
            yield from leaves(entry, (*location, index))
    else:
        yield location, values


def _mapping(
    values: Mapping[str, Any], location: Location, marks: Mapping[Location, Mark], indent: int
) -> Iterator[str]:
    for key, value in values.items():
        at = (*location, key)
        begin = " " * indent + _inline(key) + ":"
        if isinstance(value, dict) and value:
            yield begin
            yield from _mapping(value, at, marks, indent + 2)
        elif isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
            yield begin
            yield from _entries(value, at, marks, indent + 2)
        else:
            yield _commented(f"{begin} {_inline(value)}", marks.get(at))


def _entries(values: list[Any], location: Location, marks: Mapping[Location, Mark], indent: int) -> Iterator[str]:
    for index, entry in enumerate(values):
        at = (*location, index)
        if not isinstance(entry, dict) or not entry:
            yield _commented(f"{' ' * indent}- {_inline(entry)}", marks.get(at))
            continue
        first, *others = _mapping(entry, at, marks, indent + 2)
        yield f"{' ' * indent}- {first.lstrip()}"
        yield from others


def _inline(value: Any) -> str:
    """A value in one line that any terminal shows."""
    text = as_yaml(value)
    return text if text.isprintable() else json.dumps(value, default=str)


def _commented(line: str, mark: Mark | None) -> str:
    if mark is None:
        return line
    file = mark.file.removesuffix(SHIPS)
    return f"{line.ljust(_COMMENT_COLUMN)}  # {file} line {mark.line}"
