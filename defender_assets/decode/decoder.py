"""The decoder: the service's JSON in, Arrow tables in the catalog's schema out.

Here: the public interface, the choice between the two paths for each block, the column ``observed_at``, and the refusal
of rows without a key. Not here: the two paths (``fast_path.py``, ``tolerant_path.py``), decompression and HTTP
(``api/``).
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..catalog.column import TEXT, TIME, Column
from ..catalog.dataset import Dataset
from .credentials import unnamed, without_undeclared
from .decode_counts import DecodeCounter, DecodeCounts
from .decoded_block import DecodedBlock
from .encoding import is_utf8
from .envelope import Envelope
from .errors import UndecodableResponse
from .fast_path import FastPath, FastPathRefused
from .gc_pause import gc_paused
from .json_shape import MOST_LEVELS, members_parsed, members_written
from .json_text import NeedsExactNumbers, may_lose_digits, parse_json, parse_json_exactly
from .member_lookup import MemberLookup
from .response_body import ParseJson, parse_lines, parse_object, parse_page, sample_line_rows, sample_page_rows
from .scalars import SCALAR_TYPES
from .text_bounds import LONGEST_CELL, column_with_too_long_text
from .tolerant_path import read_rows

BLOCK_BYTES = 8 * 1024 * 1024
"""How much of an export part is decoded at once. Big enough to be fast and small enough to need little memory. It is
also how much takes the tolerant path when a single line has to."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WHITE_SPACE = b" \t\r\n"
_BLANK = re.compile(rb"[ \t\r\n]*")
_PIECE = 64 * 1024
_LINE_END = ord("\n")
_NEXT_LINE_END = re.compile(rb"\n")
_NO_CONSTANTS: Mapping[str, str] = MappingProxyType({})

_NO_ENVELOPE = Envelope(None, None)
_RowsAndEnvelope = tuple[list[dict[str, Any]], Envelope]


@dataclass(frozen=True)
class DecodedPage:
    """One page: its rows in the dataset's schema, and what surrounded them.

    ``next_link``: the address of the next page, byte for byte as sent. ``count``: the service's own number of rows
    (``@odata.count``), if it gave one: of this page as far as was seen, not of all pages. ``garbled``: it had bytes
    that are no UTF-8, so a text may not be what was meant.
    """

    table: pa.Table
    next_link: str | None
    count: int | None
    garbled: bool = False


@dataclass(frozen=True)
class DecodedKeys:
    """The columns of the key of one page, in the types of the dataset's schema; ``next_link`` as of ``DecodedPage``."""

    table: pa.Table
    next_link: str | None


