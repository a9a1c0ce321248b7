"""The ``$top``/``$skip`` walk over an OData list, proven to have reached the end.

Here: the arithmetic of the walk and its proof. Not here: requests and retries (``api/``), publishing
(``refresh/publication.py``).

The service gives no link when ``$top`` is sent, it may return fewer rows than asked for, and rows that disappear during
the walk shift later rows into pages that were already read. Therefore every page after the first starts a little
*before* the end of the previous one, and the last row read must be found there again. Rows after it are new. When there
are none, the list has ended, whatever the size of the page. When the row is not there at all, rows have disappeared and
the walk starts over.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from ...api import DefenderClient, IncompleteWalk, NotFound
from ...catalog import Dataset, ODataPages
from ...decode import Decoder

_OVERLAP = 100

Key = tuple[object, ...]
"""The values of a row's key columns."""


def overlap(rows: int) -> int:
    """How many rows of the previous page the next one repeats: a twentieth, at least 1 and at most 100. None where a
    page has a single row, because the walk would not advance."""
    return 0 if rows <= 1 else max(1, min(_OVERLAP, rows // 20))


@dataclass
class WalkPosition:
    """How far the walk has come: the keys seen, the last of them, and the offset after it."""

    seen: set[Key] = field(default_factory=set)
    last: Key | None = None
    offset: int = 0
    repeated: int = 0

    def take(self, keys: Sequence[Key], skip: int) -> list[int] | None:
        """Indices of the rows of this page that are new; None when the last row of the previous page is missing."""
        start = 0
        if self.last is not None:
            if self.last not in keys:
                return None
            start = keys.index(self.last) + 1
        fresh = []
        for index in range(start, len(keys)):
            if keys[index] in self.seen:
                self.repeated += 1
            else:
                self.seen.add(keys[index])
                fresh.append(index)
        if len(keys) > start:
            self.last = keys[-1]
        self.offset = skip + len(keys)
        return fresh


def odata_walk(
    client: DefenderClient, dataset: Dataset, fetch: ODataPages, decoder: Decoder, *, row_filter: str | None = None
) -> Iterator[pa.Table]:
    """Every row of an OData list once, as tables in the dataset's schema.

    Raises IncompleteWalk (retryable) when rows disappeared during the walk or a link goes in circles.
    """
    position = WalkPosition()
    params = {"$top": str(fetch.top)}
    if fetch.expand:
        params["$expand"] = fetch.expand
    if row_filter:
        params["$filter"] = row_filter
    skip, link = 0, None
    while True:
        try:
            if link is None:
                # "$skip=0" is left out, as other clients do.
                paged = params if skip == 0 else {**params, "$skip": str(skip)}
                answer = client.get(dataset.path, params=paged, dataset=dataset, quota=dataset.quota)
            else:
                answer = client.get(link, dataset=dataset, quota=dataset.quota)
        except NotFound as nothing:
            # Documented for the machine list: 404 with an error body when there are no recent machines.
            if skip == 0 and link is None and nothing.code in ("NotFound", "ResourceNotFound"):
                return
            raise
        page = decoder.page(answer.body)
        keys = list(zip(*(page.table.column(name).to_pylist() for name in dataset.key), strict=True))
        if link is not None:
            position.last = None  # the service's own link continues exactly after the last row
        fresh = position.take(keys, skip if link is None else position.offset)
        if fresh is None:
            raise IncompleteWalk(
                f"{dataset.name}: rows vanished while the list was being read, so rows may have been missed; "
                "the walk has to start over",
                dataset=dataset.name,
            )
        if fresh:
            yield page.table if len(fresh) == len(keys) else page.table.take(pa.array(fresh, pa.int64()))
        if page.next_link is not None:
            if not fresh:
                raise IncompleteWalk(
                    f"{dataset.name}: the service's link to the next page brought no new rows; it goes in circles",
                    dataset=dataset.name,
                )
            link = page.next_link
            continue
        if not fresh:
            return
        # A response without a link is not the end: the next page must have nothing after the last row.
        link = None
        repeated = overlap(len(keys))
        skip = position.offset - repeated
        if not repeated:
            position.last = None
