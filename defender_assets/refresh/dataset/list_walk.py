"""One walk over a list that is paged by ``$top`` and ``$skip``: its pages in turn, and where it ended.

Here: requests, offsets, and what a walk saw. Not here: whether what it saw is the whole list (``odata_pages.py``).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from ...api import DefenderClient, IncompleteWalk, NotFound, checked_link
from ...catalog import Dataset, ODataPages
from ...decode import Decoder
from ...quantity import quantity
from .completeness import DatasetReading
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
    """The rows of one response. ``count`` is its ``@odata.count``, if it has one; ``not_found``: the service answered
    404, which stands for an empty list."""

    table: pa.Table
    keys: Sequence[RowKey]
    count: int | None
    not_found: bool = False

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

    def page(self, skip: int, top: int) -> ListPage:
        """The rows from ``skip`` on, ``top`` of them if the service does as it is told. Raises what the client and the
        decoder raise, and ForeignHost or IncompleteWalk for a link that leads astray: links are not followed, but one
        that leads elsewhere tells of a body that is not this list's."""
        options = {"$expand": self.fetch.expand, "$filter": self.row_filter}
        kept = {name: value for name, value in options.items() if value}
        # "$skip=0" is left out, as other clients do.
        params = {"$top": str(top), **kept} | ({"$skip": str(skip)} if skip else {})
        dataset = self.dataset
        try:
            answer = self.client.get(dataset.path, params=params, dataset=dataset, quota=dataset.quota)
        except NotFound as nothing:
            if self.fetch.empty_is_not_found and nothing.code in ("NotFound", "ResourceNotFound"):
                return ListPage(dataset.schema.empty_table(), (), None, not_found=True)
            raise
        page = self.decoder.page(answer.body)
        if page.next_link is not None:
            checked_link(self.client.connection, dataset, page.next_link, path=dataset.path, kept=kept)
        return ListPage(page.table, row_keys(page.table, dataset), page.count)

    def pages(self, reading: DatasetReading) -> Iterator[Sequence[RowKey]]:
        """The keys of page after page, up to one that is not full."""
        skip = 0
        while skip <= MOST_LIST_PAGES * self.fetch.top:
            page = self.page(skip, self.fetch.top)
            reading.pages += 1
            yield page.keys
            if page.rows < self.fetch.top:
                return
            skip += page.rows


@dataclass
class ListWalk:
    """What one walk by pages of ``top`` rows saw. ``end`` is the offset after the last row, ``repeats`` the number of
    rows that came twice within one page. ``snapshot``: one response held the whole list, and a second one showed that
    nothing follows."""

    requests: ListRequests
    spool: RowSpool
    reading: DatasetReading
    top: int
    sequence: list[RowKey] = field(default_factory=list)
    seen: set[RowKey] = field(default_factory=set)
    pages: int = 0
    end: int = 0
    repeats: int = 0
    largest: int = 0
    snapshot: bool = False
    _counts: list[tuple[int, int]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many different rows the list has by the walk's offsets."""
        return self.end - self.repeats

    @property
    def miscounted(self) -> bool:
        """Whether a response said (``@odata.count``) that it has more rows than it had; the number of all rows may
        stand there as well."""
        return any(rows < count != self.end for rows, count in self._counts)

    def read(self, at_least: int = 0) -> None:
        """Reads page after page. One that is not full is the end, from the offset ``at_least`` on.

        Raises WalkInCircles, IncompleteWalk for a list without end, and what ``ListRequests.page`` raises.
        """
        page = self._page(0)
        if not page.rows:
            # An empty list is asked for twice: an answer without rows was seen to be a mistake.
            page = self._page(0)
            if page.rows:
                self.reading.doubt("the first answer had no rows; asked again, it had")
            elif page.not_found:
                self.reading.way += ", which the service answered with 404 twice"
        if page.rows >= self.top:
            self._take(page, 0)
        else:
            page = self._end_of_first_page(page)
            if self.snapshot:
                return
        while page.rows and (self._is_full(page) or self.end < at_least):
            page = self._page(self.end)
            if self._is_full(page) and not set(page.keys) - self.seen:
                raise WalkInCircles(
                    f"{self._name}: a page of {page.rows:,} rows brought only rows that had been read before",
                    dataset=self._name,
                )
            self._take(page, self.end)

    def tables(self) -> Iterator[tuple[pa.Table, Sequence[RowKey]]]:
        """The rows as they came, with their keys."""
        start = 0
        for table in self.spool.tables():
            yield table, self.sequence[start : start + table.num_rows]
            start += table.num_rows

    @property
    def _name(self) -> str:
        return self.requests.dataset.name

    def _page(self, skip: int) -> ListPage:
        self.pages += 1
        self.reading.pages += 1
        if self.pages > MOST_LIST_PAGES:
            raise IncompleteWalk(
                f"{self._name}: the list did not end within {MOST_LIST_PAGES:,} pages; it was not read any further",
                dataset=self._name,
                retryable=False,
            )
        return self.requests.page(skip, self.top)

    def _is_full(self, page: ListPage) -> bool:
        """Whether a page is as large as the service makes them; it may have a limit below ``top``."""
        return page.rows > 0 and page.rows >= min(self.top, self.largest)

    def _end_of_first_page(self, first: ListPage) -> ListPage:
        """Takes the first page, which is not full, and asks once more for its end. If more follows there, the first
        page was cut or is a short one of several; that page is taken as well. Returns the page taken last."""
        repeated = overlap(first.rows)
        self._take(first, 0)
        if not first.rows:
            self.snapshot = True
            return first
        second = self._page(first.rows - repeated)
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
        self.spool.add(page.table)
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
