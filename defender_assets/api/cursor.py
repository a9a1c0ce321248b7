"""Pages by cursor: one walk along ``@odata.nextLink`` over a stored snapshot of the service.

Here: finding the link, following it, proving the walk went forward. Not here: what is in the rows (``decode``).

The link is known as soon as a body is there, so the next page is asked for while this one is decoded: with half a
second to the first byte, that is the time that counts. A chain cannot be read in parallel.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import orjson
from isal import isal_zlib

from defender_assets.catalog import Dataset

from .client import DefenderClient
from .errors import BrokenAnswer, ForeignHost, IncompleteWalk
from .hosts import host_of, may_get_bearer
from .prefetch import read_ahead

PAGES_AHEAD = 2

_TAIL = 16_384
# The last member of the body. It cannot be text of a row: inside a JSON string the quotes would be escaped, and an
# object inside a row is not followed by the end of the body.
_LAST_MEMBER = re.compile(rb'"@odata\.nextLink"\s*:\s*("(?:[^"\\]|\\.)*")\s*\}\s*\Z')
_MEMBER = b'@odata.nextLink"'


class CursorPage(NamedTuple):
    """A body of the walk, and the link to the next one as the body has it (None: this is the last)."""

    body: bytes
    next_link: str | None


def next_link(body: bytes) -> str | None:
    """The ``@odata.nextLink`` of a body, wherever among the outermost members it stands; None without one.

    Raises ValueError for a body that is no JSON object, or a link that is no text.
    """
    if last := _LAST_MEMBER.search(body, max(0, len(body) - _TAIL)):
        return _link(orjson.loads(last[1]))
    if _MEMBER not in body:
        return None
    # Rare: the member stands elsewhere, or a row speaks of one. Only reading the whole body tells which.
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
    """Every page of the walk, at most two of them ahead of the consumer.

    Raises IncompleteWalk when a link comes twice, ForeignHost when one leads elsewhere, and what ``client.get`` raises.
    Whoever gets all pages without an error has the whole snapshot; nothing ends the walk silently.
    """
    return read_ahead(lambda: _walk(client, dataset, params), room=PAGES_AHEAD, name=f"pages of {dataset.name}")


def _walk(client: DefenderClient, dataset: Dataset, params: Mapping[str, str]) -> Iterator[CursorPage]:
    answer = client.get(dataset.path, params=params, dataset=dataset, quota=dataset.quota)
    seen: set[str] = set()
    pages: set[tuple[int, int]] = set()
    while True:
        try:
            link = next_link(answer.body)
        except ValueError:
            link, readable = None, False
        else:
            readable = True
        if not readable:
            raise BrokenAnswer(
                f"{dataset.name}: GET {dataset.path} answered with a body whose link to the next page cannot be read",
                dataset=dataset.name,
            )
        if link is not None:
            _check(client, dataset, link, seen)
            _check_goes_on(dataset, answer.body, pages)
        yield CursorPage(answer.body, link)
        if link is None:
            return
        del answer
        answer = client.get(link, dataset=dataset, quota=dataset.quota)


def _check_goes_on(dataset: Dataset, body: bytes, pages: set[tuple[int, int]]) -> None:
    """Links that are new each time can lead to the same page for ever, past the end of the rows for instance."""
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


def _check(client: DefenderClient, dataset: Dataset, link: str, seen: set[str]) -> None:
    """Before the page is handed out: rows of a walk that goes astray are of no use."""
    if not may_get_bearer(link, client.connection):
        raise ForeignHost(
            f"{dataset.name}: the service's link to the next page leads to {host_of(link)}, which is no host of the "
            "configured cloud; it was not followed",
            dataset=dataset.name,
        )
    if link in seen:
        raise IncompleteWalk(
            f"{dataset.name}: the service sent the same link to the next page twice, so the walk goes in circles",
            dataset=dataset.name,
        )
    seen.add(link)
