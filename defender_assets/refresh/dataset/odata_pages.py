"""Every row of a list that is paged by ``$top`` and ``$skip``, proven to be the whole list.

Here: when walks over a list prove it, and which of their rows count. Not here: one walk (``list_walk.py``), requests
and retries (``api/``), publishing (``refresh/publication.py``).

The service documents no order of rows, no snapshot over several pages and no count. Rows that come, go or change places
between two requests shift others into pages that were already read, or out of those that are read later. What holds in
spite of that:

- One response is a snapshot. A list that fits into one is proven by a second request for its end, which brings
  nothing new.
- A list in several pages is walked twice, with other boundaries between the pages unless the rows fill all of them. Two
  walks that saw the same rows, none of them twice, prove it. So do three and more that ended at the same number of
  rows, when together they saw exactly that many different ones: had a row been missed by all of them, there would be
  fewer; had one come or gone, there would be more. Where a page has a row twice, offsets may be wrong, so what any
  earlier walk saw has to be there.
- Until then it is walked again, ``MOST_WALKS`` times at most. A list that does not hold still is refused.

The second walk costs as many calls as the first, so a list of N rows that holds still takes 2 * (N // top + 1). Of
large pages the keys are enough for that, which are read in a third of the time: the rows of the first walk are then
those that count. Where it had a row twice or bytes that are no UTF-8, and where the walks do not agree, the next one is
read whole; and so is the last of all.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

import pyarrow as pa

from ...api import BadRequest, DefenderClient, IncompleteWalk
from ...catalog import Dataset, ODataPages
from ...decode import Decoder
from ...quantity import quantity
from .completeness import DatasetReading
from .list_walk import ListRequests, ListWalk, RowKey, WalkInCircles, even_size, row_keys
from .row_spool import RowSpool

MOST_WALKS = 5
ROUND = 10_000
"""Rows. A silent limit of so many was observed; a list that ends at a multiple of it is confirmed by its halves."""


def odata_walk(
    client: DefenderClient,
    dataset: Dataset,
    fetch: ODataPages,
    decoder: Decoder,
    *,
    row_filter: str | None = None,
    reading: DatasetReading | None = None,
) -> Iterator[pa.Table]:
    """Every row of an OData list once, as tables in the dataset's schema; ``reading`` is told how that was proven.

    Raises IncompleteWalk when ``MOST_WALKS`` walks did not prove it. Rows wait on disk for the proof.
    """
    reading = reading or DatasetReading()
    requests = ListRequests(client, dataset, fetch, decoder, row_filter)
    with ExitStack() as spools:
        walks = _proven(requests, reading, spools)
        yield from _rows_of(walks)


def _proven(requests: ListRequests, reading: DatasetReading, spools: ExitStack) -> Sequence[ListWalk]:
    """The walks whose rows together are proven to be the whole list, the newest first; one if it stands for itself."""
    agreeing: list[ListWalk] = []
    earlier: list[ListWalk] = []
    all_miscounted = True
    largest = requests.fetch.top
    name = requests.dataset.name
    counted = requests.decoder.counted  # of another half of the list
    for number in range(1, MOST_WALKS + 1):
        former = agreeing[-1] if agreeing else None
        size = even_size(former.end, largest) if former and former.top == largest else largest
        spool = spools.enter_context(closing(RowSpool(name)))
        # The last one may have to stand for itself.
        keys_alone = former is not None and former.has_all_once and number < MOST_WALKS
        walk = ListWalk(requests, spool, reading, size, keys_alone=keys_alone)
        requests.decoder.forget_counts(since=counted)
        reading.walks += 1
        try:
            walk.read(at_least=former.end if former else 0)
        except WalkInCircles as circle:
            reading.doubt(f"walk {number}: {circle.what.partition(': ')[2]}")
            agreeing, all_miscounted = [], False
            continue
        largest = min(largest, walk.largest) or largest
        if walk.snapshot and walk.whole:
            return _counted(walk)
        if walk.miscounted:
            reading.doubt(f"walk {number}: a page had fewer rows than it said (@odata.count)")
            continue
        all_miscounted = False
        left_out = _seen([*earlier, walk]) - len(walk.seen) if walk.repeats else 0
        earlier.append(walk)
        if left_out:
            reading.doubt(
                f"walk {number} had rows twice on a page, and not {quantity(left_out, 'row')} of an earlier walk"
            )
            agreeing = []
            continue
        agreeing = [*agreeing, walk] if former and former.rows == walk.rows else [walk]
        if walk.whole and len(agreeing) == 1 and _is_round(walk) and _confirmed_by_halves(walk):
            return _counted(walk)
        whole = [each for each in reversed(agreeing) if each.whole]
        # A row that came twice has to be looked at, for which a check needs both.
        if (_same_sequence(agreeing) or _same_rows(agreeing)) and (walk.whole or walk.each_once):
            return _counted(whole[0])
        if len(agreeing) > 1:
            together = _seen(agreeing)
            if together == walk.rows == _seen(whole) and len(agreeing) > 2:
                return _counted(*whole)
            if together > walk.rows:
                agreeing = [walk]
        if number > 1:
            reading.doubt(f"walk {number} saw {quantity(walk.rows, 'row')}, not the same as the walk before it")
    if all_miscounted:
        what = f"{MOST_WALKS} walks over the list found fewer rows on a page than it says it has (@odata.count)"
    else:
        what = f"the list did not hold still: {MOST_WALKS} walks over it in a row differed from each other"
    raise IncompleteWalk(
        f"{name}: {what}, so rows may have been missed",
        dataset=name,
        remedy="Refresh again later; if it stays so, the service's list cannot be read in pages.",
    )


def _counted(*walks: ListWalk) -> Sequence[ListWalk]:
    """The same walks; what was counted in the first of them is what counts."""
    walks[0].requests.decoder.forget_counts(since=walks[0].counted)
    return walks


def _seen(walks: Sequence[ListWalk]) -> int:
    """How many different rows they saw together."""
    return len(set().union(*(walk.seen for walk in walks)))


def odata_halves(
    client: DefenderClient,
    dataset: Dataset,
    fetch: ODataPages,
    decoder: Decoder,
    *,
    halves: str,
    reading: DatasetReading,
) -> Iterator[pa.Table]:
    """The rows of two walks, one over each half of the list (``ODataPages.halves``), each row once. A limit on the
    number of rows of a list shows by the halves having more together.

    Raises IncompleteWalk, also where the service does not know the filter.
    """
    emitted: set[RowKey] = set()
    for operator in ("eq", "ne"):
        try:
            for table in odata_walk(
                client, dataset, fetch, decoder, row_filter=halves.format(operator), reading=reading
            ):
                keys = row_keys(table, dataset)
                fresh = [position for position, key in enumerate(keys) if key not in emitted]
                emitted.update(keys)
                yield table.take(pa.array(fresh, pa.int64()))
        except BadRequest as refusal:
            reason = refusal.what.partition(": ")[2]
            raise IncompleteWalk(
                f"{dataset.name}: the list cannot be read in two halves: {reason}", dataset=dataset.name
            ) from None


def _is_round(walk: ListWalk) -> bool:
    requests = walk.requests
    return (
        walk.rows > 0 and walk.rows % ROUND == 0 and requests.row_filter is None and requests.fetch.halves is not None
    )


def _confirmed_by_halves(walk: ListWalk) -> bool:
    """Whether the two halves of the list have the same rows as the walk, each row once. They take the place of a second
    walk and cost no more; if they have more rows, the list has a limit."""
    requests, seen = walk.requests, set[RowKey]()
    for operator in ("eq", "ne"):
        half = replace(requests, row_filter=str(requests.fetch.halves).format(operator))
        try:
            seen.update(*half.pages(walk.reading))
        except BadRequest:
            return False
    if seen - walk.seen:
        walk.reading.looks_cut.append(
            f"there are exactly {walk.rows:,} rows, but {len(seen | walk.seen):,} in the two halves of the list"
        )
    return seen == walk.seen and len(seen) == walk.rows


def _same_sequence(walks: Sequence[ListWalk]) -> bool:
    """Whether three walks saw the same rows in the same order, a row on two pages among them. In two walks that could
    be a row that moved."""
    return len(walks) > 2 and all(walk.sequence == walks[0].sequence for walk in walks[1:])


def _same_rows(walks: Sequence[ListWalk]) -> bool:
    """Whether the last two walks saw the same rows, each of them every row once."""
    if len(walks) < 2:
        return False
    one, other = walks[-2:]
    return one.seen == other.seen and len(other.seen) == other.rows


def _rows_of(walks: Sequence[ListWalk]) -> Iterator[pa.Table]:
    """The rows of the walks, of several walks each row once. What one walk has twice stays where it stands for itself:
    there the service contradicts itself, which a check has to say."""
    emitted: set[RowKey] = set()
    for walk in walks:
        for table, keys in walk.tables():
            fresh = [position for position, key in enumerate(keys) if key not in emitted]
            if len(walks) > 1:
                emitted.update(keys)
            if fresh:
                yield table if len(fresh) == len(keys) else table.take(pa.array(fresh, pa.int64()))
