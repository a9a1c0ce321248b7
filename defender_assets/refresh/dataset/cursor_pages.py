"""Every row of a list that is read by cursor, page after page, along the service's own links.

Here: decoding pages as they arrive, and noticing a last page that may have been cut off. Not here: following links
(``api/cursor.py``).
"""

from collections.abc import Iterator

import pyarrow as pa

from ...api import CursorPage, DefenderClient, IncompleteWalk, cursor_pages
from ...catalog import CursorPages, Dataset
from ...decode import Decoder
from ..days import Window, cursor_params
from .parallel import map_in_threads


class LooksCut(IncompleteWalk):
    """The last page has no link, and exactly as many rows as a limit would allow: it is the end of the list, or was cut
    off silently. The export files of the same rows show which. Without them, reading again with ``page_size`` does:
    with that size the same rows would end in the middle of a page."""

    def __init__(self, dataset: Dataset, rows: int, page_size: int, pages: int) -> None:
        super().__init__(
            f"{dataset.name}: the service ended a page after exactly {rows:,} rows and gave no link to a next one, "
            "whatever size of page it was asked for; it may have been cut off there",
            dataset=dataset.name,
        )
        self.page_size = max(1, (rows if pages == 1 else page_size) - 1)


def looks_cut(rows: int, page_size: int) -> bool:
    """Whether a last page of this many rows is suspicious: it is full, or its rows are a multiple of a thousand (a
    silent limit of 10,000 was observed)."""
    return rows > 0 and (rows == page_size or rows % 1_000 == 0)


def cursor_walk(
    client: DefenderClient, dataset: Dataset, fetch: CursorPages, window: Window | None, decoder: Decoder
) -> Iterator[pa.Table]:
    """Every row once, as tables in the dataset's schema. Raises LooksCut, IncompleteWalk."""
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
        return page.table

    for table in map_in_threads(decoded, cursor_pages(client, dataset, params=cursor_params(fetch, window))):
        sizes.append(table.num_rows)
        yield table
    if looks_cut(sizes[-1], fetch.page_size):
        raise LooksCut(dataset, sizes[-1], fetch.page_size, len(sizes))
