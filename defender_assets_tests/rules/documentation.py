"""The documentation as data: its pages, and what stands in their blocks of code.

Here: which pages there are, their links, their commands. Not here: what has to be true of them
(``test_documentation.py``).
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .places import ROOT

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_SHELL = ("sh", "")


@dataclass(frozen=True)
class Page:
    """A page in Markdown."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def links(self) -> list[str]:
        """Where it links to within the repository."""
        return [link for link in _LINK.findall(_BLOCK.sub("", self.text)) if "://" not in link]

    @property
    def anchors(self) -> set[str]:
        """What a link may name after ``#``."""
        headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(_BLOCK.sub("", self.text)))
        return {heading.replace(" ", "-") for heading in headings}

    def blocks(self, *languages: str) -> list[str]:
        """The blocks of code in one of these languages."""
        return [block for language, block in _BLOCK.findall(self.text) if language in languages]

    def commands(self, program: str) -> Iterator[list[str]]:
        """The words of each command of this program in its shell blocks, without the program. A line that ends in a
        backslash goes on in the next."""
        for block in self.blocks(*_SHELL):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True) if f"{program} " in line else []
                while words and "=" in words[0]:  # a variable that is set for this command
                    words = words[1:]
                if words and Path(words[0]).name == program:
                    yield words[1:]


PAGES = [
    Page(path)
    for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
    if path.name != "CHANGELOG.md"
]
"""Every page but the data dictionary, which is made from the catalog, and the history of changes."""
