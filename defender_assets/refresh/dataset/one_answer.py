"""A table that the service sends whole in the answer to one request: a list, or one object that is the one row.

Here: the request, and what makes its answer doubtful. Not here: reading again (``refresh.py``), comparison with the
former partition (``completeness.py``).

Nothing in such an answer says that it is whole. What does: its JSON ends, it has no link to more, no fewer rows than it
says, no row twice, and what a row is nothing without. A list is asked for twice where there is no former partition to
compare it with, and whenever it has no rows.
"""

from collections.abc import Iterator

import pyarrow as pa

from ...api import DefenderClient, IncompleteWalk
from ...catalog import Dataset, OneAnswer
from ...decode import DecodedPage, Decoder
from ...quantity import quantity
from .completeness import DatasetReading


def whole_answer(
    client: DefenderClient, dataset: Dataset, fetch: OneAnswer, decoder: Decoder, reading: DatasetReading
) -> Iterator[pa.Table]:
    """The rows of the answer, as one table in the dataset's schema; ``reading`` is told what is doubtful about it.

    Raises IncompleteWalk for an answer that is not the whole table, and what the client and the decoder raise.
    """
    counted = decoder.counted
    page = _asked(client, dataset, fetch, decoder, reading)
    rows = page.table.num_rows
    if not fetch.is_object and (reading.is_first or not rows):
        decoder.forget_counts(since=counted)
        again = _asked(client, dataset, fetch, decoder, reading)
        if again.table.num_rows != rows:
            raise IncompleteWalk(
                f"{dataset.name}: the answer had {quantity(rows, 'row')}, and {again.table.num_rows:,} when it was "
                "asked for again",
                dataset=dataset.name,
                remedy="Refresh again later.",
            )
        page = again
    if page.count is not None and page.count > rows:
        reading.looks_cut.append(f"the answer has {rows:,} of {page.count:,} rows (@odata.count)")
    yield page.table


def _asked(
    client: DefenderClient, dataset: Dataset, fetch: OneAnswer, decoder: Decoder, reading: DatasetReading
) -> DecodedPage:
    answer = client.get(dataset.path, dataset=dataset, quota=dataset.quota)
    reading.pages += 1
    page = decoder.one_object(answer.body) if fetch.is_object else decoder.page(answer.body)
    if page.next_link is not None:
        raise IncompleteWalk(
            f"{dataset.name}: the answer has a link to more, which the service does not document; it was not followed",
            dataset=dataset.name,
            remedy="Report it with the name of the table.",
            retryable=False,
        )
    if fetch.required and (missing := page.table[fetch.required].null_count):
        raise IncompleteWalk(
            f"{dataset.name}: {missing:,} of {quantity(page.table.num_rows, 'row')} have no {fetch.required}",
            dataset=dataset.name,
            remedy="Refresh again later.",
        )
    return page