class Decoder:
    """Decodes the responses of one walk over a dataset; two threads may decode different responses at once.

    Every table has exactly ``dataset.schema``. ``observed_at`` (with a time zone) is when the walk began. No data that
    was sent is lost: what the declared columns cannot hold is in the column ``extra``, as the text of a JSON object
    with the service's own names; of a member that occurs more than once in a row the last value counts, and ``extra``
    has the list of all. Of a dataset with ``credentials``, what is not declared is dropped instead. Annotations
    (``@odata.type``) describe the JSON and are in neither. Null, absent, the empty text and the year 1 all mean "no
    value".
    """

    def __init__(self, dataset: Dataset, *, observed_at: datetime) -> None:
        if observed_at.tzinfo is None:
            raise ValueError(f"{dataset.name}: observed_at has no time zone")
        _check_types(dataset.name, dataset.columns)
        self._dataset = dataset
        self._observed_at = pa.scalar(observed_at, TIME)
        self._lookup = MemberLookup(dataset.columns)
        names = [column.name for column in dataset.columns]
        self._key_positions = [names.index(name) for name in dataset.key]
        self._key_position = self._key_positions[0]
        self._fast_path = FastPath(self._lookup)
        self._counter = DecodeCounter()
        self._credentials = frozenset(name.casefold() for name in dataset.credentials)

    @property
    def counts(self) -> DecodeCounts:
        """The counts of everything decoded so far, or since they were forgotten."""
        counts = self._counter.counts()
        return unnamed(counts) if self._credentials else counts

    @property
    def observed_at(self) -> datetime:
        """When the walk began, as the rows say it."""
        moment: datetime = self._observed_at.as_py()
        return moment

    @property
    def counted(self) -> DecodeCounter:
        """The counts so far, to which ``forget_counts`` can go back."""
        return self._counter.copy()

    def forget_counts(self, since: DecodeCounter) -> None:
        """Forgets what was counted since then, because the same rows are about to be decoded once more."""
        self._counter = since.copy()

    def page(self, body: bytes, *, constants: Mapping[str, str] = _NO_CONSTANTS) -> DecodedPage:
        """The rows and the next link of one OData or cursor page (decompressed).

        ``constants`` are values, by member name, for text columns that the rows themselves lack: the id of the device
        in the request's path. Raises UndecodableResponse for anything but an object with an array ``value`` of
        objects, for rows beside an error, for JSON that is nested too deeply, for texts that are too long, and for
        rows without the first column of the key.
        """
        start, end = _content_bounds(body)
        content = memoryview(body)[start:end]
        fill_values = self._fill_values(constants)
        try:
            if self._credentials:
                raise FastPathRefused
            if self._fast_path.wants_sample:
                self._fast_path.learn_sample(sample_page_rows(content))
            block, envelope = self._fast_path.page(content)
            table = self._table(block, fill_values)
            tolerant = False
        except (FastPathRefused, UndecodableResponse):
            block, envelope = self._read_tolerantly(
                content, lambda parser: parse_page(self._dataset.name, content, parser)
            )
            table = self._table(block, fill_values)
            tolerant = not self._credentials
        self._counter.add(block, tolerant=tolerant)
        return DecodedPage(table, envelope.next_link, envelope.count, block.garbled)

    def page_keys(self, body: bytes) -> DecodedKeys | None:
        """The keys alone of a page, where rows of the same walk were decoded before: they are the keys that ``page``
        would find, in a third of the time. Nothing is counted, and nothing is learned of other members.

        None where only ``page`` can tell them, or the fault: where anything is around the rows but the context and the
        link, where a row lacks a column of the key, where bytes are no UTF-8.
        """
        columns = [self._lookup.columns[position] for position in self._key_positions]
        if self._credentials or self._fast_path.wants_sample or any(column.arrow != TEXT for column in columns):
            return None
        start, end = _content_bounds(body)
        try:
            arrays, link = self._fast_path.keys(memoryview(body)[start:end], self._key_positions)
        except FastPathRefused:
            return None
        return DecodedKeys(pa.table(arrays, names=list(self._dataset.key)), link)

    def one_object(self, body: bytes) -> DecodedPage:
        """The one row of a response that is an object by itself (decompressed), without a list around it.

        Raises UndecodableResponse for anything else, for an error, and for an object without the first column of the
        key, the empty one among them.
        """
        start, end = _content_bounds(body)
        name = self._dataset.name
        block, envelope = self._read_tolerantly(
            memoryview(body)[start:end], lambda parser: parse_object(name, memoryview(body)[start:end], parser)
        )
        table = self._table(block, {})
        self._counter.add(block, tolerant=False)
        return DecodedPage(table, envelope.next_link, envelope.count, block.garbled)

    def lines(self, body: bytes | memoryview) -> pa.Table:
        """The rows of one export part (NDJSON, decompressed); no rows for an empty one.

        Raises UndecodableResponse with the number of the line for a line that is no JSON object.
        """
        start, end = _content_bounds(body)
        content = memoryview(body)
        if start < end and self._fast_path.wants_sample and not self._credentials:
            self._fast_path.learn_sample(sample_line_rows(content[start:end]))
        first_line = 1 + _line_ends(body, 0, start)
        tables = [self._dataset.schema.empty_table()]
        while start < end:
            further = _NEXT_LINE_END.search(body, start + BLOCK_BYTES, end)
            block_end = further.start() if further else end
            count = _line_ends(body, start, block_end) + 1
            tables.append(self._block_of_lines(content[start:block_end], first_line, count))
            # Not one line after the other: files of a gigabyte of blank lines were seen.
            start, first_line = _content_start(body, block_end + 1), first_line + count
            first_line += _line_ends(body, block_end + 1, start)
        return pa.concat_tables(tables)

    def _block_of_lines(self, content: memoryview, first_line: int, count: int) -> pa.Table:
        try:
            if self._credentials:
                raise FastPathRefused
            block = self._fast_path.lines(content, count)
            table = self._table(block, {})
            tolerant = False
        except (FastPathRefused, UndecodableResponse):
            name = self._dataset.name
            block, _ = self._read_tolerantly(
                content, lambda parser: (parse_lines(name, content, first_line, parser), _NO_ENVELOPE)
            )
            table = self._table(block, {})
            tolerant = not self._credentials
        self._counter.add(block, tolerant=tolerant)
        return table

    def _read_tolerantly(
        self, content: memoryview, read: Callable[[ParseJson], _RowsAndEnvelope]
    ) -> tuple[DecodedBlock, Envelope]:
        block, envelope = self._read_with_extra(content, read)
        return (without_undeclared(block, self._credentials) if self._credentials else block), envelope

    def _read_with_extra(
        self, content: memoryview, read: Callable[[ParseJson], _RowsAndEnvelope]
    ) -> tuple[DecodedBlock, Envelope]:
        written = members_written(content)
        if written is None:
            raise UndecodableResponse(self._dataset.name, f"it is nested deeper than {MOST_LEVELS} levels")
        garbled = not is_utf8(content)
        documents: list[Any] = []

        def parse_and_keep(document: bytes | memoryview) -> Any:
            documents.append(parse_json(document))
            return documents[-1]

        with gc_paused():
            if not may_lose_digits(content):
                with suppress(NeedsExactNumbers):
                    rows, envelope = read(parse_and_keep)
                    # Fewer: a member occurs more than once, and this parser dropped all but the last.
                    if members_parsed(documents) == written:
                        return replace(read_rows(self._lookup, rows, exact=False), garbled=garbled), envelope
            documents.clear()
            rows, envelope = read(parse_json_exactly)
            return replace(read_rows(self._lookup, rows, exact=True), garbled=garbled), envelope

    def _fill_values(self, constants: Mapping[str, str]) -> dict[int, str]:
        """The constants by position of their column."""
        fill_values = {}
        for member, value in constants.items():
            position = self._lookup.position(member)
            if position is None or self._lookup.columns[position].arrow != TEXT:
                raise ValueError(f"{self._dataset.name}: {member} is no text column of it, so it takes no constant")
            fill_values[position] = value
        return fill_values

    def _table(self, block: DecodedBlock, fill_values: Mapping[int, str]) -> pa.Table:
        columns = [
            pc.fill_null(column, fill_values[position]) if position in fill_values else column
            for position, column in enumerate(block.columns)
        ]
        if keyless := columns[self._key_position].null_count:
            raise UndecodableResponse(
                self._dataset.name, f"{keyless:,} of {block.rows:,} rows have no {self._dataset.key[0]}"
            )
        arrays = [*columns, pa.repeat(self._observed_at, block.rows), block.extra]
        for name, array in zip(self._dataset.schema.names, arrays, strict=True):
            if too_long := column_with_too_long_text(array, name):
                raise UndecodableResponse(
                    self._dataset.name, f"a value of {too_long} is longer than {LONGEST_CELL // 2**20} MiB"
                )
        return pa.Table.from_arrays(arrays, schema=self._dataset.schema)


