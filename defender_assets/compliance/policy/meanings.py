"""What each setting means, from the comments of the policy that ships.

Here: reading the comments above the settings of ``policies/default.yaml``, which say it once, for the editor's schema
(``schema.py``) and for the documentation (``page.py``). Not here: which settings there are (``model.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from .marks import Location
from .read import preset_text
from .yaml_file import parse


@dataclass(frozen=True)
class Meaning:
    """A setting of the policy that ships: its words, an example as YAML (either may be empty), and its default."""

    words: str
    example: str
    default: Any
    line: int


@cache
def meanings() -> Mapping[Location, Meaning]:
    """Every setting, sections included, in the order of the file. Entries of lists are no settings."""
    text = preset_text("default")
    lines = text.splitlines()
    file = parse("default", text.encode())
    found: dict[Location, Meaning] = {}
    for location, mark in sorted(file.marks.items(), key=lambda item: (item[1].line, len(item[0]))):
        if location and all(isinstance(part, str) for part in location):
            value: Any = file.values
            for part in location:
                value = value[part]
            words, example = _comment(lines, mark.line - 1)
            found[location] = Meaning(words, example, value, mark.line)
    return found


def _comment(lines: list[str], end: int) -> tuple[str, str]:
    """(words, example) of the comment lines right above a line; an example is what is indented in the comment."""
    start = end
    while start and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    words: list[str] = []
    example: list[str] = []
    for line in lines[start:end]:
        said = line.strip().removeprefix("#").removeprefix(" ")
        (example if said.startswith("  ") else words).append(said)
    return " ".join(" ".join(words).split()), "\n".join(line.removeprefix("  ") for line in example)


def as_yaml(value: Any) -> str:
    """A value in one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=True)
    return text.removesuffix("\n...\n").strip()
