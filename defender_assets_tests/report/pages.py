"""Measure a report as its reader does: its sections, their tables and their words."""

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "br"}


def data_of(html: bytes) -> dict[str, Any]:
    """What the page's script works on."""
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html.decode(), re.DOTALL)
    data: dict[str, Any] = json.loads(block)
    return data


@dataclass
class Section:
    """Everything between a heading with an id and the next."""

    words: list[str] = field(default_factory=list)
    tables: list[list[list[str]]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def rows(self, table: int = 0) -> list[list[str]]:
        """The body of a table."""
        return self.tables[table][1:]

    def column(self, heading: str, table: int = 0) -> dict[str, str]:
        """The cells of a column by the first cell of their row."""
        place = self.tables[table][0].index(heading)
        return {row[0]: row[place] for row in self.rows(table)}


class Page(HTMLParser):
    """A report, taken apart."""

    def __init__(self, html: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.sections: dict[str, Section] = {"top": Section()}
        self.commands: list[str] = []
        self._here = self.sections["top"]
        self._open: list[str] = []
        self._cell: list[str] | None = None
        self._command: list[str] | None = None
        self.feed(html.decode())
        self.close()
        assert not self._open, f"never closed: {self._open}"

    @property
    def text(self) -> str:
        return " ".join(section.text for section in self.sections.values())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)
        known = dict(attrs)
        match tag:
            case "h2" if known.get("id"):
                self._here = self.sections.setdefault(str(known["id"]), Section())
            case "table":
                self._here.tables.append([])
            case "tr":
                self._here.tables[-1].append([])
            case "td" | "th":
                self._cell = []
            case "span" if known.get("class") == "sql":
                self._command = []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"closed but never opened: {tag}"
        assert self._open.pop() == tag
        if tag in ("td", "th") and self._cell is not None:
            self._here.tables[-1][-1].append(" ".join("".join(self._cell).split()))
            self._cell = None
        elif tag == "span" and self._command is not None:
            self.commands.append("".join(self._command))
            self._here.commands.append(self.commands[-1])
            self._command = None

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("style", "title", "script"):
            return
        self._here.words.append(data)
        if self._cell is not None:
            self._cell.append(data)
        if self._command is not None:
            self._command.append(data)
