"""JSON where a number's or a member's exact text matters.

Here: reading what the fast parsers reject or round (lone surrogates, NaN, 30-digit numbers, the literal ``10.10``),
and writing the text of ``extra`` so that it depends on the value alone, not on the path that decoded it. Not here:
which values go there (``tolerant_path.py``, ``fast_path.py``).
"""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

EXACT_BELOW = 2.0**53
"""A double of this size or more may stand for several integers, so its literal is needed."""

_SURROGATES = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
# For ``may_lose_digits``: digits and points as 0, what a number may follow as a colon; no blanks, signs or letters but
# e. So a number of more than 15 digits, or an exponent beyond a double's, is found in a quarter of the time.
_NUMBER_MARKS = bytes(
    ord("0") if mark in b"0123456789." else ord("e") if mark in b"eE" else ord(":") if mark in b":,[" else ord(" ")
    for mark in range(256)
)
_NO_NUMBER_MARKS = b" \t\r\n+-" + bytes(mark for mark in range(128) if chr(mark).isalpha() and mark not in b"eE")
_INEXACT = re.compile(rb":0(?:0{15}|0*e000)")
_WHOLE_LIMITS = range(-(2**63), 2**64)


class NeedsExactNumbers(Exception):
    """A number whose literal matters was parsed as a double: parse again with ``parse_json_exactly``."""


class NumberLiteral(str):
    """The literal of a number that is no 64-bit integer, as sent."""

    __slots__ = ()


class Repeated:
    """The values, in order, of a member that occurs more than once in one object."""

    __slots__ = ("values",)

    def __init__(self, values: list[Any]) -> None:
        self.values = values


def may_lose_digits(document: bytes | memoryview) -> bool:
    """Whether a number in it may have more digits than a double holds, so that ``parse_json`` would round it.

    Seldom also true for the digits in a text.
    """
    return _INEXACT.search(bytes(document).translate(_NUMBER_MARKS, _NO_NUMBER_MARKS)) is not None


def parse_json(document: bytes | memoryview) -> Any:
    """A JSON value, numbers as int or float. Members that occur more than once may be lost but for the last.

    Falls back to the exact parser where the fast one fails. Raises ValueError where both do.
    """
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError:
        return parse_json_exactly(document)


def parse_json_exactly(document: bytes | memoryview) -> Any:
    """Like ``parse_json``, but slower; numbers other than 64-bit integers as ``NumberLiteral``, and members that occur
    more than once as ``Repeated``.

    No row is lost to a broken encoding: bytes that are no UTF-8 and lone surrogates become U+FFFD, control characters
    in texts are kept, NaN and the infinities become their own text.
    """
    text = bytes(document).decode("utf-8", "replace")
    try:
        value = _EXACT.decode(text)
    except json.JSONDecodeError as error:
        # The parser reports "Unterminated string" at the beginning of the string, everything else where it is.
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
            raise ValueError(f"it breaks off after {len(text):,} characters") from None
        raise ValueError(f"{error.msg[:1].lower()}{error.msg[1:]} at character {error.pos:,}") from None
    return _without_surrogates(value) if _SURROGATE_ESCAPE.search(text) else value


def _integer(literal: str) -> int | NumberLiteral:
    if len(literal) <= 20 and (value := int(literal)) in _WHOLE_LIMITS:
        return value
    return NumberLiteral(literal)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(members)
    if len(unique) == len(members):
        return unique
    values: dict[str, list[Any]] = {}
    for name, value in members:
        values.setdefault(name, []).append(value)
    return {name: Repeated(given) if len(given) > 1 else given[0] for name, given in values.items()}


_EXACT = json.JSONDecoder(
    strict=False, parse_int=_integer, parse_float=NumberLiteral, parse_constant=str, object_pairs_hook=_object
)


def _without_surrogates(value: Any) -> Any:
    if type(value) is str:
        return _SURROGATES.sub("\ufffd", value)
    if type(value) is list:
        return [_without_surrogates(item) for item in value]
    if type(value) is dict:
        return _object([(_SURROGATES.sub("\ufffd", name), _without_surrogates(item)) for name, item in value.items()])
    if type(value) is Repeated:
        return Repeated([_without_surrogates(item) for item in value.values])
    return value


def json_text(value: Any) -> str:
    """The JSON text of a parsed value: members sorted, no blanks, texts unescaped where JSON allows.

    Numbers keep their value, not always their spelling: 7.0 is written 7. From 2**53 on, and with more digits than a
    double holds, they are written as sent. A member that occurs more than once is written as the list of its values.
    Raises NeedsExactNumbers for such a number if it was parsed as a float.
    """
    return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS).decode()


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {name: _plain(item) for name, item in value.items()}
    if kind is list:
        return [_plain(item) for item in value]
    if kind is float:
        if not abs(value) < EXACT_BELOW:
            raise NeedsExactNumbers
        return int(value) if value.is_integer() else value
    if kind is NumberLiteral:
        number = float(value)
        return _plain(number) if _holds(number, value) else orjson.Fragment(str(value))
    if kind is Repeated:
        return [_plain(item) for item in value.values]
    return value


def _holds(number: float, literal: str) -> bool:
    """Whether the double, as it is written, is the number of the literal."""
    try:
        return abs(number) < EXACT_BELOW and Decimal(repr(number)) == Decimal(literal)
    except InvalidOperation:  # an exponent of twenty digits
        return False
