"""One walk over a list that is paged by ``$top`` and ``$skip``: its pages in turn, and where it ended.

Here: requests, offsets, and what a walk saw. Not here: whether what it saw is the whole list (``odata_pages.py``).
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa

from ...api import DefenderClient, IncompleteWalk, NotFound, checked_link
from ...catalog import Dataset, ODataPages
from ...decode import DecodeCounter, Decoder
from ...quantity import quantity
from .completeness import DatasetReading
from .pages_ahead import PagesAhead, is_large
from .row_spool import RowSpool

MOST_LIST_PAGES = 5_000
"""Pages in one walk; a list of the largest documented pages would have 50 million rows."""
_OVERLAP = 100

RowKey = int
"""The hash of the values of a row's key columns, different in each process; 64 bits tell the rows of a list apart."""


class WalkInCircles(IncompleteWalk):
    """A whole page brought nothing but rows that the walk had seen: ``$skip`` does not lead on."""


def overlap(rows: int) -> int:
    """How many rows of a list in one page the second request repeats: a twentieth, at least 1 and at most 100. None of
    a single row."""
    return 0 if rows <= 1 else max(1, min(_OVERLAP, rows // 20))


def even_size(rows: int, largest: int) -> int:
    """The smallest page by which that many rows, and proof that there are no more, come in as few requests as by the
    ``largest``."""
    return math.ceil((rows + 1) / (rows // largest + 1))


def row_keys(table: pa.Table, dataset: Dataset) -> list[RowKey]:
    """The key of each row."""
    columns = [table.column(name).to_pylist() for name in dataset.key]
    return [hash(key) for key in zip(*columns, strict=True)]


@dataclass(frozen=True)
class ListPage:
    """The rows of one response; ``table`` is None where their keys alone were read. ``count`` is its ``@odata.count``,
    if it has one; ``not_found``: the service answered 404, which stands for an empty list; ``garbled``: it had bytes
    that are no UTF-8."""

    table: pa.Table | None
    keys: Sequence[RowKey]
    count: int | None
    not_found: bool = False
    garbled: bool = False

    @property
    def rows(self) -> int:
        return len(self.keys)

    @property
    def distinct(self) -> int:
        return len(set(self.keys))


@dataclass
class ListRequests:
    """Asks for pages of one list."""

    client: DefenderClient
    dataset: Dataset
    fetch: ODataPages
    decoder: Decoder
    row_filter: str | None

    def pages_of(self, top: int, *, keys_alone: bool) -> PagesAhead[ListPage]:
        """The pages of one walk, of ``top`` rows each if the service does as it is told. Each raises what the client
        and the decoder raise, and ForeignHost or IncompleteWalk for a link that leads astray: links are not followed,
        but one that leads elsewhere tells of a body that is not this list's. ``keys_alone``: of large pages the keys
        are enough."""
        decode = partial(self._decoded, keys_alone=keys_alone)
        return PagesAhead(partial(self._body, top=top), decode, top=top, name=self.dataset.name)

    @property
    def _kept(self) -> dict[str, str]:
        options = {"$expand": self.fetch.expand, "$filter": self.row_filter}
        return {name: value for name, value in options.items() if value}

    def _body(self, skip: int, *, top: int) -> bytes | None:
        """The body of the page from ``skip`` on; None for an answer of 404 that stands for an empty list."""
        # "$skip=0" is left out, as other clients do.
        params = {"$top": str(top), **self._kept} | ({"$skip": str(skip)} if skip else {})
        dataset = self.dataset
        try:
            return self.client.get(dataset.path, params=params, dataset=dataset, quota=dataset.quota).body
        except NotFound as nothing:
            if self.fetch.empty_is_not_found and nothing.code in ("NotFound", "ResourceNotFound"):
                return None
            raise

    def _decoded(self, body: bytes | None, *, keys_alone: bool) -> ListPage:
        if body is None:
            return ListPage(self.dataset.schema.empty_table(), (), None, not_found=True)
        if keys_alone and is_large(body) and (keys := self.decoder.page_keys(body)):
            self._check_link(keys.next_link)
            return ListPage(None, row_keys(keys.table, self.dataset), None)
        page = self.decoder.page(body)
        self._check_link(page.next_link)
        return ListPage(page.table, row_keys(page.table, self.dataset), page.count, garbled=page.garbled)

    def _check_link(self, link: str | None) -> None:
        if link is not None:
            checked_link(self.client.connection, self.dataset, link, path=self.dataset.path, kept=self._kept)

    def pages(self, reading: DatasetReading) -> Iterator[Sequence[RowKey]]:
        """The keys of page after page, up to one that is not full."""
        skip, top = 0, self.fetch.top
        with closing(self.pages_of(top, keys_alone=True)) as pages:
            while skip <= MOST_LIST_PAGES * top:
                page = pages.page(skip)
                reading.pages += 1
                yield page.keys
                if page.rows < top:
                    return
                skip += page.rows


@dataclass
class ListWalk:
    """What one walk by pages of ``top`` rows saw. ``end`` is the offset after the last row, ``repeats`` the number of
    rows that came twice within one page. ``snapshot``: one response held the whole list, and a second one showed that
    nothing follows. ``keys_alone``: its rows need not be read, where their keys can be; ``whole``: they all were, and
    can be had. ``garbled``: a page had bytes that are no UTF-8. ``counted`` is what was counted when it ended."""

    requests: ListRequests
    spool: RowSpool
    reading: DatasetReading
    top: int
    keys_alone: bool = False
    sequence: list[RowKey] = field(default_factory=list)
    seen: set[RowKey] = field(default_factory=set)
    pages: int = 0
    end: int = 0
    repeats: int = 0
    largest: int = 0
    snapshot: bool = False
    whole: bool = True
    garbled: bool = False
    counted: DecodeCounter = field(default_factory=DecodeCounter)
    _counts: list[tuple[int, int]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many different rows the list has by the walk's offsets."""
        return self.end - self.repeats

    @property
    def each_once(self) -> bool:
        """Whether no row came twice, within a page or on several."""
        return len(self.sequence) == len(self.seen)

    @property
    def has_all_once(self) -> bool:
        """Whether its rows are there, each once and as they were meant, so that another walk need not be read for more
        than its keys."""
        return self.whole and self.each_once and not self.garbled

    @property
    def miscounted(self) -> bool:
        """Whether a response said (``@odata.count``) that it has more rows than it had; the number of all rows may
        stand there as well."""
        return any(rows < count != self.end for rows, count in self._counts)

    def read(self, at_least: int = 0) -> None:
        """Reads page after page. One that is not full is the end, from the offset ``at_least`` on.

        Raises WalkInCircles, IncompleteWalk for a list without end, and what ``ListRequests.pages_of`` raises.
        """
        with closing(self.requests.pages_of(self.top, keys_alone=self.keys_alone)) as pages:
            self._read(pages, at_least)
        self.counted = self.requests.decoder.counted

    def _read(self, pages: PagesAhead[ListPage], at_least: int) -> None:
        page = self._page(pages, 0)
        if not page.rows:
            # An empty list is asked for twice: an answer without rows was seen to be a mistake.
            page = self._page(pages, 0)
            if page.rows:
                self.reading.doubt("the first answer had no rows; asked again, it had")
            elif page.not_found:
                self.reading.way += ", which the service answered with 404 twice"
        if page.rows >= self.top:
            self._take(page, 0)
        else:
            page = self._end_of_first_page(pages, page)
            if self.snapshot:
                return
        while page.rows and (self._is_full(page) or self.end < at_least):
            page = self._page(pages, self.end)
            if self._is_full(page) and self.seen.issuperset(page.keys):
                raise WalkInCircles(
                    f"{self._name}: a page of {page.rows:,} rows brought only rows that had been read before",
                    dataset=self._name,
                )
            self._take(page, self.end)

    def tables(self) -> Iterator[tuple[pa.Table, Sequence[RowKey]]]:
        """The rows as they came, with their keys, of a walk that was read whole."""
        start = 0
        for table in self.spool.tables():
            yield table, self.sequence[start : start + table.num_rows]
            start += table.num_rows

    @property
    def _name(self) -> str:
        return self.requests.dataset.name

    def _page(self, pages: PagesAhead[ListPage], skip: int) -> ListPage:
        self.pages += 1
        self.reading.pages += 1
        if self.pages > MOST_LIST_PAGES:
            raise IncompleteWalk(
                f"{self._name}: the list did not end within {MOST_LIST_PAGES:,} pages; it was not read any further",
                dataset=self._name,
                retryable=False,
            )
        return pages.page(skip)

    def _is_full(self, page: ListPage) -> bool:
        """Whether a page is as large as the service makes them; it may have a limit below ``top``."""
        return page.rows > 0 and page.rows >= min(self.top, self.largest)

    def _end_of_first_page(self, pages: PagesAhead[ListPage], first: ListPage) -> ListPage:
        """Takes the first page, which is not full, and asks once more for its end. If more follows there, the first
        page was cut or is a short one of several; that page is taken as well. Returns the page taken last."""
        repeated = overlap(first.rows)
        self._take(first, 0)
        if not first.rows:
            self.snapshot = True
            return first
        second = self._page(pages, first.rows - repeated)
        # A row that comes twice may stand where another one was.
        complete = (first.count is None or first.count <= first.rows) and first.distinct == first.rows
        self.snapshot = complete and second.distinct == repeated and self.seen.issuperset(second.keys)
        if self.snapshot:
            return first
        if second.rows > repeated and self.seen.issuperset(second.keys):
            raise WalkInCircles(
                f"{self._name}: the request for what follows the first page brought that page's rows again",
                dataset=self._name,
            )
        self.reading.doubt(f"the first page had {quantity(first.rows, 'row')}, and more followed")
        self._take(second, first.rows - repeated)
        return second

    def _take(self, page: ListPage, skip: int) -> None:
        if page.table is None:
            self.whole = False
        elif self.whole:
            self.spool.add(page.table)
        self.garbled |= page.garbled
        self.sequence.extend(page.keys)
        self.seen.update(page.keys)
        if page.count is not None:
            self._counts.append((page.rows, page.count))
        advance = page.rows
        if page.rows > self.top:
            advance = page.distinct  # a row that comes twice does not move those after it
        else:
            self.repeats += page.rows - page.distinct
        self.end = skip + advance
        self.largest = max(self.largest, page.rows)
