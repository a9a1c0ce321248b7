"""Releases of all components with their months, from Microsoft's release notes in Markdown.

Here: a tolerant reader. A release is a row of the table of releases (``|macOS |101.26022.0020 |April 2026 |…``) or the
heading of its section (``### macOS | April-2026 | 101.26022.0020``): cells of which the first names the system, one is
a month, and one has the version. Everything else is passed over, so that new columns and other prose do no harm.
Not here: security intelligence, of which the notes tell one version a month.
"""

import contextlib
import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import IO, Any

import pyarrow as pa

from ..entries import is_web_page, last_day_of, quoted
from ..errors import Unreadable
from ..parsed import Parsed
from ..unpack import decompressed_file
from .versions import RELEASE_ROWS, release_row

_LARGEST = 8 * 2**20
_EXAMPLES = 3
_SYSTEMS = {
    "windows": {"agent_windows": re.compile(r"\b10\.\d+(?:\.\d+){2}\b", re.ASCII)},
    "macos": {"agent_macos": re.compile(r"\b(?:101|20)\.\d+(?:\.\d+){1,2}\b", re.ASCII)},
    "linux": {"agent_linux": re.compile(r"\b(?:101|30)\.\d+(?:\.\d+){1,2}\b", re.ASCII)},
    "windows antivirus": {
        "av_platform": re.compile(r"\b4\.\d+(?:\.\d+){2}\b", re.ASCII),
        "av_engine": re.compile(r"\b1\.1(?:\.\d+){2}\b", re.ASCII),
    },
}
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_MONTH = re.compile(r"([A-Za-z]{3,9})\.?[\s,-]+(\d{4})", re.ASCII)
_PAGE_DATE = re.compile(r"^ms\.date:\s*[\"']?(\d{1,2})/(\d{1,2})/(\d{4})", re.MULTILINE | re.ASCII)


def read_release_notes(file: IO[bytes], cves: Collection[str] | None = None) -> Parsed:
    """The releases; of a month its last day. A line of a release that cannot be read is left out, counted and named.
    Raises Unreadable for what is no such page."""
    data = decompressed_file(file, _LARGEST)
    if is_web_page(data):
        raise Unreadable("it is a web page and not Markdown")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8 text") from None
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    unreadable: list[str] = []
    for system, cells in _releases(text):
        try:
            found = list(_rows(system, cells))
        except Unreadable as fault:
            unreadable.append(str(fault))
            continue
        for row in found:
            # The table comes first, and the sections repeat it.
            rows.setdefault((row["component"], row["version"]), row)
    return Parsed(
        rows=pa.Table.from_pylist(list(rows.values()), schema=RELEASE_ROWS),
        entries=len(rows) + len(unreadable),
        dated=_dated(text, [row["released_at"] for row in rows.values()]),
        version=None,
        unreadable=len(unreadable),
        examples=tuple(unreadable[:_EXAMPLES]),
    )


def _releases(text: str) -> Iterator[tuple[str, list[str]]]:
    """(system, cells) of every line that is about a release: its first cell names a system, and another is a month."""
    for line in text.splitlines():
        if "|" not in line:
            continue
        first, *cells = [cell.strip() for cell in line.lstrip("#").strip().strip("|").split("|")]
        system = first.lower()
        if system in _SYSTEMS and any(_MONTH.fullmatch(cell) for cell in cells):
            yield system, cells


def _rows(system: str, cells: list[str]) -> Iterator[dict[str, Any]]:
    month = next(match for cell in cells if (match := _MONTH.fullmatch(cell)))
    number, year = _MONTHS.get(month[1][:3].lower()), int(month[2])
    if number is None or year < 1:
        raise Unreadable(f"{system} {quoted(month[0])}: that is no month")
    # The first version that has the component's form: details further on repeat it in another spelling, or name the
    # engine that comes with an agent, which is none of Windows.
    found = {
        component: match[0]
        for component, pattern in _SYSTEMS[system].items()
        if (match := next(filter(None, map(pattern.search, cells)), None))
    }
    if not found:
        raise Unreadable(f"{system} of {month[0]}: it has no version")
    for component, version in found.items():
        yield release_row(component, version, last_day_of(year, number))


def _dated(text: str, released: list[datetime]) -> datetime | None:
    """The date that the page states, or the first day of the newest month in it, whichever is later: not every change
    of the page moves the date."""
    dates = [day.replace(day=1) for day in released]
    if match := _PAGE_DATE.search(text):
        with contextlib.suppress(ValueError):  # no day of the calendar
            dates.append(datetime(int(match[3]), int(match[1]), int(match[2]), tzinfo=UTC))
    return max(dates, default=None)