def _content_bounds(body: bytes | memoryview) -> tuple[int, int]:
    """Where the body begins and ends without a byte order mark and white space around it."""
    start = _content_start(body, len(_BYTE_ORDER_MARK) if body[: len(_BYTE_ORDER_MARK)] == _BYTE_ORDER_MARK else 0)
    end = len(body)
    while start < end:  # piece by piece: stripping the body at once would copy it
        piece = bytes(body[max(start, end - _PIECE) : end])
        stripped = piece.rstrip(_WHITE_SPACE)
        end -= len(piece) - len(stripped)
        if stripped:
            break
    return start, end


def _content_start(body: bytes | memoryview, start: int) -> int:
    """Where the next content begins from there on; the end of the body if there is none."""
    blank = _BLANK.match(body, start)
    return blank.end() if blank else start


def _line_ends(body: bytes | memoryview, start: int, end: int) -> int:
    """How many line ends there are. ``bytes.count`` takes three times as long, and other threads wait for it."""
    octets = np.frombuffer(body, np.uint8)
    pieces = (octets[at : min(at + _PIECE, end)] for at in range(start, end, _PIECE))
    return sum(int(np.count_nonzero(piece == _LINE_END)) for piece in pieces)


def _check_types(dataset: str, columns: tuple[Column, ...]) -> None:
    for column in columns:
        if column.type is not None and column.type not in SCALAR_TYPES:
            raise TypeError(
                f"{dataset}: {column.member} is declared as {column.type}, which no JSON value is read into"
            )
        _check_types(dataset, column.members)
