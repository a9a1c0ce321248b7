"""The forms of a response body: the OData envelope around rows, and the lines of an export file.

Here: finding the rows in the JSON, and naming the fault where there are none. Not here: the values in the rows
(``tolerant_path.py``), the fast reading of whole bodies (``fast_path.py``).
"""

import json
import re
from collections.abc import Callable
from typing import Any

import orjson

from ..sanitize import redacted
from .envelope import LINK, ROWS, Envelope, count_of, counts_in, tells_error
from .errors import UndecodableResponse
from .json_shape import is_too_deep
from .json_text import Repeated

ParseJson = Callable[[bytes | memoryview], Any]

_SAMPLE_ROWS = 16
_SAMPLE_BYTES = 256 * 1024
_ROWS_BEGIN = re.compile(r'"value"\s*:\s*\[', re.IGNORECASE)
_BETWEEN_ROWS = re.compile(r"[\s,]*")
_LINE = re.compile(rb"[^ \t\r\n][^\n]*")  # from its first character that is not blank
_ERROR_CODE = re.compile(r"[\w.-]{1,80}")


def parse_page(dataset: str, body: memoryview, parse: ParseJson) -> tuple[list[dict[str, Any]], Envelope]:
    """The rows of one response and what surrounds them. Raises UndecodableResponse."""
    content = _parsed_object(dataset, body, parse)
    rows = [value for name, value in content.items() if name.casefold() == ROWS]
    if len(rows) != 1 or type(rows[0]) is not list:
        raise UndecodableResponse(dataset, f"it has no array named {ROWS}{_error_words(content, 'but')}")
    if told := _error_words(content, "and"):
        raise UndecodableResponse(dataset, f"it has an array named {ROWS}{told}")
    found = _unwrapped(rows[0])
    for position, row in enumerate(found, start=1):
        if type(row) is not dict:
            raise UndecodableResponse(dataset, f"row {position:,} of {len(found):,} is not an object")
    count = count_of({name: content[name] for name in counts_in(content)})
    return found, Envelope(_next_link(dataset, content), count)


def parse_object(dataset: str, body: memoryview, parse: ParseJson) -> tuple[list[dict[str, Any]], Envelope]:
    """The one row that a response is, whose members stand beside those of the envelope. Raises UndecodableResponse."""
    content = _parsed_object(dataset, body, parse)
    if told := _error_words(content, "but"):
        raise UndecodableResponse(dataset, f"it is no row{told}")
    if any(name.casefold() == ROWS and type(value) is list for name, value in content.items()):
        raise UndecodableResponse(dataset, f"it has an array named {ROWS}, where one object was expected")
    return [content], Envelope(_next_link(dataset, content), None)


def _parsed_object(dataset: str, body: memoryview, parse: ParseJson) -> dict[str, Any]:
    if not body:
        raise UndecodableResponse(dataset, "it is empty")
    try:
        content = parse(body)
    except ValueError as error:
        raise UndecodableResponse(dataset, _not_json(body, error)) from None
    if type(content) is not dict:
        raise UndecodableResponse(dataset, "it is not a JSON object")
    for name, value in content.items():
        if type(value) is Repeated and (name.casefold() in (ROWS, LINK.casefold()) or tells_error(name)):
            raise UndecodableResponse(dataset, f"it has the member {redacted(name)} more than once")
    return content


def _unwrapped(rows: list[Any]) -> list[Any]:
    """The rows, out of lists within the list: the documented permissions of browser extensions are
    ``{"value": [{"value": [row, …]}]}``. No row is an object with nothing but an array of that name."""
    inner = [
        value
        for row in rows
        if type(row) is dict and len(row) == 1
        for name, value in row.items()
        if name.casefold() == ROWS and type(value) is list
    ]
    return [row for part in inner for row in part] if rows and len(inner) == len(rows) else rows


def parse_lines(dataset: str, body: memoryview, first_line: int, parse: ParseJson) -> list[dict[str, Any]]:
    """The rows of some lines of an export file; ``first_line`` is the number of the first of them.

    Raises UndecodableResponse.
    """
    rows = []
    for line in _LINE.finditer(body):
        try:
            row = parse(line.group())
        except ValueError as error:
            raise UndecodableResponse(dataset, f"{_place(body, first_line, line)} is no JSON: {error}") from None
        if type(row) is not dict:
            raise UndecodableResponse(dataset, f"{_place(body, first_line, line)} is not a JSON object")
        rows.append(row)
    return rows


def sample_page_rows(body: memoryview) -> list[Any]:
    """The first few rows of a page, without reading all of it."""
    sample = body[:_SAMPLE_BYTES]
    rows: list[Any] = []
    if is_too_deep(sample):
        return rows
    text = bytes(sample).decode("utf-8", "ignore")
    begin = _ROWS_BEGIN.search(text)
    position = begin.end() if begin else len(text)
    decoder = json.JSONDecoder()
    while len(rows) < _SAMPLE_ROWS and position < len(text):
        separator = _BETWEEN_ROWS.match(text, position)
        try:
            row, position = decoder.raw_decode(text, separator.end() if separator else position)
        except ValueError:
            break  # the end of the rows, or of the sample; a fault in the page is reported when all of it is read
        rows.append(row)
    return rows


def sample_line_rows(body: memoryview) -> list[Any]:
    """The first few rows of an export file."""
    rows: list[Any] = []
    for line in bytes(body[:_SAMPLE_BYTES]).split(b"\n")[:_SAMPLE_ROWS]:
        try:
            rows.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            break  # the end of the sample, or a bad line, which is reported when all of it is read
    return rows


def _next_link(dataset: str, content: dict[str, Any]) -> str | None:
    links = [value for name, value in content.items() if name.casefold() == LINK.casefold() and value]
    if not links:
        return None
    if len(links) > 1 or not isinstance(links[0], str):
        raise UndecodableResponse(dataset, f"its {LINK} is not one address, so the pages that follow are unknown")
    return links[0]


def _place(body: memoryview, first_line: int, line: re.Match[bytes]) -> str:
    number = first_line + bytes(body[: line.start()]).count(b"\n")
    return f"line {number:,}"


def _not_json(body: memoryview, error: ValueError) -> str:
    if bytes(body[:1]) == b"<":
        return "it is HTML or XML, not JSON; something between here and the service may have answered instead"
    return f"it is no JSON: {error}"


def _error_words(content: dict[str, Any], joined: str) -> str:
    """What the response says of an error, to follow a clause; empty if it says nothing."""
    errors = [value for name, value in content.items() if tells_error(name) and value is not None]
    if not errors:
        return ""
    code = errors[0].get("code") if type(errors[0]) is dict else errors[0]
    named = f"the error {code}" if type(code) is str and _ERROR_CODE.fullmatch(code) else "an error"
    return f" {joined} {named}, although its status was a success"
