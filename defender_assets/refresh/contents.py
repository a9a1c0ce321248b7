"""What the days of an event table hold, in the service and in the lake, small enough to be compared.

Here: a day's rows reduced to their number and the sum of their hashes. Not here: which days are compared, and what
follows from it (``staleness.py``).
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..api import DefenderClient
from ..catalog import OBSERVED_AT, Dataset, ODataPages
from ..decode import Decoder
from ..lake import Lake, NoSnapshot, UnreadableSnapshot
from ..sql import Hashes, row_hasher
from .dataset.odata_pages import odata_walk
from .days import Window, odata_filter
from .progress import Progress, report_progress
from .stopping import check_not_stopped

_HALF = 1 << 64
_TOGETHER_BYTES = 4 * 1024 * 1024
"""Rows of several days that are hashed together."""


@dataclass(frozen=True)
class DayContent:
    """Some rows in any order: how many, and the sum of their hashes in every column but ``observed_at``. It takes the
    same few bytes for one row and for a million, and a row more, a row less or another value changes it."""

    rows: int = 0
    low: int = 0
    high: int = 0

    def with_rows(self, hashes: Hashes) -> "DayContent":
        """The same rows and these."""
        low, high = (int(half) for half in hashes.sum(axis=0, dtype=np.uint64))
        return DayContent(self.rows + len(hashes), (self.low + low) % _HALF, (self.high + high) % _HALF)

    def __str__(self) -> str:
        return f"{self.rows}:{self.high:016x}{self.low:016x}"


class Contents:
    """Reads the content of days of one event table."""

    def __init__(
        self, dataset: Dataset, hashes: Callable[[pa.Table], Hashes], compared: Callable[[pa.Table], pa.Table]
    ) -> None:
        self._dataset = dataset
        self._hashes = hashes
        self._compared = compared

    def in_lake(self, lake: Lake, days: Collection[date]) -> dict[date, DayContent | None]:
        """The content of each day's partition. None where that cannot be compared: there is none, it is damaged, or it
        has other columns or several files (an older version or another program wrote it)."""
        contents: dict[date, DayContent | None] = dict.fromkeys(days)
        seen: set[date] = set()
        waiting: list[tuple[date, pa.Table]] = []
        for part in lake.parts(self._dataset.name, min(days), max(days)) if days else ():
            check_not_stopped(self._dataset.name)
            if part.date not in contents:
                continue
            if part.date in seen:
                contents[part.date] = None  # two files, of which this package writes one
                continue
            seen.add(part.date)
            contents[part.date] = DayContent()
            try:
                for batch in lake.part_batches(part):
                    if not batch.schema.equals(self._dataset.schema):
                        contents[part.date] = None
                        break
                    waiting.append((part.date, self._compared(pa.Table.from_batches([batch]))))
                    if sum(rows.nbytes for _, rows in waiting) >= _TOGETHER_BYTES:
                        self._add(contents, waiting)
            except (NoSnapshot, UnreadableSnapshot):
                contents[part.date] = None
        self._add(contents, waiting)
        return contents

    def _add(self, contents: dict[date, DayContent | None], waiting: list[tuple[date, pa.Table]]) -> None:
        """Adds the waiting rows to the contents of their days. A day of some rows takes as long to hash as one of many,
        so days are hashed together."""
        if not waiting:
            return
        hashes, start = self._hashes(pa.concat_tables([rows for _, rows in waiting])), 0
        for day, rows in waiting:
            if (content := contents[day]) is not None:
                contents[day] = content.with_rows(hashes[start : start + rows.num_rows])
            start += rows.num_rows
        waiting.clear()

    def in_service(
        self, client: DefenderClient, fetch: ODataPages, windows: Iterable[Window], now: datetime
    ) -> dict[date, DayContent]:
        """The content of every day of the windows, asked for as a refresh asks for them: one list for each window.

        Raises what the client and the decoder raise, and IncompleteWalk."""
        decoder = Decoder(self._dataset, observed_at=now)
        contents: dict[date, DayContent] = {}
        compared = 0
        for window in windows:
            contents |= dict.fromkeys(window.dates, DayContent())
            for rows in odata_walk(client, self._dataset, fetch, decoder, row_filter=odata_filter(fetch, window)):
                rows = self._compared(rows)
                hashes, days = self._hashes(rows), rows[self._dataset.event_time].cast(pa.date32())
                for day in pc.unique(days).to_pylist():
                    # A filter may be ignored: the days are chosen here.
                    if day is not None and window.first <= day <= window.last:
                        of_day = pc.fill_null(pc.equal(days, pa.scalar(day, pa.date32())), False)
                        contents[day] = contents[day].with_rows(hashes[of_day.to_numpy()])
                compared += rows.num_rows
                report_progress(Progress(self._dataset.name, compared, unit="rows compared"))
        return contents


@contextmanager
def reading_contents(
    dataset: Dataset, compared: Callable[[pa.Table], pa.Table] = lambda rows: rows
) -> Iterator[Contents]:
    """Contents of an event table, of those rows that ``compared`` leaves. Memory is bounded by a page, whatever the
    number of rows."""
    columns = [name for name in dataset.schema.names if name != OBSERVED_AT.name]
    with row_hasher(dataset.schema, columns) as hashes:
        yield Contents(dataset, hashes, compared)
