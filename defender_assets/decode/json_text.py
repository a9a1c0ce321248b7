"""JSON where a number's or a member's exact text matters.

Here: reading what the fast parsers reject or round (lone surrogates, NaN, 30-digit numbers, the literal ``10.10``),
and writing the text of ``extra`` so that it depends on the value alone, not on the path that decoded it. Not here:
which values go there (``tolerant_path.py``, ``fast_path.py``).
"""

import json
import re
from typing import Any

import orjson

EXACT_BELOW = 2.0**53
"""A double of this size or more may stand for several integers, so its literal is needed."""

_SURROGATES = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_WHOLE_LIMITS = range(-(2**63), 2**64)


class NeedsExactNumbers(Exception):
    """A number whose literal matters was parsed as a double: parse again with ``parse_json_exactly``."""


class NumberLiteral(str):
    """The literal of a number that is no 64-bit integer, as sent."""

    __slots__ = ()


def parse_json(document: bytes | memoryview) -> Any:
    """A JSON value, numbers as int or float. Of members that repeat in an object the last one counts.

    Falls back to the exact parser where the fast one fails. Raises ValueError where both do.
    """
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError:
        return parse_json_exactly(document)


def parse_json_exactly(document: bytes | memoryview) -> Any:
    """Like ``parse_json``, but slower, and numbers other than 64-bit integers as ``NumberLiteral``.

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


_EXACT = json.JSONDecoder(strict=False, parse_int=_integer, parse_float=NumberLiteral, parse_constant=str)


def _without_surrogates(value: Any) -> Any:
    if type(value) is str:
        return _SURROGATES.sub("\ufffd", value)
    if type(value) is list:
        return [_without_surrogates(item) for item in value]
    if type(value) is dict:
        return {_SURROGATES.sub("\ufffd", name): _without_surrogates(item) for name, item in value.items()}
    return value


def json_text(value: Any) -> str:
    """The JSON text of a parsed value: members sorted, no blanks, texts unescaped where JSON allows.

    Numbers keep their value, not always their spelling: 7.0 is written 7. From 2**53 on they are written as sent.
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
        return _plain(number) if abs(number) < EXACT_BELOW else orjson.Fragment(str(value))
    return value
