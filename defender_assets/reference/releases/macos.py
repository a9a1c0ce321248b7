"""The newest release for macOS, from the manifest of Microsoft AutoUpdate.

Here: the format, a property list: an array of dictionaries with ``Update Version`` and, if there is one, ``Date``. It
tells the newest release only; the other entries are ways to it from older ones. Not here: what it means for a device.
"""

import plistlib
from collections.abc import Collection
from datetime import UTC, datetime
from typing import IO, Any
from xml.parsers.expat import ExpatError

import pyarrow as pa

from ..entries import is_web_page, parse_iso_time
from ..errors import Unreadable
from ..parsed import Parsed
from ..unpack import decompressed_file
from .versions import RELEASE_ROWS, order_of, release_row

_LARGEST = 4 * 2**20
_DAMAGED = (ExpatError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
"""What plistlib raises for what is no property list, entities included: it refuses to declare any."""


def read_macos_manifest(file: IO[bytes], cves: Collection[str] | None = None) -> Parsed:
    """The newest release. Raises Unreadable for anything but the manifest, and for a version that is none."""
    data = decompressed_file(file, _LARGEST)
    if is_web_page(data):
        raise Unreadable("it is a web page and not a property list")
    try:
        document = plistlib.loads(data, fmt=plistlib.FMT_XML)
    except _DAMAGED:
        raise Unreadable("it is not a property list, declares entities, or ends too early") from None
    if not isinstance(document, list) or not all(isinstance(entry, dict) for entry in document):
        raise Unreadable("it is not the array of updates that AutoUpdate publishes")
    rows = {row["version"]: row for row in map(_row, document) if row}
    newest = max(rows, key=order_of, default=None)
    return Parsed(
        rows=pa.Table.from_pylist([] if newest is None else [rows[newest]], schema=RELEASE_ROWS),
        entries=0 if newest is None else 1,
        dated=None,
        version=newest,
    )


def _row(entry: dict[str, Any]) -> dict[str, Any] | None:
    version = entry.get("Update Version")
    if version is None:
        return None
    if not isinstance(version, str):
        raise Unreadable("an Update Version is no text")
    return release_row("agent_macos", version.strip(), _day(entry.get("Date")))


def _day(value: Any) -> datetime | None:
    """Midnight UTC of a day; None where there is no date, or none that can be read."""
    try:
        time = value.replace(tzinfo=UTC) if isinstance(value, datetime) else parse_iso_time(value)
    except Unreadable:
        return None
    return time.replace(hour=0, minute=0, second=0, microsecond=0)
