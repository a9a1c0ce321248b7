"""Tables of results as Markdown, and where they stand in a document.

Here: how a table is written and put in its place. Not here: what is in it (the suites).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Table:
    """``text`` stands before the table: what was measured, and how. The first column is a name, the others numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: str = ""
    notes: Sequence[str] = field(default_factory=tuple)

    def markdown(self) -> str:
        lines = [f"**{self.title}**", ""]
        if self.text:
            lines += [self.text, ""]
        lines.append(f"| {' | '.join(self.columns)} |")
        lines.append("|---|" + "---:|" * (len(self.columns) - 1))
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines) + "\n"


def put_into(document: Path, name: str, text: str) -> None:
    """Replaces what stands between the marks ``<!-- NAME begins -->`` and ``<!-- NAME ends -->``. Raises ValueError
    where the document does not have them."""
    begins, ends = f"<!-- {name} begins -->", f"<!-- {name} ends -->"
    whole = document.read_text()
    pattern = re.compile(re.escape(begins) + ".*?" + re.escape(ends), re.DOTALL)
    if not pattern.search(whole):
        raise ValueError(f"{document} has no marks {begins} … {ends}")
    document.write_text(pattern.sub(lambda _: f"{begins}\n{text.rstrip()}\n{ends}", whole))
