"""The forms of an answer: the OData envelope around rows, and the lines of an export file.

Here: finding the rows in parsed JSON, and saying what is wrong where there are none to find. Not here: the values in
the rows (``tolerant.py``).
"""

import json
import re
from collections.abc import Callable
from typing import Any

import orjson

from .errors import UndecodableAnswer
from .fast import NEXT_LINK, ROWS

Parse = Callable[[bytes | memoryview], Any]

_SAMPLE_ROWS = 16
_SAMPLE_BYTES = 256 * 1024
_ROWS_BEGIN = re.compile(r'"value"\s*:\s*\[', re.IGNORECASE)
_BETWEEN_ROWS = re.compile(r"[\s,]*")
_ERROR_CODE = re.compile(r"[\w.-]{1,80}")


def page(dataset: str, body: memoryview, parse: Parse) -> tuple[list[dict[str, Any]], str | None]:
    """The rows and the next link of one answer. Raises UndecodableAnswer."""
    if not body:
        raise UndecodableAnswer(dataset, "it is empty")
    try:
        answer = parse(body)
    except ValueError as error:
        raise UndecodableAnswer(dataset, _not_json(body, error)) from None
    if type(answer) is not dict:
        raise UndecodableAnswer(dataset, "it is not a JSON object")
    rows = [value for name, value in answer.items() if name.casefold() == ROWS]
    if len(rows) != 1 or type(rows[0]) is not list:
        raise UndecodableAnswer(dataset, _no_rows(answer))
    for position, row in enumerate(rows[0], start=1):
        if type(row) is not dict:
            raise UndecodableAnswer(dataset, f"row {position:,} of {len(rows[0]):,} is not an object")
    return rows[0], _next_link(dataset, answer)


def lines(dataset: str, body: memoryview, first_line: int, parse: Parse) -> list[dict[str, Any]]:
    """The rows of some lines of an export file, the first of which has that number. Raises UndecodableAnswer."""
    rows = []
    for number, line in enumerate(bytes(body).split(b"\n"), start=first_line):
        if not line or line.isspace():
            continue
        try:
            row = parse(line)
        except ValueError as error:
            raise UndecodableAnswer(dataset, f"line {number:,} is no JSON: {error}") from None
        if type(row) is not dict:
            raise UndecodableAnswer(dataset, f"line {number:,} is not a JSON object")
        rows.append(row)
    return rows


def sample_of_page(body: memoryview) -> list[Any]:
    """The first few rows of an answer, as far as they can be found without reading all of it."""
    text = bytes(body[:_SAMPLE_BYTES]).decode("utf-8", "ignore")
    rows: list[Any] = []
    begin = _ROWS_BEGIN.search(text)
    at = begin.end() if begin else len(text)
    decoder = json.JSONDecoder()
    while len(rows) < _SAMPLE_ROWS and at < len(text):
        between = _BETWEEN_ROWS.match(text, at)
        try:
            row, at = decoder.raw_decode(text, between.end() if between else at)
        except (ValueError, RecursionError):
            break  # the end of the rows, or of the sample; what is wrong with the answer shows when it is read
        rows.append(row)
    return rows


def sample_of_lines(body: memoryview) -> list[Any]:
    """The first few rows of an export file."""
    rows: list[Any] = []
    for line in bytes(body[:_SAMPLE_BYTES]).split(b"\n")[:_SAMPLE_ROWS]:
        try:
            rows.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            break  # the end of the sample, or a bad line; that shows when it is read
    return rows


def _next_link(dataset: str, answer: dict[str, Any]) -> str | None:
    links = [value for name, value in answer.items() if name.casefold() == NEXT_LINK.casefold() and value]
    if len(links) > 1 or any(type(link) is not str for link in links):
        raise UndecodableAnswer(dataset, f"its {NEXT_LINK} is not one address, so the pages that follow are unknown")
    return links[0] if links else None


def _not_json(body: memoryview, error: ValueError) -> str:
    if body[:1] == b"<":
        return "it is HTML or XML, not JSON; something between here and the service may have answered instead"
    return f"it is no JSON: {error}"


def _no_rows(answer: dict[str, Any]) -> str:
    problem = f"it has no array named {ROWS}"
    error = answer.get("error")
    code = error.get("code") if type(error) is dict else error
    if type(code) is str and _ERROR_CODE.fullmatch(code):
        return f"{problem} but the error {code}, although its status was a success"
    return problem
