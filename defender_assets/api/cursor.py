"""Pages by cursor: one walk along ``@odata.nextLink`` over a stored snapshot of the service.

Here: finding the link, following it, proving that the walk moves forward. Not here: decoding the rows (``decode/``).

The pages form a chain and cannot be requested in parallel. But the link is known as soon as a body has arrived, so the
next page is requested while this one is decoded; the service takes half a second to the first byte.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import orjson
from isal import isal_zlib

from ..catalog import Dataset
from .client import DefenderClient
from .errors import BrokenAnswer, IncompleteWalk
from .links import checked_link
from .prefetch import read_ahead

PAGES_AHEAD = 2

# Options of the first request without which a link leads to other rows.
_KEPT = frozenset({"sinceTime", "$filter", "$expand"})
_TAIL = 16_384
# The last member of the body. It cannot be part of a row: inside a JSON string the quotes would be escaped, and an
# object inside a row is not followed by the end of the body.
_LAST_MEMBER = re.compile(rb'"@odata\.nextLink"\s*:\s*("(?:[^"\\]|\\.)*")\s*\}\s*\Z')
_MEMBER = b'@odata.nextLink"'


class CursorPage(NamedTuple):
    """A body of the walk, and the link to the next page exactly as the body has it (None: this is the last page)."""

    body: bytes
    next_link: str | None


def next_link(body: bytes) -> str | None:
    """The ``@odata.nextLink`` of a body, at any position among the outermost members; None without one.

    Raises ValueError for a body that is no JSON object, or a link that is no text.
    """
    if last := _LAST_MEMBER.search(body, max(0, len(body) - _TAIL)):
        return _link(orjson.loads(last[1]))
    if _MEMBER not in body:
        return None
    # Rare: the member is elsewhere, or a row mentions it. Only parsing the whole body shows which.
    content = orjson.loads(body)
    if not isinstance(content, dict):
        raise ValueError("not an object")
    return _link(content.get("@odata.nextLink"))


def _link(value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError("the link is no text")
    return value


def cursor_pages(client: DefenderClient, dataset: Dataset, *, params: Mapping[str, str]) -> Iterator[CursorPage]:
    """Every page of the walk, at most ``PAGES_AHEAD`` of them ahead of the consumer.

    Raises IncompleteWalk when a link comes twice, ForeignHost when one leads elsewhere, and what ``client.get`` raises.
    When all pages came without an error, they are the whole snapshot: nothing ends the walk silently.
    """
    return read_ahead(lambda: _walk(client, dataset, params), room=PAGES_AHEAD, name=f"pages of {dataset.name}")


def _walk(client: DefenderClient, dataset: Dataset, params: Mapping[str, str]) -> Iterator[CursorPage]:
    response = client.get(dataset.path, params=params, dataset=dataset, quota=dataset.quota)
    kept = {name: value for name, value in params.items() if name in _KEPT}
    seen: set[str] = set()
    pages: set[tuple[int, int]] = set()
    while True:
        link = _next_link(dataset, response.body)
        if link is not None:
            # Before the page is handed out: rows of a walk that goes astray are of no use.
            checked_link(client.connection, dataset, link, path=dataset.path, kept=kept)
            _check_new_link(dataset, link, seen)
            _check_new_page(dataset, response.body, pages)
        yield CursorPage(response.body, link)
        if link is None:
            return
        del response
        response = client.get(link, dataset=dataset, quota=dataset.quota)


def _next_link(dataset: Dataset, body: bytes) -> str | None:
    try:
        return next_link(body)
    except ValueError:
        pass
    # Outside the handler: the parser's error has the body in it.
    raise BrokenAnswer(
        f"{dataset.name}: GET {dataset.path} answered with a body whose link to the next page cannot be read",
        dataset=dataset.name,
    )


def _check_new_page(dataset: Dataset, body: bytes, pages: set[tuple[int, int]]) -> None:
    """Links that are new each time can lead to the same page again and again, for instance past the last row."""
    length = len(body)
    if last := _LAST_MEMBER.search(body, max(0, length - _TAIL)):
        length = last.start()
    page = (length, isal_zlib.crc32(memoryview(body)[:length]))
    if page in pages:
        raise IncompleteWalk(
            f"{dataset.name}: the service sent the same page twice, each with a link to another, so the walk goes in "
            "circles",
            dataset=dataset.name,
        )
    pages.add(page)


def _check_new_link(dataset: Dataset, link: str, seen: set[str]) -> None:
    if link in seen:
        raise IncompleteWalk(
            f"{dataset.name}: the service sent the same link to the next page twice, so the walk goes in circles",
            dataset=dataset.name,
        )
    seen.add(link)
