"""Pages by cursor: one walk along ``@odata.nextLink`` over a stored snapshot of the service.

Here: following links, proving that the walk moves forward, asking a second time where a page may have been cut. Not
here: finding the link in a body (``page_end.py``), where a link may lead (``links.py``), decoding the rows
(``decode/``).

The pages form a chain and cannot be requested in parallel. But the link is known as soon as a body has arrived, so the
next page is requested while this one is decoded; the service takes half a second to the first byte.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from isal import isal_zlib

from ..catalog import Dataset
from .client import ApiResponse, DefenderClient
from .errors import BrokenAnswer, IncompleteWalk
from .links import checked_link
from .page_end import PageEnd, has_rows, page_end, rows_of
from .prefetch import read_ahead
from .retry import RetryPolicy
from .same_answer import Fingerprint

PAGES_AHEAD = 2
MOST_PAGES = 20_000
"""A thousand million rows: a list that goes on after so many pages does not end."""
MOST_EMPTY_PAGES = 200
"""In a row. Parts of the snapshot without rows are pages without rows, but a tenant has some dozens of parts."""

# Options of the first request without which a link leads to other rows.
_KEPT = frozenset({"sinceTime", "$filter", "$expand"})
_ATTEMPTS = 3


class CursorPage(NamedTuple):
    """A body of the walk, and the link to the next page exactly as the body has it (None: this is the last page).

    ``unclear_end``: there is no link, but where one would be, the body has a member like it without an address.
    ``fingerprint``: of the body on the wire.
    """

    body: bytes
    next_link: str | None
    unclear_end: bool
    fingerprint: Fingerprint | None = None


def cursor_pages(
    client: DefenderClient, dataset: Dataset, *, params: Mapping[str, str], each_twice: bool = False
) -> Iterator[CursorPage]:
    """Every page of the walk, at most ``PAGES_AHEAD`` of them ahead of the consumer.

    A page without rows, and the last of several pages, are asked for twice: a service that fails for a moment ends a
    list like that. ``each_twice``: so is every page that is not the only one, where there is no other sign of rows that
    a page lost.

    Raises IncompleteWalk when a link comes twice or does not lead on in this list, or when two answers contradict each
    other; ForeignHost when a link leads to another host; and what ``client.get`` raises. When all pages came without an
    error, they are the whole snapshot, as far as the service's links tell.
    """
    walk = _Walk(client, dataset, params, each_twice)
    return read_ahead(walk.pages, room=PAGES_AHEAD, name=f"pages of {dataset.name}")


class _Walk:
    """One walk. ``link`` None stands for the first page."""

    def __init__(self, client: DefenderClient, dataset: Dataset, params: Mapping[str, str], each_twice: bool) -> None:
        self._each_twice = each_twice
        self._client, self._dataset, self._params = client, dataset, params
        self._kept = {name: value for name, value in params.items() if name in _KEPT}
        self._links: set[str] = set()
        self._rows: set[tuple[int, int]] = set()
        self._retry = RetryPolicy(attempts=_ATTEMPTS, patience=client.retry.patience, clock=client.clock)

    def pages(self) -> Iterator[CursorPage]:
        link: str | None = None
        empty = 0
        for number in range(1, MOST_PAGES + 1):
            page = self._page(link)
            if has_rows(page.body) is False:
                page = self._asked_again(link, page)
            elif page.next_link is None and number > 1:
                page = self._confirmed(link, page)
            elif page.next_link is not None and self._each_twice:
                self._check_same(page, self._page(link, page))
            if page.next_link is not None:
                # Before the page is handed out: rows of a walk that goes astray are of no use.
                self._check_moves_on(page.body, page.next_link)
            link = page.next_link
            empty = empty + 1 if has_rows(page.body) is False else 0
            yield page
            if link is None:
                return
            del page
            if empty >= MOST_EMPTY_PAGES:
                raise self._endless(f"the service sent {empty:,} pages without rows one after another")
        raise self._endless(f"the service sent {MOST_PAGES:,} pages")

    def _page(self, link: str | None, former: CursorPage | None = None) -> CursorPage:
        """A page with a link that may be followed; the very same as the ``former`` one where its bytes come again."""
        page = self._retry.run(lambda: self._requested(link, former), only=_UnreadableEnd)
        if page.next_link is not None:
            checked_link(
                self._client.connection, self._dataset, page.next_link, path=self._dataset.path, kept=self._kept
            )
        return page

    def _requested(self, link: str | None, former: CursorPage | None) -> CursorPage:
        dataset = self._dataset
        address, params = (dataset.path, self._params) if link is None else (link, None)
        known = former and ApiResponse(200, former.body, former.fingerprint)
        response = self._client.get(address, params=params, dataset=dataset, quota=dataset.quota, former=known)
        if former is not None and response.body is former.body:
            return former
        end = _end_of(response.body)
        if end is not None:
            return CursorPage(response.body, *end, response.fingerprint)
        raise _UnreadableEnd(
            f"{dataset.name}: GET {dataset.path} answered with a body whose link to the next page cannot be read",
            dataset=dataset.name,
        )

    def _asked_again(self, link: str | None, empty: CursorPage) -> CursorPage:
        """What a page that had no rows is the second time."""
        again = self._page(link, empty)
        if has_rows(again.body) is not False:
            return self._confirmed(link, again) if again.next_link is None else again
        return again if empty.next_link is None else empty

    def _confirmed(self, link: str | None, last: CursorPage) -> CursorPage:
        """The page at the end of the list, when it is the same the second time; or else the page that goes on."""
        again = self._page(link, last)
        if again is last:
            return last
        if again.next_link is not None and has_rows(again.body) is not False:
            return again
        if again.next_link is not None or _digest(again.body) != _digest(last.body):
            raise self._incomplete("the service answered twice for the last page, with other rows the second time")
        return again if again.unclear_end else last

    def _check_same(self, page: CursorPage, again: CursorPage) -> None:
        if again is not page and (_digest(page.body), page.next_link) != (_digest(again.body), again.next_link):
            raise self._incomplete("the service answered twice for a page, with other rows the second time")

    def _check_moves_on(self, body: bytes, link: str) -> None:
        if link in self._links:
            raise self._incomplete("the service sent the same link to the next page twice, so the walk goes in circles")
        self._links.add(link)
        if has_rows(body) is False:
            # Parts of the snapshot without rows are pages of their own, which are all alike.
            return
        # Links that are new each time can lead to the same page again and again, for instance past the last row.
        digest = _digest(body)
        if digest in self._rows:
            raise self._incomplete(
                "the service sent the same page twice, each with a link to another, so the walk goes in circles"
            )
        self._rows.add(digest)

    def _incomplete(self, what: str) -> IncompleteWalk:
        return IncompleteWalk(f"{self._dataset.name}: {what}", dataset=self._dataset.name)

    def _endless(self, what: str) -> IncompleteWalk:
        error = self._incomplete(f"{what}, each with a link to another; the list was given up, as it does not end")
        error.retryable = False
        error.remedy = "Try again tomorrow, when the service has made a new snapshot; if it stays so, report it."
        return error


class _UnreadableEnd(BrokenAnswer):
    """It is not known whether the body is the last page."""


def _end_of(body: bytes) -> PageEnd | None:
    try:
        return page_end(body)
    except ValueError:
        # The parser's error has the body in it.
        return None


def _digest(body: bytes) -> tuple[int, int]:
    rows = rows_of(body)
    return len(rows), isal_zlib.crc32(rows)
