"""Lists to work from: the first rows as a plain table, all rows as data for the page's script.

Here: a list's columns, its cells as the template prints them, and its data. Not here: the table's markup
(``templates/macros.html.j2``), sorting, searching, filtering and saving (``templates/work_list.js``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from .formatting import LONGEST_NAME, shown
from .sections.excerpt import Excerpt

FIRST_ROWS = 15
"""Rows that are on the page without a script, and printed."""


class Cell(StrEnum):
    """What a column holds, which says how it is shown, sorted and saved."""

    TEXT = "text"
    TEXTS = "texts"
    PLATFORM = "platform"
    """An operating system, as Defender spells it: one word."""
    NUMBER = "number"
    PERCENT = "percent"
    DATE = "date"
    DEVICE = "device"
    REFERENCE = "reference"
    REFERENCES = "references"
    SEVERITY = "severity"
    STATE = "state"
    YES_NO = "yes_no"
    PAGE = "page"
    """A name that leads to another page, where there is one."""


TONES = {
    "noncompliant": "bad",
    "overdue": "bad",
    "unsupported": "bad",
    "unprotected": "bad",
    "expired": "bad",
    "ended": "bad",
    "absent": "bad",
    "damaged": "bad",
    "out of date": "bad",
    "compliant": "good",
    "judged": "good",
    "on time": "good",
    "current": "good",
    "protected": "good",
    "up to date": "good",
    "due soon": "warn",
    "expires soon": "warn",
    "ends soon": "warn",
    "behind": "warn",
    "older": "warn",
    "partly": "warn",
}
"""State, as it is shown -> tone of its badge. A state that is not here has a grey one."""

SEVERITY_ORDER = ("critical", "high", "medium", "low")
"""The worst first; other words come after these."""


@dataclass(frozen=True)
class ListColumn:
    """``value`` is an attribute of the rows, ``words`` what is said for some of its values. ``filtered``: the list can
    be narrowed to one of them. ``digits`` are those of a number behind the point, at most 2; ``longest`` is after how
    many characters a text is cut; ``missing`` is said in place of nothing. ``shared``: in what devices open to, a value
    stands once for all of them."""

    heading: str
    value: str
    kind: Cell = Cell.TEXT
    filtered: bool = False
    digits: int = 0
    longest: int = LONGEST_NAME
    missing: str | None = None
    words: Mapping[str, str] | None = None
    shared: bool = False

    @property
    def is_numeric(self) -> bool:
        return self.kind in (Cell.NUMBER, Cell.PERCENT)

    @property
    def is_wide(self) -> bool:
        """Whether it holds sentences or names that should not be broken into a column of syllables."""
        if self.kind is Cell.PLATFORM:
            return False
        return self.kind in (Cell.DEVICE, Cell.PAGE) or self.longest > LONGEST_NAME

    def declared(self) -> dict[str, Any]:
        """What the script has to know of the column."""
        declared: dict[str, Any] = {"heading": self.heading, "kind": str(self.kind)}
        if self.filtered:
            declared["filtered"] = True
        if self.is_wide:
            declared["wide"] = True
        if self.digits:
            declared["digits"] = self.digits
        return declared

    def of(self, row: object) -> Any:
        """The row's value as it is printed and embedded: numbers as they are, dates in ISO form, texts printable."""
        return self.told(getattr(row, self.value))

    def told(self, value: Any) -> Any:
        """A value of the rows as it is printed and embedded."""
        if value is None or value == "":
            return self.missing
        if self.words:
            value = self.words.get(value, value)
        match self.kind:
            case Cell.NUMBER | Cell.PERCENT:
                return round(value, max(self.digits, 2)) if isinstance(value, float) else value
            case Cell.DATE:
                return f"{value:%Y-%m-%d}" if isinstance(value, date) else shown(value, 10)
            case Cell.REFERENCES:
                return ", ".join(shown(part, self.longest) for part in value) or None
            case Cell.TEXTS:
                return ", ".join(shown(str(part).replace("_", " "), self.longest) for part in value) or None
            case Cell.SEVERITY | Cell.STATE:
                return shown(str(value).replace("_", " "), self.longest).lower()
            case Cell.YES_NO:
                return "yes" if value else "no"
            case _:
                return shown(value, self.longest)


@dataclass
class Words:
    """The different texts of a column in the page's data, each of which stands there once: text -> its number."""

    numbers: dict[str, int] = field(default_factory=dict)
    size: int = 0
    """About how many bytes they take."""

    def number(self, word: str) -> int:
        if word not in self.numbers:
            self.numbers[word] = len(self.numbers)
            self.size += len(word) + 3
        return self.numbers[word]


@dataclass(frozen=True)
class WorkList:
    """A list of the page. ``rows`` are the values of its first rows; ``data`` is the whole list for the script."""

    columns: Sequence[ListColumn]
    rows: Sequence[Sequence[Any]]
    data: Mapping[str, Any]


@dataclass
class PageLists:
    """The lists of one page, and the devices that they name, each with its place."""

    lists: dict[str, WorkList] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)

    def work_list(
        self,
        name: str,
        excerpt: Excerpt[Any],
        one: str,
        many: str,
        columns: Iterable[ListColumn],
        first: int | None = None,
    ) -> WorkList:
        """A list under a name of its own, which is also that of the file it is saved as. ``first``: so many rows are on
        the page without a script, and printed; by default ``FIRST_ROWS``."""
        if name in self.lists:
            raise ValueError(f"two lists of the page are named {name}")
        columns = list(columns)
        values = [[column.of(row) for column in columns] for row in excerpt.rows]
        data: dict[str, Any] = {
            "one": one,
            "many": many,
            "columns": [column.declared() for column in columns],
            "values": [_packed([row[place] for row in values]) for place in range(len(columns))],
        }
        if any(column.kind is Cell.DEVICE for column in columns):
            data["devices"] = [self._place(row.device_id) for row in excerpt.rows]
        made = WorkList(columns, values[: FIRST_ROWS if first is None else first], data)
        self.lists[name] = made
        return made

    def _place(self, device_id: str) -> int:
        return self.devices.setdefault(device_id, len(self.devices))


def _packed(values: Sequence[Any]) -> Any:
    """A column: as it is, or, where that is shorter, as its different values and the place of each row's among them."""
    words = Words()
    places = [words.number(value) if isinstance(value, str) else -1 for value in values]
    if not words.numbers or len(words.numbers) * 2 > len(values):
        return list(values)
    return {"words": list(words.numbers), "places": places}
