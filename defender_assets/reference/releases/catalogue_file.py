"""The catalogue of Defender releases, from YAML (or JSON, which is YAML).

Here: the format, as ``agent_releases.yaml`` describes it. Not here: what a device makes of a release (``compliance/``).
"""

import re
from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import IO, Any

import pyarrow as pa
import yaml

from ..entries import last_day_of, parse_day, quoted
from ..errors import Unreadable
from ..parsed import Parsed
from ..unpack import decompressed_file
from .versions import COMPONENT_VERSIONS, RELEASE_ROWS, release_row

_LARGEST = 4 * 2**20
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)


def read_agent_releases(file: IO[bytes], cves: Collection[str] | None = None) -> Parsed:
    """The catalogue. Raises Unreadable, which names the component and version at fault."""
    document = _document(file)
    families = document.get("families")
    if not isinstance(families, dict):
        raise Unreadable("it has no families")
    if unknown := [name for name in families if name not in COMPONENT_VERSIONS]:
        raise Unreadable(f"{quoted(unknown[0])} is no component; there are {', '.join(COMPONENT_VERSIONS)}")
    source, updated = document.get("source"), _day(document.get("updated"), "updated")
    rows = [
        _row(component, entry, source, position)
        for component, entries in families.items()
        for position, entry in enumerate(_entries(component, entries), start=1)
    ]
    seen: set[tuple[str, str]] = set()
    for row in rows:
        key = row["component"], row["version"]
        if key in seen:
            raise Unreadable(f"{' '.join(key)} is listed twice")
        seen.add(key)
    return Parsed(
        rows=pa.Table.from_pylist(rows, schema=RELEASE_ROWS),
        entries=len(rows),
        dated=updated,
        version=updated.date().isoformat(),
    )


def _document(file: IO[bytes]) -> dict[str, Any]:
    try:
        text = decompressed_file(file, _LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8 text") from None
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Unreadable("it is not YAML" + (f" (line {mark.line + 1})" if mark else "")) from None
    # Such as the date 2026-02-30, brackets a thousand deep, or what PyYAML raises for a value that is none of its tag.
    except (ValueError, LookupError, AttributeError, TypeError, OverflowError, RecursionError):
        raise Unreadable("it holds a value that YAML cannot read") from None
    if not isinstance(document, dict):
        raise Unreadable("it is not a mapping with updated, source and families")
    return document


def _entries(component: str, entries: Any) -> list[Any]:
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise Unreadable(f"{component} is not a list of releases")
    return entries


def _row(component: str, entry: Any, source: Any, position: int) -> dict[str, Any]:
    version = entry.get("version") if isinstance(entry, dict) else None
    if not isinstance(version, str):
        raise Unreadable(f"{component}, entry {position}: its version is missing, or is no text (put it in quotes)")
    try:
        released = entry.get("released")
        released_at = None if released is None else _day(released, "released")
    except Unreadable as fault:
        raise Unreadable(f"{component} {quoted(version)}: {fault}") from None
    entry_source = entry.get("source", source)
    row = release_row(component, version, released_at, entry_source if isinstance(entry_source, str) else None)
    stated, release = entry.get("release"), row["release"]
    if stated not in (None, release, int(release)):
        raise Unreadable(
            f"{component} {quoted(version)}: its release is {quoted(stated)}, but the version says {release}"
        )
    return row


def _day(value: Any, member: str) -> datetime:
    """A day. A month means its last day, so that no device counts as late too early."""
    if value is None:
        raise Unreadable(f"{member} is missing")
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, str) and (month := _MONTH.fullmatch(value)):
        year, number = int(month[1]), int(month[2])
        if year >= 1 and 1 <= number <= 12:
            return last_day_of(year, number)
    try:
        return parse_day(value)
    except Unreadable as fault:
        raise Unreadable(f"{member}: {fault}") from None
