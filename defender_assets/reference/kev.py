"""CISA's catalogue of known exploited vulnerabilities, from its JSON.

Here: the format (https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities_schema.json). Not here:
where it comes from, what it means for a finding.
"""

from collections.abc import Collection
from datetime import datetime
from typing import IO, Any

import orjson
import pyarrow as pa

from ..catalog.reference import KEV
from ..catalog.table import OBSERVED_AT
from .entries import is_cve, parse_day, parse_iso_time, quoted
from .errors import Unreadable
from .parsed import Parsed
from .unpack import decompressed_file

_LARGEST = 64 * 2**20
_ROWS = pa.schema([field for field in KEV.schema if field.name != OBSERVED_AT.name])

_REQUIRED = {
    "vendor_project": "vendorProject",
    "product": "product",
    "vulnerability_name": "vulnerabilityName",
    "short_description": "shortDescription",
    "required_action": "requiredAction",
}
_DAYS = {"date_added": "dateAdded", "due_date": "dueDate"}
_OPTIONAL = {
    "known_ransomware_campaign_use": "knownRansomwareCampaignUse",
    # In the schema since BOD 26-04.
    "forensic_triage": "forensicTriage",
    "notes": "notes",
}


def read_kev(file: IO[bytes], cves: Collection[str] | None = None) -> Parsed:
    """The catalogue. Raises Unreadable, which names the entry. A catalogue with an entry that lacks what CISA's schema
    requires is refused as a whole: without a due date, for instance, that vulnerability would silently never be due."""
    document = _document(file)
    listed = document.get("vulnerabilities")
    if not isinstance(listed, list):
        raise Unreadable("it has no list of vulnerabilities")
    count = document.get("count")
    if isinstance(count, int) and count != len(listed):
        raise Unreadable(f"it announces {count} entries and has {len(listed)}")
    rows = [_row(entry, position) for position, entry in enumerate(listed, start=1)]
    seen: set[str] = set()
    for row in rows:
        if row["cve_id"] in seen:
            raise Unreadable(f"{row['cve_id']} is listed twice")
        seen.add(row["cve_id"])
    return Parsed(
        rows=pa.Table.from_pylist(rows, schema=_ROWS),
        entries=len(rows),
        dated=_released(document.get("dateReleased")),
        version=_text_or_none(document.get("catalogVersion")),
    )


def _document(file: IO[bytes]) -> dict[str, Any]:
    data = decompressed_file(file, _LARGEST).removeprefix(b"\xef\xbb\xbf")
    if data.lstrip()[:1] == b"<":
        raise Unreadable("it is a web page and not JSON")
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise Unreadable("it is not JSON, or ends too early") from None
    if not isinstance(document, dict):
        raise Unreadable("it is not the JSON object that CISA publishes")
    return document


def _row(entry: Any, position: int) -> dict[str, Any]:
    if not isinstance(entry, dict) or not is_cve(entry.get("cveID")):
        raise Unreadable(f"entry {position} has no CVE id")
    row: dict[str, Any] = {"cve_id": entry["cveID"]}
    try:
        row |= {column: _required(entry, member) for column, member in _REQUIRED.items()}
        row |= {column: _day(entry, member) for column, member in _DAYS.items()}
        row |= {column: _optional(entry, member) for column, member in _OPTIONAL.items()}
        row["cwes"] = _cwes(entry.get("cwes"))
    except Unreadable as fault:
        raise Unreadable(f"{entry['cveID']}: {fault}") from None
    return row


def _required(entry: dict[str, Any], member: str) -> str:
    value = entry.get(member)
    if value is None:
        raise Unreadable(f"{member} is missing")
    return _text(value, member)


def _optional(entry: dict[str, Any], member: str) -> str | None:
    value = entry.get(member)
    return None if value is None else _text(value, member)


def _text(value: Any, member: str) -> str:
    if not isinstance(value, str):
        raise Unreadable(f"{member} is {quoted(value)} and not a text")
    return value


def _day(entry: dict[str, Any], member: str) -> datetime:
    if entry.get(member) is None:
        raise Unreadable(f"{member} is missing")
    try:
        return parse_day(entry[member])
    except Unreadable as fault:
        raise Unreadable(f"{member}: {fault}") from None


def _cwes(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Unreadable(f"cwes is {quoted(value)} and not a list of texts")
    return value


def _released(value: Any) -> datetime:
    if value is None:
        raise Unreadable("it does not say when it was released (dateReleased)")
    try:
        return parse_iso_time(value)
    except Unreadable as fault:
        raise Unreadable(f"dateReleased: {fault}") from None


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
