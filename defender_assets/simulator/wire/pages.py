"""The envelope of a page, and its link to the next page.

Here: JSON around rows. Not here: which rows a page has (``list_pages.py``, ``assessment_pages.py``), compression
(``bodies.py``).

As observed: the next link comes last, after ``value``, with a bare ``$`` and lower-cased names; ``$top`` caps the
number of all rows and suppresses it; ``@odata.count`` is the size of the page.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

import orjson

from ..tenant.formats import Row
from .assessment_walk import AssessmentPosition
from .bodies import CompressedBody, compressed, json_rows


def envelope(
    rows: Iterator[Row], context: str, *, count: int | None = None, links: Sequence[str] | None = None
) -> Iterator[bytes]:
    """The page: context, count if there is one, rows, and the link if ``links`` holds one after the last row."""
    head: dict[str, Any] = {"@odata.context": context}
    if count is not None:
        head["@odata.count"] = count
    yield orjson.dumps(head)[:-1] + b',"value":['
    yield from json_rows(rows)
    yield b"]"
    if links:
        yield b',"@odata.nextLink":' + orjson.dumps(links[0])
    yield b"}"


def append_link(rows: Iterator[Row], links: list[str], link: Callable[[], str | None]) -> Iterator[Row]:
    """The rows; after the last of them adds the link, which is only known then, to ``links``."""
    yield from rows
    found = link()
    if found is not None:
        links.append(found)


def cursor_link(address: str, options: dict[str, str], position: AssessmentPosition) -> str:
    """``…?pagesize=5&sincetime=…&$skiptoken=eyJ…=``: names in lower case, the dollar sign and the token bare."""
    named = "".join(f"{name.lower()}={quote(value, safe='')}&" for name, value in options.items())
    return f"{address}?{named}$skiptoken={position.token()}"


def list_link(address: str, options: dict[str, str], skip: int) -> str:
    """``…?$skip=8000``, with the other options before it."""
    named = "".join(f"{name}={quote(value, safe='$')}&" for name, value in options.items())
    return f"{address}?{named}$skip={skip}"


def list_body(rows: Iterator[Row], context: str, count: int | None, link: str | None) -> CompressedBody:
    return compressed(envelope(rows, context, count=count, links=[link] if link else None))
