"""The decoder: the service's JSON in, Arrow tables in the catalog's schema out.

Here: the public face; which path reads a block, what every row gets besides (``observed_at``), and the refusal of rows
without a key. Not here: the two paths (``fast.py``, ``tolerant.py``), decompression and HTTP (``api/``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from defender_assets.catalog.column import TEXT, TIME, Column
from defender_assets.catalog.dataset import Dataset

from . import answers
from .block import Block
from .counts import DecodeCounts, Tally
from .errors import UndecodableAnswer
from .fast import FastPath, Refused
from .garbage import collection_paused
from .json_text import NeedsExactNumbers, parse, parse_exactly
from .members import Level
from .scalars import SCALAR_TYPES
from .tolerant import read_rows

BLOCK_BYTES = 8 * 1024 * 1024
"""How much of an export part is read at once: big enough for speed, small enough to be no matter of memory, and
what has to take the tolerant path when one line of it must."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE = b" \t\r\n"
_NO_CONSTANTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Page:
    """One answer: its rows in the dataset's schema, and where the next ones are (byte for byte as sent)."""

    table: pa.Table
    next_link: str | None


class Decoder:
    """Decodes the answers of one walk over a dataset; two threads may decode different answers at once.

    What comes out has exactly ``dataset.schema``. ``observed_at`` (aware) is when the walk began. Nothing that was
    sent is lost: what the declared columns cannot hold is in the column ``extra``, as the text of a JSON object with
    the service's own names. Null, absent, the empty text and the year 1 all mean "no value".
    """

    def __init__(self, dataset: Dataset, *, observed_at: datetime) -> None:
        if observed_at.tzinfo is None:
            raise ValueError(f"{dataset.name}: observed_at has no time zone")
        _check_types(dataset.name, dataset.columns)
        self._dataset = dataset
        self._observed_at = pa.scalar(observed_at, TIME)
        self._level = Level(dataset.columns)
        self._key = [column.name for column in dataset.columns].index(dataset.key[0])
        self._fast = FastPath(self._level)
        self._tally = Tally()

    @property
    def counts(self) -> DecodeCounts:
        """What was met so far."""
        return self._tally.counts()

    def page(self, body: bytes, *, constants: Mapping[str, str] = _NO_CONSTANTS) -> Page:
        """The rows and the next link of one OData or cursor answer (decompressed).

        ``constants`` are the values, by member name, of text columns that the rows themselves lack: the device that
        was asked. Raises UndecodableAnswer for anything but an object with an array ``value`` of objects, and for
        rows without the first column of the key.
        """
        start, end = _content(body)
        content = memoryview(body)[start:end]
        fillers = self._fillers(constants)
        if self._fast.wants_sample:
            self._fast.sample(answers.sample_of_page(content))
        try:
            block, link = self._fast.page(content)
            table = self._table(block, fillers)
            tolerant = False
        except (Refused, UndecodableAnswer):
            block, link = self._tolerantly(lambda parsing: answers.page(self._dataset.name, content, parsing))
            table = self._table(block, fillers)
            tolerant = True
        self._tally.add(block, tolerant=tolerant)
        return Page(table, link)

    def lines(self, body: bytes) -> pa.Table:
        """The rows of one export part (NDJSON, decompressed); no rows for an empty one.

        Raises UndecodableAnswer with the number of the line for a line that is no JSON object.
        """
        start, end = _content(body)
        content = memoryview(body)
        if start < end and self._fast.wants_sample:
            self._fast.sample(answers.sample_of_lines(content[start:end]))
        first_line = 1 + body.count(b"\n", 0, start)
        tables = [self._dataset.schema.empty_table()]
        while start < end:
            cut = body.find(b"\n", start + BLOCK_BYTES, end)
            cut = end if cut < 0 else cut
            count = body.count(b"\n", start, cut) + 1
            tables.append(self._some_lines(content[start:cut], first_line, count))
            first_line += count
            start = cut + 1
        return pa.concat_tables(tables)

    def _some_lines(self, content: memoryview, first_line: int, count: int) -> pa.Table:
        try:
            block = self._fast.lines(content, count)
            table = self._table(block, {})
            tolerant = False
        except (Refused, UndecodableAnswer):
            name = self._dataset.name
            block, _ = self._tolerantly(lambda parsing: (answers.lines(name, content, first_line, parsing), None))
            table = self._table(block, {})
            tolerant = True
        self._tally.add(block, tolerant=tolerant)
        return table

    def _tolerantly(
        self, read: Callable[[answers.Parse], tuple[list[dict[str, Any]], str | None]]
    ) -> tuple[Block, str | None]:
        try:
            with collection_paused():
                try:
                    rows, link = read(parse)
                    return read_rows(self._level, rows), link
                except NeedsExactNumbers:
                    rows, link = read(parse_exactly)
                    return read_rows(self._level, rows), link
        except RecursionError:
            raise UndecodableAnswer(self._dataset.name, "it is nested too deeply") from None

    def _fillers(self, constants: Mapping[str, str]) -> dict[int, str]:
        fillers = {}
        for member, value in constants.items():
            position = self._level.position(member)
            if position is None or self._level.columns[position].arrow != TEXT:
                raise ValueError(f"{self._dataset.name}: {member} is no text column of it, so it takes no constant")
            fillers[position] = value
        return fillers

    def _table(self, block: Block, fillers: Mapping[int, str]) -> pa.Table:
        columns = [
            pc.fill_null(column, fillers[at]) if at in fillers else column for at, column in enumerate(block.columns)
        ]
        if keyless := columns[self._key].null_count:
            raise UndecodableAnswer(
                self._dataset.name, f"{keyless:,} of {block.rows:,} rows have no {self._dataset.key[0]}"
            )
        observed_at = pa.repeat(self._observed_at, block.rows)
        return pa.Table.from_arrays([*columns, observed_at, block.extra], schema=self._dataset.schema)


def _content(body: bytes) -> tuple[int, int]:
    """Where the body begins and ends without a byte order mark and white space around it."""
    start, end = len(_BYTE_ORDER_MARK) if body.startswith(_BYTE_ORDER_MARK) else 0, len(body)
    while start < end and body[start] in _WHITE:
        start += 1
    while start < end and body[end - 1] in _WHITE:
        end -= 1
    return start, end


def _check_types(dataset: str, columns: tuple[Column, ...]) -> None:
    for column in columns:
        if column.type is not None and column.type not in SCALAR_TYPES:
            raise TypeError(
                f"{dataset}: {column.member} is declared as {column.type}, which no JSON value is read into"
            )
        _check_types(dataset, column.members)
