"""Each module opens with a door sign: what it is, what is here, what is not, and where that is instead."""

import ast
import re
from pathlib import Path

import pytest

from .places import MODULES, PACKAGE, ROOT

PLACE = re.compile(r"``((?:[\w.-]+/)+|(?:[\w.-]+/)*[\w-]+\.(?:py|sql|yaml|html|css|j2))``")
"""A folder ending in a slash or a file, between double backticks. A word in capitals stands for any name."""


def door_sign(module: Path) -> str:
    return ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""


def is_there(place: str, module: Path) -> bool:
    """A file or room may be named from the module's own folder, from any folder above it, or from the root."""
    folders = [folder for folder in module.parents if folder == ROOT or ROOT in folder.parents]
    pattern = re.sub(r"\b[A-Z]{2,}\b", "*", place)
    return any(next(folder.glob(pattern), None) for folder in folders)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_a_module_says_what_is_here_and_what_is_not(module):
    sign = door_sign(module)
    first, *_ = sign.split("\n\n")
    assert re.match(r"\S.*[.:]$", first, re.DOTALL), "the first paragraph is a sentence"
    if module.name != "__main__.py":
        assert re.search(r"\bHere:\s", sign)
        assert re.search(r"\bNot\s+here:\s", sign)
    missing = [place for place in PLACE.findall(sign) if not is_there(place, module)]
    assert missing == [], "named, and not there"
