"""The fast path: a whole block at once through Arrow's own JSON reader.

Here: reading with the schema the walk has learnt, and turning what was read into the catalog's columns without
touching single rows. What it cannot prove to read as the tolerant path would, it refuses (``Refused``); it never
guesses. Not here: what a refused block means (``tolerant.py``).
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from defender_assets.catalog.column import REAL, TEXT, TIME, Column

from .block import Block
from .json_text import NeedsExactNumbers, json_text
from .members import Level, is_annotation
from .spellings import Spellings, Unlearnable, names_of
from .texts import blank_to_null, drop_blank_items
from .times import parse_times

NEXT_LINK = "@odata.nextLink"
ROWS = "value"

_LARGEST_BLOCK = 2**31 - 2
_MOST_READINGS = 4
_OBJECT = ord("{")
# What the reader raises for JSON it does not take; running out of memory is not among them.
_READER_ERRORS = (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, pa.ArrowKeyError, pa.ArrowIndexError)


class Refused(Exception):
    """The block holds what only the tolerant path can judge."""


class FastPath:
    """The fast path of one walk, with what it has learnt. Several threads may read at once."""

    def __init__(self, level: Level) -> None:
        self._level = level
        self._spellings = Spellings.none(level)
        self._lock = threading.Lock()
        self._hinted = False

    @property
    def wants_sample(self) -> bool:
        """Whether nothing was learnt yet: a few parsed rows would save reading the first block twice."""
        return not self._hinted

    def sample(self, rows: list[Any]) -> None:
        """Learn the spellings of a few rows."""
        with self._lock:
            self._hinted = True
            self._spellings = self._spellings.learn_names(names_of(rows))

    def page(self, body: memoryview) -> tuple[Block, str | None]:
        """The rows and the next link of an OData answer. Raises Refused."""

        def schema(spellings: Spellings) -> pa.Schema:
            return pa.schema([(ROWS, pa.list_(pa.struct(spellings.fields))), (NEXT_LINK, pa.string())])

        spellings, answer = self._read(body, schema, lambda read: read.field(ROWS).type.value_type, pretty=True)
        others = [name for name in answer.column_names if name not in (ROWS, NEXT_LINK)]
        # Two documents one after the other are read as two rows; a link in another spelling would be pages lost.
        if answer.num_rows != 1 or any(name.casefold() in (ROWS, NEXT_LINK.casefold()) for name in others):
            raise Refused
        rows, link = (_whole(answer.column(name)) for name in (ROWS, NEXT_LINK))
        objects = rows.values
        if rows.null_count or objects.null_count:
            raise Refused
        members = {field.name: objects.field(at) for at, field in enumerate(objects.type)}
        return self._block(spellings, members, len(objects)), link[0].as_py() or None

    def lines(self, body: memoryview, count: int) -> Block:
        """The rows of ``count`` lines of NDJSON. Raises Refused."""
        spellings, table = self._read(body, lambda known: pa.schema(known.fields), lambda read: read, pretty=False)
        if table.num_rows != count:
            raise Refused
        members = {name: _whole(table.column(name)) for name in table.column_names}
        return self._block(spellings, members, count)

    def _read(
        self,
        body: memoryview,
        schema: Callable[[Spellings], pa.Schema],
        row_fields: Callable[[pa.Schema], Iterable[pa.Field]],
        *,
        pretty: bool,
    ) -> tuple[Spellings, pa.Table]:
        """The block as Arrow reads it with the spellings known, which may take learning some and reading again."""
        # The reader does not look at the encoding, and a document `null` kills its process (seen with 26.0).
        if not body or body[0] != _OBJECT or len(body) > _LARGEST_BLOCK or not _is_utf8(body):
            raise Refused
        for _ in range(_MOST_READINGS):
            spellings = self._spellings
            try:
                read = pa.json.read_json(
                    pa.BufferReader(pa.py_buffer(body)),
                    read_options=pa.json.ReadOptions(use_threads=False, block_size=len(body) + 1),
                    parse_options=pa.json.ParseOptions(
                        explicit_schema=schema(spellings),
                        newlines_in_values=pretty,
                        unexpected_field_behavior="infer",
                    ),
                )
                fields = list(row_fields(read.schema))
                if spellings.learn_read(fields) is spellings:
                    return spellings, read
                with self._lock:
                    self._spellings = self._spellings.learn_read(fields)
            except (*_READER_ERRORS, Unlearnable):
                raise Refused from None
        raise Refused

    def _block(self, spellings: Spellings, members: Mapping[str, pa.Array], rows: int) -> Block:
        unknown_names: set[str] = set()
        arrays, unknown = _sorted_out(spellings, members, "", unknown_names)
        columns = [
            _column(column, spellings.inner.get(at), arrays.get(at), rows, column.name, unknown_names)
            for at, column in enumerate(self._level.columns)
        ]
        return Block(rows, columns, _extra(unknown, rows), unknown=unknown_names)


def _is_utf8(body: memoryview) -> bool:
    # As the one item of an array, because Arrow checks its bytes where they are, and Python only a decoded copy.
    offsets = pa.array([0, len(body)], pa.int64()).buffers()[1]
    text = pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(body))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array; a block that was read at once is one already."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _sorted_out(
    spellings: Spellings, members: Mapping[str, pa.Array], path: str, unknown_names: set[str]
) -> tuple[dict[int, pa.Array], dict[str, pa.Array]]:
    """The members with values: by position of their column, and by name those that belong to none.

    Raises Refused where two members claim a column: which of them counts differs from row to row.
    """
    arrays: dict[int, pa.Array] = {}
    unknown: dict[str, pa.Array] = {}
    for name, array in members.items():
        if is_annotation(name):
            continue
        position = spellings.level.position(name)
        if position is None:
            unknown_names.add(path + name)
        if pa.types.is_null(array.type):
            continue
        if position is None:
            unknown[name] = array
        elif array.null_count < len(array):
            if position in arrays:
                raise Refused
            arrays[position] = array
    return arrays, unknown


def _column(
    column: Column, inner: Spellings | None, array: pa.Array | None, length: int, path: str, unknown_names: set[str]
) -> pa.Array:
    if array is None:
        return pa.nulls(length, column.arrow)
    if not column.many:
        return _single(column, inner, array, path, unknown_names)
    # The reader gives null lists no items, so the items are those of the lists that are there.
    items = _single(column, inner, array.values, path, unknown_names)
    lists = pa.ListArray.from_arrays(array.offsets, items, type=column.arrow, mask=array.is_null())
    return drop_blank_items(lists) if column.type == TEXT else lists


def _single(column: Column, inner: Spellings | None, array: pa.Array, path: str, unknown_names: set[str]) -> pa.Array:
    if inner is not None:
        members = {field.name: array.field(at) for at, field in enumerate(array.type)}
        arrays, unknown = _sorted_out(inner, members, f"{path}.", unknown_names)
        if unknown:
            # The whole member has to be kept as it was sent, which Arrow's rendering of it is not.
            raise Refused
        return pa.StructArray.from_arrays(
            [
                _column(member, inner.inner.get(at), arrays.get(at), len(array), f"{path}.{member.name}", unknown_names)
                for at, member in enumerate(inner.level.columns)
            ],
            fields=[pa.field(member.name, member.arrow) for member in inner.level.columns],
            mask=array.is_null(),
        )
    if column.type == TIME:
        times, unreadable = parse_times(array)
        if unreadable:
            raise Refused
        return times
    if column.type == TEXT:
        # The items of a list are dropped with the list at hand.
        return array if column.many else blank_to_null(array)
    if column.type == REAL and pc.all(pc.is_finite(array)).as_py() is False:
        raise Refused
    return array


def _extra(unknown: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """The JSON text of each row's unknown members, as the tolerant path writes it; null where there are none."""
    if not unknown:
        return pa.nulls(rows, TEXT)
    # Filled, because the join's own skipping of nulls drops the rows in which all are null (seen with 26.0).
    texts = [pc.fill_null(_member_texts(name, unknown[name]), "") for name in sorted(unknown)]
    members = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*texts, ""), start=1)
    objects = pc.binary_join_element_wise("{", members, "}", "")
    return pc.if_else(pc.equal(pc.binary_length(members), 0), pa.scalar(None, TEXT), objects)


def _member_texts(name: str, values: pa.Array) -> pa.Array:
    """``,"name":value`` for each value, null for null."""
    opening = f",{json_text(name)}:"
    try:
        if pa.types.is_nested(values.type):
            _refuse_ambiguous(values)
            texts = [None if value is None else opening + json_text(value) for value in values.to_pylist()]
            return pa.array(texts, TEXT)
        encoded = values.dictionary_encode()
        texts = [opening + json_text(value) for value in encoded.dictionary.to_pylist()]
    except NeedsExactNumbers:
        raise Refused from None
    return pa.array(texts, TEXT).take(encoded.indices)


def _refuse_ambiguous(values: pa.Array) -> None:
    """Raises Refused for objects with a null member: Arrow does not tell whether it was sent as null or not at all."""
    if pa.types.is_list(values.type):
        _refuse_ambiguous(values.flatten())
    elif pa.types.is_struct(values.type):
        for member in values.drop_null().flatten():
            if member.null_count:
                raise Refused
            _refuse_ambiguous(member)
