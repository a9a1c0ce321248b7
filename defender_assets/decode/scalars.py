"""One value of the service's JSON, converted to its column's type where that loses nothing.

Here: the conversions between numbers, texts and booleans, over the values of one column. Not here: lists and objects
(``tolerant_path.py``), the forms of times (``times.py``).
"""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from ..catalog.column import FLAG, REAL, TEXT, TIME, WHOLE
from .blank_text import blank_to_null, is_blank
from .json_text import EXACT_BELOW, NeedsExactNumbers, NumberLiteral
from .times import parse_times

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_INT64 = range(-(2**63), 2**63)
_INT64_DIGITS = 19

_NONE = type(None)
_FITTING: dict[pa.DataType, frozenset[type]] = {
    TEXT: frozenset({str, _NONE}),
    WHOLE: frozenset({int, _NONE}),
    REAL: frozenset({float, _NONE}),
    FLAG: frozenset({bool, _NONE}),
    TIME: frozenset({str, _NONE}),
}


class ValueDoesNotFit(Exception):
    """The value cannot be converted to the type without losing something."""


def read_scalars(type_: pa.DataType, values: list[Any]) -> tuple[pa.Array, list[int]]:
    """The Arrow array of one column's JSON values, and the positions of those that do not fit (null in the array).

    Raises NeedsExactNumbers where a number's literal is needed and only its double is there.
    """
    unreadable: list[int] = []
    # Checking the set of types is much cheaper than checking each value, and nearly always enough.
    if not set(map(type, values)) <= _FITTING[type_] or (type_ == WHOLE and not _all_int64(values)):
        values, unreadable = _coerced(type_, values)
    if type_ == TIME:
        times, no_times = parse_times(pa.array(values, TEXT))
        return times, sorted({*unreadable, *no_times})
    array = pa.array(values, type_)
    return (blank_to_null(array) if type_ == TEXT else array), unreadable


def _all_int64(values: list[Any]) -> bool:
    return all(value is None or value in _INT64 for value in values)


def _coerced(type_: pa.DataType, values: list[Any]) -> tuple[list[Any], list[int]]:
    coerce = _COERCIONS[type_]
    coerced: list[Any] = []
    unreadable: list[int] = []
    for position, value in enumerate(values):
        try:
            coerced.append(None if value is None else coerce(value))
        except ValueDoesNotFit:
            coerced.append(None)
            unreadable.append(position)
    return coerced, unreadable


def _text(value: Any) -> str:
    kind = type(value)
    if kind is str or kind is NumberLiteral:
        return str(value)
    if kind is int:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        raise NeedsExactNumbers  # the version number 10.10 must not become "10.1"
    raise ValueDoesNotFit


def _time(value: Any) -> str:
    if type(value) is str:
        return value
    raise ValueDoesNotFit


def _flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if type(value) is str:
        if is_blank(value):
            return None
        match value.lower():
            case "true":
                return True
            case "false":
                return False
    raise ValueDoesNotFit


def _real(value: Any) -> float | None:
    kind = type(value)
    if isinstance(value, float):
        return value
    if kind is str and is_blank(value):
        return None
    if kind is int or kind is NumberLiteral or (kind is str and _JSON_NUMBER.fullmatch(value)):
        number = float(value)
        if abs(number) != float("inf"):
            return number
    raise ValueDoesNotFit


def _whole(value: Any) -> int | None:
    kind = type(value)
    if kind is str and is_blank(value):
        return None
    number: int | None = None
    if kind is int:
        number = value
    elif kind is float:
        if not abs(value) < EXACT_BELOW:
            raise NeedsExactNumbers
        number = int(value) if value.is_integer() else None
    elif kind is NumberLiteral or (kind is str and _JSON_NUMBER.fullmatch(value)):
        number = _integral(value)
    if number is None or number not in _INT64:
        raise ValueDoesNotFit
    return number


def _integral(literal: str) -> int | None:
    try:
        number = Decimal(literal)
    except InvalidOperation:  # an exponent of twenty digits
        return None
    if not number:
        return 0
    # Check the order of magnitude first: 1e999999999 as an integer would not fit in memory.
    if number.adjusted() >= _INT64_DIGITS:
        return None
    return int(number) if number == number.to_integral_value() else None


_COERCIONS: dict[pa.DataType, Callable[[Any], Any]] = {
    TEXT: _text,
    WHOLE: _whole,
    REAL: _real,
    FLAG: _flag,
    TIME: _time,
}
SCALAR_TYPES = frozenset(_COERCIONS)
