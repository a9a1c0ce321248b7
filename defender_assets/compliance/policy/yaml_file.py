"""A policy file as plain values, with the file and line of each of them.

Here: from bytes to values, in bounded time and memory whatever the file holds, and refusing a setting that is given
twice. Not here: what the values mean (``model.py``), which file it is and what it extends (``read.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from ...sanitize import redacted
from ..errors import PolicyError, PolicyRemark
from .marks import Location, Mark

LARGEST_BYTES = 1_000_000
_MOST_VALUES = 100_000
_DEEPEST = 30
_LEVELS = ("patch", "severity_days")
"""The map, of all devices and of a scope, whose keys are levels: ``Critical`` and ``critical`` are one."""


@dataclass(frozen=True)
class PolicyFile:
    """A policy file as read: plain values, where each of them is, and what is wrong with how it is written."""

    name: str
    values: dict[str, Any]
    marks: Mapping[Location, Mark]
    problems: tuple[PolicyRemark, ...] = ()


class _TooMuch(Exception):
    """The file holds more than a policy can."""


@lru_cache(maxsize=16)
def parse(name: str, content: bytes) -> PolicyFile:
    """YAML to plain values, which are not to be changed: what has been read is remembered by its content, because each
    table of a refresh reads its policy. Raises PolicyError where there are none."""
    text = _decoded(name, content)
    try:
        loader = yaml.SafeLoader(text)
    except yaml.YAMLError as error:
        raise _refusal(name, f"not valid YAML: {redacted(str(error))}") from None
    try:
        root = loader.get_single_node()
        if root is None:
            raise _refusal(
                name, "the file is empty, which would be the policy that ships: write a name and what differs"
            )
        reader = _Reader(name, loader)
        values = reader.values_of(root, (), 0)
    except yaml.MarkedYAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = redacted(str(getattr(error, "problem", None) or error))
        hint = "; indent with spaces" if "\\t" in problem else ""
        raise _refusal(name, f"not valid YAML: {problem}{hint}", mark.line + 1 if mark else None) from None
    except (_TooMuch, RecursionError):
        raise _refusal(
            name, f"more than {_MOST_VALUES:,} values, or deeper than {_DEEPEST} levels: no policy is that large"
        ) from None
    finally:
        loader.dispose()
    if not isinstance(values, dict):
        raise _refusal(name, "a policy is a mapping of settings (name: …)", 1)
    return PolicyFile(name, values, reader.marks, tuple(reader.problems))


def _refusal(name: str, message: str, line: int | None = None) -> PolicyError:
    return PolicyError(name, [PolicyRemark(name, line, "", message)])


def _decoded(name: str, content: bytes) -> str:
    if len(content) > LARGEST_BYTES:
        raise _refusal(name, f"larger than {LARGEST_BYTES:,} bytes: no policy is that large")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refusal(name, "not text in UTF-8: save it as UTF-8", content[: error.start].count(b"\n") + 1) from None


class _Reader:
    """Walks the nodes of a file. An alias is walked wherever it stands, so what it stands for is counted each time."""

    def __init__(self, name: str, loader: yaml.SafeLoader) -> None:
        self._name = name
        self._loader = loader
        self._count = 0
        self.marks: dict[Location, Mark] = {}
        self.problems: list[PolicyRemark] = []

    def values_of(self, node: yaml.Node, location: Location, depth: int) -> Any:
        self._count += 1
        if self._count > _MOST_VALUES or depth > _DEEPEST:
            raise _TooMuch
        self.marks.setdefault(location, self._mark(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, location, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.values_of(item, (*location, index), depth + 1) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            return self._loader.construct_object(node, deep=True)
        # What PyYAML raises for a value that is not of the kind it has the form or the tag of.
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError) as error:
            reason = f": {error}" if isinstance(error, ValueError) else ""
            problem = f"{redacted(str(node.value)[:40])} is no value of its kind{reason}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None

    def _mapping(self, node: yaml.MappingNode, location: Location, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            mark = self._mark(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self._object(mark, "the name of a setting is one word")
                continue
            key = str(self._scalar(key_node))
            if location[-2:] == _LEVELS:
                key = key.lower()
            if key in values:
                self._object(mark, f"{dotted((*location, key))} is given twice")
            self.marks[(*location, key)] = mark
            values[key] = self.values_of(value_node, (*location, key), depth + 1)
        return values

    def _mark(self, node: yaml.Node) -> Mark:
        return Mark(self._name, node.start_mark.line + 1)

    def _object(self, mark: Mark, message: str) -> None:
        self.problems.append(PolicyRemark(mark.file, mark.line, "", message))


def dotted(location: Location) -> str:
    """``patch.severity_days.critical``, harmless whatever a file calls its settings."""
    return redacted(".".join(map(str, location)))
