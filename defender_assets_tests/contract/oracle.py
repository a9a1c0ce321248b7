"""The row that the lake must have, derived from the row that was served, one value at a time.

Independent of ``defender_assets.decode`` on purpose: plain Python, no Arrow.
"""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from defender_assets.catalog import FLAG, REAL, TEXT, TIME, WHOLE, Column, Dataset

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?\s*(Z|[+-]\d\d:\d\d)?", re.IGNORECASE
)


def expected_row(dataset: Dataset, served: dict[str, Any]) -> dict[str, Any]:
    """Column -> value, without observed_at and extra."""
    members = {name.lower(): value for name, value in served.items() if not name.startswith("@")}
    return {column.name: _value(column, _member(column, members)) for column in dataset.columns}


def unknown_members(dataset: Dataset, served: dict[str, Any]) -> dict[str, Any]:
    """The members that must be in ``extra`` (nulls need not be kept); none where they may be credentials."""
    if dataset.credentials:
        return {}
    known = {name.lower() for column in dataset.columns for name in (column.member, *column.aliases)}
    return {
        name: value
        for name, value in served.items()
        if name.lower() not in known and not name.startswith("@") and value is not None
    }


def _member(column: Column, members: dict[str, Any]) -> Any:
    for name in (column.member, *column.aliases):
        if name.lower() in members:
            return members[name.lower()]
    return None


def _value(column: Column, served: Any) -> Any:
    if served is None:
        return None
    if column.many:
        served = [served] if isinstance(served, str) else served
        items = [_single(column, item) for item in served]
        return [item for item in items if item is not None] if column.type == TEXT else items
    return _single(column, served)


def _single(column: Column, served: Any) -> Any:
    if served is None:
        return None
    if column.in_text:
        return _in_text(column, served)
    if column.members:
        inner = {name.lower(): value for name, value in served.items()}
        return {member.name: _value(member, _member(member, inner)) for member in column.members}
    if column.type == TEXT:
        text = served if isinstance(served, str) else json.dumps(served)
        return text if text.strip() else None
    if column.type == TIME:
        return moment(served)
    if column.type == WHOLE:
        return int(served)
    if column.type == REAL:
        return float(served)
    if column.type == FLAG:
        return served if isinstance(served, bool) else {"true": True, "false": False}[served.lower()]
    raise AssertionError(column)


def _in_text(column: Column, served: Any) -> Any:
    """The object in a text; in ``extra`` what is not declared, as the text of a JSON object."""
    if isinstance(served, str):
        served = json.loads(served) if served.strip() else None
    if served is None:
        return None
    inner = {name.lower(): value for name, value in served.items()}
    row = {member.name: _value(member, _member(member, inner)) for member in column.members}
    known = {name.lower() for member in column.members for name in (member.member, *member.aliases)}
    extra = {name: value for name, value in served.items() if name.lower() not in known and value is not None}
    text = json.dumps(extra, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return row | {"extra": text if extra else None}


def moment(text: str) -> datetime | None:
    """A time of the service; None for the year 1 and the empty text."""
    if not text.strip():
        return None
    year, month, day, hour, minute, second, fraction, zone = _TIME.fullmatch(text.strip()).groups()
    if int(year) == 1:
        return None
    offset = UTC
    if zone and zone.upper() != "Z":
        sign = -1 if zone[0] == "-" else 1
        offset = timezone(sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])))
    micros = int((fraction or "0")[:6].ljust(6, "0"))
    clock = (int(hour or 0), int(minute or 0), int(second or 0), micros)
    return datetime(int(year), int(month), int(day), *clock, tzinfo=offset).astimezone(UTC)
