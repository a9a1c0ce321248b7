"""The envelope of a page, and its link to the next page.

Here: JSON around rows, with the faults of a page. Not here: which rows a page has (``list_pages.py``,
``assessment_pages.py``), compression (``bodies.py``).

As observed: the next link comes last, after ``value``, with a bare ``$`` and lower-cased names; ``$top`` caps the
number of all rows and suppresses it; ``@odata.count`` is the size of the page.
"""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import orjson

from ..tenant.formats import Row
from .bodies import CompressedBody, compressed, json_rows
from .body_faults import after_body, after_rows, blanks
from .faults import Fault
from .http_messages import Request
from .link_faults import link_members
from .row_faults import with_row_faults


def page_body(
    rows: Iterator[Row],
    context: str,
    request: Request,
    active: tuple[Fault, ...],
    *,
    count: int | None = None,
    link: Callable[[], str | None] = lambda: None,
) -> CompressedBody:
    """The page: context, count if there is one, rows, and the link, for which ``link`` is asked after the last row."""

    def pieces() -> Iterator[bytes]:
        head: dict[str, Any] = {"@odata.context": context}
        if count is not None:
            head["@odata.count"] = count
        yield orjson.dumps(head)[:-1] + b',"value":['
        yield from blanks(active)
        yield from json_rows(with_row_faults(rows, active))
        yield b"]" + link_members(link(), request, active) + after_rows(active) + b"}" + after_body(active)

    return compressed(pieces())


def object_body(row: Iterator[Row], context: str, active: tuple[Fault, ...]) -> CompressedBody:
    """One object beside its context; without any member of its own where a fault took the row away."""
    members = next(with_row_faults(row, active), {})
    content = orjson.dumps({"@odata.context": context, **members})
    return compressed([content[:-1], after_rows(active), b"}", after_body(active)])


def cursor_link(address: str, options: dict[str, str], token: str) -> str:
    """``…?pagesize=5&sincetime=…&$skiptoken=eyJ…=``: names in lower case, the dollar sign and the token bare."""
    named = "".join(f"{name.lower()}={quote(value, safe='')}&" for name, value in options.items())
    return f"{address}?{named}$skiptoken={token}"


def list_link(address: str, options: dict[str, str], skip: int) -> str:
    """``…?$skip=8000``, with the other options before it."""
    named = "".join(f"{name}={quote(value, safe='$')}&" for name, value in options.items())
    return f"{address}?{named}$skip={skip}"
