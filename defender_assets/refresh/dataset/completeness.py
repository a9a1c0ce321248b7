"""How it was proven that a refresh read every row, and what is done where it was not.

Here: one reading of a dataset and what makes its end doubtful, the comparison of readings with each other and with the
former partition, and the check ``complete``. Not here: reading (``odata_pages.py``, ``cursor_pages.py``,
``export_files.py``), the other checks (``checks.py``).

The service documents no count. A reading is doubted when its end looks like a cut, when one of its pages is shorter
than the others, when it has fewer rows than the former partition by more than is usual, or fewer than another reading
of the same refresh. A doubt is settled by a reading in another way (export files, other pages) or, where there is none,
by another of the same kind: two that agree on the number of rows are believed, unless the end of the last one looks
like a cut again.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import pairwise

from ...api import IncompleteWalk, TooLarge
from ...catalog import Dataset, Days, ExportFiles, OneAnswer
from ...checks import Check, Severity
from ...decode import UndecodableResponse
from ...errors import DefenderAssetsError
from ...lake import Lake, UnreadableSnapshot
from ...quantity import quantity
from ..former_rows import rows_read

READINGS = 4
"""How often a dataset is read in one refresh, at most, before it is refused."""
PAUSE = 1.0
"""Seconds before a list is read again that broke off or is doubtful."""
_MOST_UNDECODABLE = 2
_USUAL_FROM = 8
"""How many former partitions tell by how much a table usually shrinks."""
_ALWAYS_USUAL = 0.01
_SMALL = 1_000
"""Rows. A table of at most so many costs one call to read again, so that every loss is looked into."""
_SHOWN_DOUBTS = 6
EMPTIED_FROM = 10
"""Rows. Fewer may well be gone all at once."""


@dataclass
class DatasetReading:
    """One reading.

    ``is_first``: there are no former rows to compare with. ``way``: in words. ``doubts``: what was doubtful in it and
    settled. ``looks_cut``: why its end may not be the end of the list. ``may_lack_rows``: where rows may be missing
    before the end. ``other_page_size``: with which the same rows would end elsewhere.
    """

    is_first: bool = False
    way: str = ""
    walks: int = 0
    pages: int = 0
    parts: int = 0
    doubts: list[str] = field(default_factory=list)
    looks_cut: list[str] = field(default_factory=list)
    may_lack_rows: list[str] = field(default_factory=list)
    other_page_size: int | None = None

    def doubt(self, words: str) -> None:
        """Notes what was doubtful, and how it was settled."""
        self.doubts.append(words)

    @property
    def own_doubts(self) -> list[str]:
        """What is doubtful in it, whatever there is to compare it with."""
        return [*self.looks_cut, *self.may_lack_rows]

    def in_words(self) -> str:
        """How the reading went."""
        counted = [
            quantity(number, noun)
            for number, noun in ((self.walks, "walk"), (self.pages, "page"), (self.parts, "part"))
            if number
        ]
        return f"{self.way} ({', '.join(counted)})" if counted else self.way


class Doubtful(IncompleteWalk):
    """A reading that came to an end, but may not be the whole list."""


@dataclass
class Completeness:
    """The readings of one refresh of a dataset. ``may_shrink``: two readings that agree may leave nothing
    of what there was. ``only_way``: there is no other way to read it, so that two readings in the same way confirm each
    other."""

    dataset: Dataset
    lake: Lake
    may_shrink: bool = False
    only_way: bool = False
    reading: DatasetReading = field(default_factory=DatasetReading)
    _read: list[tuple[DatasetReading, Mapping[date, int]]] = field(default_factory=list)
    _failed: list[str] = field(default_factory=list)
    _not_believed: list[str] = field(default_factory=list)
    _failures: list[type] = field(default_factory=list)

    def begin(self, days: Sequence[date]) -> DatasetReading:
        """A new reading, of these days."""
        self.reading = DatasetReading(is_first=any(self._former(day) is None for day in days))
        return self.reading

    def failed(self, error: DefenderAssetsError) -> None:
        """Notes a reading that broke off."""
        if not isinstance(error, Doubtful):
            self._failed.append(error.what.partition(": ")[2] or error.what)
            self._failures.append(type(error))

    def may_read_again(self, error: DefenderAssetsError) -> bool:
        """Whether another reading may help after one that ended with this error. What cannot be decoded twice is in a
        new format."""
        if isinstance(error, IncompleteWalk) and not error.retryable:
            return False
        if isinstance(error, TooLarge) and isinstance(self.dataset.fetch, ExportFiles | OneAnswer):
            return False  # there are no smaller pages
        return self.count < READINGS and self._failures.count(UndecodableResponse) < _MOST_UNDECODABLE

    def give_up(self, error: DefenderAssetsError) -> None:
        """Adds the failed check ``complete`` to the error of a refresh that is not tried again."""
        error.checks = (
            Check("complete", False, error.what, severity=Severity.BLOCKING, numbers={"readings": self.count}),
        )

    @property
    def count(self) -> int:
        """How many readings there were, with those that broke off."""
        return len(self._read) + len(self._failed)

    @property
    def former_rows(self) -> int | None:
        """Rows of the newest partition that can be read."""
        return self._history[0] if self._history else None

    @property
    def last_was_smaller(self) -> bool:
        """Whether the last reading that came to an end had fewer rows than one before it."""
        totals = [sum(found.values()) for _, found in self._read]
        return len(totals) > 1 and totals[-1] < max(totals)

    def judge(self, rows: Mapping[date, int]) -> Check:
        """The check ``complete``, for a reading with these rows by day. Raises Doubtful where another is needed."""
        reading = self.reading
        total = sum(rows.values())
        most = max((sum(found.values()) for _, found in self._read), default=0)
        agreeing = total >= most and any(
            found == rows and (self.only_way or earlier.way != reading.way) for earlier, found in self._read
        )
        doubts = [*reading.own_doubts, *self._losses(rows)]
        if total < most:
            doubts.append(f"another reading had {quantity(most, 'row')} a moment ago")
        settled = not doubts or (agreeing and not reading.looks_cut and not self._emptied(rows))
        self._read.append((reading, dict(rows)))
        if not settled:
            self._not_believed.append(
                f"{quantity(total, 'row')} by {reading.in_words()} not believed: {'; '.join(doubts)}"
            )
            raise Doubtful(
                f"{self.dataset.name}: {quantity(total, 'row')} by {reading.in_words()}, but {'; '.join(doubts)}; "
                "rows may be missing",
                dataset=self.dataset.name,
                remedy="Refresh again later"
                + (
                    "; if the rows are really gone, refresh once with DEFENDER_ALLOW_COLLAPSE=true."
                    if agreeing and self._emptied(rows)
                    else "."
                ),
            )
        return self._check(total, doubts)

    def _check(self, total: int, doubts: list[str]) -> Check:
        readings = [reading for reading, _ in self._read]
        words = [f"{quantity(total, 'row')} by {readings[-1].in_words()}"]
        if doubts:
            words.append(f"doubted ({'; '.join(doubts)}), and confirmed by another reading")
        noted = [*self._failed, *self._not_believed, *(words for reading in readings for words in reading.doubts)]
        words += noted[:_SHOWN_DOUBTS]
        if len(noted) > _SHOWN_DOUBTS:
            words.append(f"and {quantity(len(noted) - _SHOWN_DOUBTS, 'more doubt')}")
        return Check(
            "complete",
            True,
            "; ".join(words),
            severity=Severity.BLOCKING,
            numbers={
                "readings": self.count,
                "walks": readings[-1].walks,
                "pages": readings[-1].pages,
                "parts": readings[-1].parts,
                "doubts": len(noted) + len(doubts),
            },
        )

    def _emptied(self, rows: Mapping[date, int]) -> bool:
        """Whether a day is without rows that had a number of them; no second reading confirms that."""
        days = [] if self.may_shrink else [day for day, number in rows.items() if not number]
        return any((self._former(day) or 0) >= EMPTIED_FROM for day in days)

    def _losses(self, rows: Mapping[date, int]) -> list[str]:
        """Where there are fewer rows than there were, by more than is usual."""
        losses = []
        for day, number in rows.items():
            former = self._former(day)
            if former is not None and number < former - self._usual_loss(former):
                where = f"on {day} {quantity(number, 'row')}, " if len(rows) > 1 else ""
                losses.append(f"{where}formerly {former:,}")
        if len(losses) > _SHOWN_DOUBTS:
            losses[_SHOWN_DOUBTS:] = [f"fewer rows than before on {quantity(len(losses) - _SHOWN_DOUBTS, 'more day')}"]
        return losses

    def _former(self, day: date) -> int | None:
        """Rows of the day's partition (event tables) or of the newest one; None where there is none to compare with."""
        if self.dataset.days is Days.STATE:
            return self.former_rows
        if day not in self._published:
            return None
        with suppress(UnreadableSnapshot):
            return rows_read(self.lake, self.dataset.name, day)
        return None

    @cached_property
    def _published(self) -> frozenset[date]:
        return frozenset(self.lake.dates(self.dataset.name))

    @cached_property
    def _history(self) -> list[int]:
        """Rows of the newest partitions that can be read, the newest first."""
        found: list[int] = []
        for day in reversed(self.lake.dates(self.dataset.name)[-_USUAL_FROM:]):
            with suppress(UnreadableSnapshot):
                found.append(rows_read(self.lake, self.dataset.name, day))
        return found

    def _usual_loss(self, former: int) -> float:
        """Events do not go away. A small table is read again whenever rows are gone; the others may lose one in a
        hundred, or what they have lost from one partition to the next before."""
        if self.dataset.days is Days.EVENT or former <= _SMALL:
            return 0
        usual = max((earlier - later for later, earlier in pairwise(self._history)), default=0)
        return max(usual, former * _ALWAYS_USUAL)
