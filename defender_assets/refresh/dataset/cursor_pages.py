"""Every row of a list that is read by cursor, page after page, along the service's own links.

Here: decoding pages as they arrive, and noticing an end that may be a cut. Not here: following links
(``api/cursor.py``).
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from ...api import CursorPage, DefenderClient, IncompleteWalk, cursor_pages
from ...catalog import CursorPages, Dataset
from ...decode import Decoder
from ...quantity import quantity
from ..days import Window, cursor_params
from .completeness import DatasetReading
from .parallel import map_in_threads

_FEW = 4
"""When more than one page in so many is shorter than the others, the service sends pages of any size."""


def cursor_walk(
    client: DefenderClient,
    dataset: Dataset,
    fetch: CursorPages,
    window: Window | None,
    decoder: Decoder,
    reading: DatasetReading,
) -> Iterator[pa.Table]:
    """Every row once, as tables in the dataset's schema; ``reading`` is told what is doubtful about the end. Raises
    IncompleteWalk."""
    sizes: list[int] = []

    def decoded(answer: CursorPage) -> pa.Table:
        page = decoder.page(answer.body)
        if page.next_link != answer.next_link:
            # The link is first read from the end of the body, to request the next page early; the decoder reads the
            # whole body.
            raise IncompleteWalk(
                f"{dataset.name}: the link to the next page is not where the service puts it, so pages may have been "
                "missed",
                dataset=dataset.name,
            )
        if page.count is not None and page.count > page.table.num_rows and page.next_link is None:
            reading.looks_cut.append(f"the last page has {page.table.num_rows:,} of {page.count:,} rows (@odata.count)")
        if answer.unclear_end:
            reading.looks_cut.append("the link to the next page is there, but empty")
        return page.table

    params = cursor_params(fetch, window)
    pages = cursor_pages(client, dataset, params=params, each_twice=reading.is_first)
    for table in map_in_threads(decoded, pages):
        sizes.append(table.num_rows)
        reading.pages += 1
        yield table
        del table
    reading.looks_cut += looks_cut(sizes, fetch.page_size)
    reading.may_lack_rows += short_pages(sizes, fetch.page_size)
    # With this size the same rows would end in the middle of a page.
    reading.other_page_size = max(1, (sizes[0] if len(sizes) == 1 else fetch.page_size) - 1)


def looks_cut(sizes: Sequence[int], page_size: int) -> list[str]:
    """Why the last page, which has no link, may not be the end of the list, by the rows of each page. A silent limit of
    10,000 rows was observed."""
    *before, last = sizes
    total = sum(sizes)
    if not total:
        return []
    if last == page_size:
        return [f"the last page is full ({quantity(last, 'row')})"]
    if before and last >= max(before):
        return [f"the last page has {quantity(last, 'row')}, no fewer than those before it"]
    if last and last % 1_000 == 0:
        return [f"the last page has exactly {last:,} rows"]
    if total % 10_000 == 0:
        return [f"there are exactly {total:,} rows"]
    return []


def short_pages(sizes: Sequence[int], page_size: int) -> list[str]:
    """Where rows may be missing before the end: a page that another follows, and that is shorter than the others. A
    service that sends fewer rows than it is asked for, the same number each time, or pages of any size, is not
    doubted."""
    *before, _ = sizes
    usual = max(before) if len(before) > 1 else page_size
    short = [(number, size) for number, size in enumerate(before, 1) if 0 < size < usual]
    if not short or (len(short) > 1 and len(short) * _FEW > len(before)):
        return []
    number, size = short[0]
    more = f", and {quantity(len(short) - 1, 'more such page')}" if len(short) > 1 else ""
    return [f"page {number:,} has only {quantity(size, 'row')}, though another follows{more}"]
