"""Objects that the service writes as JSON in a text: read once more, member by member.

Here: from the values of such a column to its structs. The members follow the rules of a row: names match without regard
to case, values are brought to the declared type, and what the declared members cannot hold is in the ``extra`` of the
struct. A real object in place of the text is read alike. Not here: rows (``tolerant_path.py``), the bytes around them
(``response_body.py``).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
import pyarrow as pa

from ..catalog.column import Column
from .blank_text import is_blank
from .decoded_block import DecodedBlock
from .json_shape import members_parsed, members_written
from .json_text import NeedsExactNumbers, may_lose_digits, parse_json_exactly

ReadObjects = Callable[[Sequence[dict[str, Any]]], DecodedBlock]
"""Reads objects as rows of the column's members; an object without a value is empty."""

LONGEST_OBJECT = 1024 * 1024
"""Characters. The longest recorded has some three thousand; a longer one stays as it was sent."""
_TOGETHER = 4 * 1024 * 1024
"""Characters. What is parsed at the same time: as objects, it may take fifty times as much memory."""
_WHITE_SPACE = " \t\r\n"


def read_objects(column: Column, values: Sequence[Any], read: ReadObjects) -> tuple[pa.Array, list[int], Counter[str]]:
    """The array of such a column; the positions of values that are no object, in a text or without (null in the
    array); and the number of unreadable values by member.

    Raises NeedsExactNumbers for a number outside a text whose literal is needed.
    """
    arrays = [pa.array([], column.arrow)]
    no_objects: list[int] = []
    unreadable: Counter[str] = Counter()
    for start, stop in _pieces(values):
        piece = values[start:stop]
        try:
            array = _read_piece(column, piece, read, start, no_objects, unreadable, exactly=False)
        except NeedsExactNumbers:
            array = _read_piece(column, piece, read, start, no_objects, unreadable, exactly=True)
        arrays.append(array)
    return pa.concat_arrays(arrays), no_objects, unreadable


def _pieces(values: Sequence[Any]) -> Iterator[tuple[int, int]]:
    start = characters = 0
    for position, value in enumerate(values):
        characters += len(value) if type(value) is str else 0
        if characters > _TOGETHER:
            yield start, position + 1
            start, characters = position + 1, 0
    if start < len(values):
        yield start, len(values)


def _read_piece(
    column: Column,
    values: Sequence[Any],
    read: ReadObjects,
    start: int,
    no_objects: list[int],
    unreadable: Counter[str],
    *,
    exactly: bool,
) -> pa.Array:
    objects: list[dict[str, Any] | None] = []
    not_read = []
    for position, value in enumerate(values, start):
        try:
            objects.append(_object(value, exactly=exactly))
        except ValueError:
            objects.append(None)
            not_read.append(position)
    block = read([found or {} for found in objects])
    no_objects += not_read
    unreadable.update(block.unreadable)
    return pa.StructArray.from_arrays(
        [*block.columns, block.extra],
        fields=list(column.arrow),
        mask=pa.array([found is None for found in objects], pa.bool_()),
    )


def _object(value: Any, *, exactly: bool) -> dict[str, Any] | None:
    """The object, None for no value. Raises ValueError for anything else."""
    if type(value) is str and not is_blank(value):
        value = _parsed(value, exactly=exactly)
    elif type(value) is str:
        return None
    if value is None or type(value) is dict:
        return value
    raise ValueError("no object")


def _parsed(text: str, *, exactly: bool) -> Any:
    if len(text) > LONGEST_OBJECT:
        raise ValueError("too long")
    document = text.strip(_WHITE_SPACE).encode()
    written = members_written(memoryview(document))
    if written is None:
        raise ValueError("nested too deep")
    if not exactly and not may_lose_digits(document):
        try:
            value = orjson.loads(document)
        except orjson.JSONDecodeError:
            return parse_json_exactly(document)
        # Fewer: a member occurs more than once, and this parser dropped all but the last.
        if members_parsed([value]) == written:
            return value
    return parse_json_exactly(document)
