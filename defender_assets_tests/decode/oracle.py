"""What decoding must give, written a second time in plain Python: slow, row by row, sharing no code with the product.

A number with a point or an exponent is a ``Literal`` here, so that its spelling can be told from its value.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from defender_assets.catalog.column import FLAG, REAL, TEXT, TIME, WHOLE, Column
from defender_assets.catalog.dataset import Dataset


@dataclass(frozen=True)
class Literal:
    spelling: str


@dataclass(frozen=True)
class Repeated:
    """The values of a member that occurs more than once."""

    values: list[Any]


def parse(document: bytes | str) -> Any:
    return json.loads(document, parse_float=Literal, object_pairs_hook=_object)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in members]
    return {
        name: value if names.count(name) == 1 else Repeated([value for other, value in members if other == name])
        for name, value in members
    }


@dataclass
class Outcome:
    rows: list[dict[str, Any]] = field(default_factory=list)
    extras: list[dict[str, Any] | None] = field(default_factory=list)
    unreadable: dict[str, int] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    names_told: bool = True


class _DoesNotFit(Exception):
    pass


def decode(dataset: Dataset, rows: list[dict[str, Any]]) -> Outcome:
    outcome = _decode(dataset.columns, rows)
    if dataset.credentials:
        expected = {name.lower() for name in dataset.credentials}
        paths = [name.rpartition(".") for name in outcome.unknown]
        outcome.extras = [None] * len(rows)
        outcome.names_told = False
        outcome.unknown = {f"{path}.*" if path else name for path, _, name in paths if name.lower() not in expected}
    return outcome


def _decode(columns: tuple[Column, ...], rows: list[dict[str, Any]]) -> Outcome:
    outcome = Outcome()
    for row in rows:
        extra: dict[str, Any] = {}
        decoded = {}
        for column, name, rivals in _claims(columns, row):
            whole_fits = [True]
            decoded[column.name] = _value(column, row.get(name), column.name, outcome, whole_fits)
            if not whole_fits[0]:
                extra[name] = row[name]
            extra.update({rival: row[rival] for rival in rivals})
        for name in _strangers(columns, row):
            outcome.unknown.add(name)
            if row[name] is not None:
                extra[name] = row[name]
        outcome.rows.append(decoded)
        outcome.extras.append(extra or None)
    return outcome


def _names(column: Column) -> list[str]:
    return [name.lower() for name in (column.member, *column.aliases)]


def _claims(columns: tuple[Column, ...], sent: dict[str, Any]) -> list[tuple[Column, Any, list[str]]]:
    """Each column with the member that fills it, and the others that would have liked to."""
    claims = []
    for column in columns:
        names = _names(column)
        given = [name for name in sent if name.lower() in names and sent[name] is not None]
        given.sort(key=lambda name: names.index(name.lower()))
        claims.append((column, given[0] if given else None, given[1:]))
    return claims


def _strangers(columns: tuple[Column, ...], sent: dict[str, Any]) -> list[str]:
    declared = {name for column in columns for name in _names(column)}
    return [name for name in sent if name.lower() not in declared and name[:1] != "@"]


def _nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip() == "")


def _value(column: Column, value: Any, path: str, outcome: Outcome, fits: list[bool]) -> Any:
    if isinstance(value, Repeated):
        _misfit(path, outcome, fits)
        value = value.values[-1]
    if _nothing(value):
        return None
    if not column.many:
        return _single(column, value, path, outcome, fits)
    if column.type == TEXT and isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return _misfit(path, outcome, fits)
    if column.type == TEXT:
        value = [item for item in value if not _nothing(item)]
    return [None if _nothing(item) else _single(column, item, path, outcome, fits) for item in value]


def _single(column: Column, value: Any, path: str, outcome: Outcome, fits: list[bool]) -> Any:
    if not column.members:
        try:
            return _SCALARS[column.type](value)
        except _DoesNotFit:
            return _misfit(path, outcome, fits)
    if column.in_text and isinstance(value, str):
        try:
            value = parse(value)
        except ValueError:
            return _misfit(path, outcome, fits)
        if value is None:
            return None
    if not isinstance(value, dict):
        return _misfit(path, outcome, fits)
    if column.in_text:
        inner = _decode(column.members, [value])
        for name, number in inner.unreadable.items():
            outcome.unreadable[f"{path}.{name}"] = outcome.unreadable.get(f"{path}.{name}", 0) + number
        return inner.rows[0] | {"extra": inner.extras[0]}
    decoded = {}
    for member, name, rivals in _claims(column.members, value):
        decoded[member.name] = _value(member, value.get(name), f"{path}.{member.name}", outcome, fits)
        if rivals:
            fits[0] = False
    for name in _strangers(column.members, value):
        outcome.unknown.add(f"{path}.{name}")
        if value[name] is not None:
            fits[0] = False
    return decoded


def _misfit(path: str, outcome: Outcome, fits: list[bool]) -> None:
    outcome.unreadable[path] = outcome.unreadable.get(path, 0) + 1
    fits[0] = False


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Literal):
        return value.spelling
    raise _DoesNotFit


def _decimal(value: Any) -> Decimal:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, Literal):
        return Decimal(value.spelling)
    if isinstance(value, str):
        try:
            number = json.loads(value, parse_float=Decimal, parse_int=Decimal, parse_constant=lambda _: None)
        except ValueError:
            raise _DoesNotFit from None
        if isinstance(number, Decimal) and value == value.strip():
            return number
    raise _DoesNotFit


def _whole(value: Any) -> int:
    number = _decimal(value)
    if number == number.to_integral_value() and -(2**63) <= number < 2**63:
        return int(number)
    raise _DoesNotFit


def _real(value: Any) -> float:
    number = float(_decimal(value))
    if number in (float("inf"), float("-inf")):
        raise _DoesNotFit
    return number


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _DoesNotFit


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str) or not value.isascii():
        raise _DoesNotFit
    text = value.strip()
    offset = timedelta()
    if text[-1:] in ("Z", "z"):
        text = text[:-1].removesuffix(" ")
    elif len(text) > 10 and text[-6] in "+-" and text[-3] == ":":
        hours, minutes = int(text[-5:-3]), int(text[-2:])
        offset = timedelta(hours=hours, minutes=minutes) * (-1 if text[-6] == "-" else 1)
        text = text[:-6].removesuffix(" ")
    text, point, digits = text.partition(".")
    if point and not (digits.isdigit() and len(text) == 19):
        raise _DoesNotFit
    for form, length in (("%Y-%m-%dT%H:%M:%S", 19), ("%Y-%m-%d %H:%M:%S", 19), ("%Y-%m-%d", 10)):
        if len(text) != length:
            continue
        try:
            local = datetime.strptime(text, form)
        except ValueError:
            continue
        if local.second > 59:
            raise _DoesNotFit
        if local.year == 1:
            return None
        try:
            local -= offset
        except OverflowError:
            raise _DoesNotFit from None
        return local.replace(microsecond=int(f"{digits:0<6}"[:6]), tzinfo=UTC)
    raise _DoesNotFit


_SCALARS: dict[pa.DataType | None, Any] = {TEXT: _text, WHOLE: _whole, REAL: _real, FLAG: _flag, TIME: _time}


def extras_comparable(columns: tuple[Column, ...], row: Any) -> Any:
    """The row with the ``extra`` of its objects in texts as values to compare: a text of JSON, or what was parsed."""
    found = dict(row)
    for column in columns:
        if column.in_text and found[column.name] is not None:
            inner = extras_comparable(column.members, found[column.name])
            kept = parse(inner["extra"]) if isinstance(inner["extra"], str) else inner["extra"]
            found[column.name] = inner | {"extra": kept if kept is None else comparable(kept)}
    return found


def comparable(value: Any) -> Any:
    """JSON to compare by value and kind: 7 and 7.0 are one number, 1 and true are not."""
    if isinstance(value, dict):
        return {name: comparable(item) for name, item in value.items()}
    if isinstance(value, list | Repeated):
        return [comparable(item) for item in (value.values if isinstance(value, Repeated) else value)]
    if isinstance(value, Literal) or (isinstance(value, int) and not isinstance(value, bool)):
        return ("number", Decimal(value.spelling if isinstance(value, Literal) else value))
    return (type(value).__name__, value)
