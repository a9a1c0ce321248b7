"""The fast path: a whole block at once through Arrow's own JSON reader.

Here: reading with the schema that the walk has learned, and turning the result into the catalog's columns without
touching single rows. A block is refused (``FastPathRefused``) unless it certainly reads as the tolerant path would read
it; nothing is guessed. Not here: how a refused block is read (``tolerant_path.py``).
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from ..catalog.column import REAL, TEXT, TIME, Column
from .blank_text import blank_to_null, drop_blank_items
from .decoded_block import DecodedBlock
from .encoding import is_utf8
from .envelope import CONTEXT, COUNT, LINK, ROWS, Envelope, count_of, counts_in, tells_error
from .json_shape import is_too_deep
from .json_text import NeedsExactNumbers, json_text, may_lose_digits
from .learned_schema import LearnedSchema, UnlearnableMember, names_in_json
from .member_lookup import MemberLookup, is_annotation
from .object_in_text import LONGEST_OBJECT, read_objects
from .page_frame import MARK, page_frame
from .response_body import sample_line_rows
from .seen_members import SeenMembers
from .times import parse_times
from .tolerant_path import read_rows

_LARGEST_BLOCK = 2**31 - 2
_MOST_READINGS = 4  # of one block, each with a schema that has learned more
_LONG_TEXT = 100_000
"""Arrow's take sets memory aside for each row by the mean of what it takes from: of one text of 50 MiB more than any
machine has."""
_OBJECT = ord("{")
_UNEXPECTED = "unexpected field"  # what the reader says of a name that the schema lacks
# What the reader raises for JSON that it rejects. Running out of memory is not among them.
_READER_ERRORS = (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, pa.ArrowKeyError, pa.ArrowIndexError)


# From a column, its path and its texts to its objects.
_ObjectsInTexts = Callable[[Column, str, pa.Array], pa.Array]
# Such a line is one object or several ({…} {…}); then the reader finds more rows than it expects, and refuses.
_ONE_LINE_OBJECT = r"^\{[^\r\n]*\}$"


class FastPathRefused(Exception):
    """The block has to be read by the tolerant path."""


class FastPath:
    """The fast path of one walk, with the schema learned so far. Several threads may read at once."""

    def __init__(self, lookup: MemberLookup) -> None:
        self._lookup = lookup
        self._learned = LearnedSchema.empty(lookup)
        self._lock = threading.Lock()
        self._seen = SeenMembers()
        self._sampled = False
        self._in_texts: dict[str, FastPath] = {}

    @property
    def wants_sample(self) -> bool:
        """Whether no sample was learned yet. A few parsed rows save reading the first block twice."""
        return not self._sampled

    def learn_sample(self, rows: list[Any]) -> None:
        """Learns the spellings in a few parsed rows."""
        with self._lock:
            self._sampled = True
            self._learned = self._learned.learn_names(names_in_json(rows))
        self._seen.learn(name for row in rows if isinstance(row, dict) for name in row)

    def page(self, body: memoryview) -> tuple[DecodedBlock, Envelope]:
        """The rows of an OData page and what surrounds them. Raises FastPathRefused."""

        def schema(fields: list[pa.Field], exhaustive: bool) -> pa.Schema:
            others = [(CONTEXT, pa.string()), (COUNT, pa.int64())] if exhaustive else []
            return pa.schema([(ROWS, pa.list_(pa.struct(fields))), (LINK, pa.string()), *others])

        learned, envelope = self._read(body, schema, lambda read: read.field(ROWS).type.value_type, multi_line=True)
        others = [name for name in envelope.column_names if name not in (ROWS, LINK)]
        # Two concatenated documents are read as two rows. Missing a link in another spelling would lose pages, and
        # rows beside an error are no answer.
        if envelope.num_rows != 1 or any(
            name.casefold() in (ROWS, LINK.casefold()) or tells_error(name) for name in others
        ):
            raise FastPathRefused
        rows, link = (_single_chunk(envelope.column(name)) for name in (ROWS, LINK))
        objects = rows.values
        if rows.null_count or objects.null_count:
            raise FastPathRefused
        members = {field.name: objects.field(number) for number, field in enumerate(objects.type)}
        count = count_of({name: envelope.column(name)[0].as_py() for name in counts_in(others)})
        return self._block(learned, members, len(objects), body), Envelope(link[0].as_py() or None, count)

    def keys(self, body: memoryview, positions: Sequence[int]) -> tuple[list[pa.Array], str | None]:
        """The columns at these positions, all of them texts, of a page with rows, and the link to the next page.

        Other members are not looked at, so this takes a third of the time of ``page``. Raises FastPathRefused where
        anything stands around the rows that would have to be looked at, and where a row has no text in a column.
        """
        names = {position: name for name, position in self._learned.requested.items()}
        one_name_each = len(names) == len(self._learned.requested)
        if not one_name_each or len(body) > _LARGEST_BLOCK or not is_utf8(body):
            raise FastPathRefused
        frame = page_frame(body)
        if frame is None:
            raise FastPathRefused
        wanted = [names[position] for position in positions]
        # A value under another name of the column may be the one that counts. The reader refuses what is no null.
        others = {other for position in positions for other in self._lookup.likely_names(position)} - set(wanted)
        fields = [*((name, TEXT) for name in wanted), *((name, pa.null()) for name in sorted(others))]
        schema = pa.schema([(ROWS, pa.list_(pa.struct(fields)))])
        try:
            read = _read_json(frame.marked(body, wanted[0]), schema, "ignore", multi_line=True)
        except _READER_ERRORS:
            raise FastPathRefused from None
        if read.num_rows != 1:
            raise FastPathRefused
        objects = _single_chunk(read.column(ROWS)).values
        if not len(objects) or objects.field(0)[-1].as_py() != MARK or objects.null_count:
            raise FastPathRefused
        columns = [blank_to_null(objects.field(number)[:-1]) for number in range(len(wanted))]
        if any(column.null_count for column in columns):
            raise FastPathRefused
        return columns, frame.next_link

    def lines(self, body: memoryview, count: int) -> DecodedBlock:
        """The rows of ``count`` lines of NDJSON. Raises FastPathRefused."""
        learned, table = self._read(
            body, lambda fields, _exhaustive: pa.schema(fields), lambda read: read, multi_line=False
        )
        if table.num_rows != count:
            raise FastPathRefused
        members = {name: _single_chunk(table.column(name)) for name in table.column_names}
        return self._block(learned, members, count, body)

    def _read(
        self,
        body: memoryview,
        schema: Callable[[list[pa.Field], bool], pa.Schema],
        row_fields: Callable[[pa.Schema], Iterable[pa.Field]],
        *,
        multi_line: bool,
    ) -> tuple[LearnedSchema, pa.Table]:
        """The block as Arrow reads it, and the schema it was read with.

        First with a schema that is to have all names, if it may be those that were seen: such a reader stops where
        anything else begins. If the block holds other names, they are inferred and learned, and where inference spoils
        them the block is read again.
        ``multi_line``: the document may have line breaks within values (one document, not NDJSON).
        """
        # The reader does not check the encoding, and a document `null` crashes the process (seen with 26.0).
        if not body or body[0] != _OBJECT or len(body) > _LARGEST_BLOCK or not is_utf8(body):
            raise FastPathRefused
        learned = self._learned
        seen = self._seen.fields(learned)
        for fields in [learned.all_fields] if seen is None else [seen, learned.all_fields]:
            try:
                return learned, _read_json(body, schema(fields, True), "error", multi_line=multi_line)
            except _READER_ERRORS as error:
                if _UNEXPECTED not in str(error) and not learned.has_incidental:
                    raise FastPathRefused from None  # a declared member of another type: inference does not change that
                if fields is seen:
                    self._seen.miss()
        # A reader that infers goes as deep as the block does.
        if is_too_deep(body):
            raise FastPathRefused
        for _ in range(_MOST_READINGS):
            learned = self._learned
            try:
                read = _read_json(body, schema(learned.fields, False), "infer", multi_line=multi_line)
                fields = list(row_fields(read.schema))
                if learned.learn_fields(fields) is learned:
                    with self._lock:
                        self._learned = self._learned.learn_incidental(fields)
                    return learned, read
                with self._lock:
                    self._learned = self._learned.learn_fields(fields)
            except (*_READER_ERRORS, UnlearnableMember):
                raise FastPathRefused from None
        raise FastPathRefused

    def _block(
        self, learned: LearnedSchema, members: Mapping[str, pa.Array], rows: int, body: memoryview
    ) -> DecodedBlock:
        unknown_names: set[str] = set()
        self._seen.learn(name for name, array in members.items() if array.null_count < len(array))
        arrays, unknown = _split_known(learned.lookup, members, "", unknown_names)
        columns = [
            _column(
                column,
                learned.nested.get(position),
                arrays.get(position),
                rows,
                column.name,
                unknown_names,
                self._objects_in_texts,
            )
            for position, column in enumerate(self._lookup.columns)
        ]
        if any(_holds_reals(array.type) for array in unknown.values()) and may_lose_digits(body):
            raise FastPathRefused
        return DecodedBlock(rows, columns, _extra(unknown, rows), unknown=unknown_names)

    def _objects_in_texts(self, column: Column, path: str, texts: pa.Array) -> pa.Array:
        """The objects that are written in texts; each distinct text is read once."""
        encoded = blank_to_null(texts).dictionary_encode()
        if (pc.max(pc.binary_length(encoded.dictionary)).as_py() or 0) > _LONG_TEXT:
            raise FastPathRefused
        with self._lock:
            inner = self._in_texts.setdefault(path, FastPath(MemberLookup(column.members)))
        objects = inner._objects_of_lines(column, encoded.dictionary)
        if objects is None:
            read = partial(read_rows, MemberLookup(column.members), exact=True)
            objects, no_objects, unreadable = read_objects(column, encoded.dictionary.to_pylist(), read)
            if no_objects or unreadable:
                raise FastPathRefused
        return objects.take(encoded.indices)

    def _objects_of_lines(self, column: Column, texts: pa.Array) -> pa.Array | None:
        """The objects, read as lines of NDJSON, of texts that are one line and one object each; else None."""
        if not pc.all(pc.match_substring_regex(texts, _ONE_LINE_OBJECT)).as_py():
            return None
        if (pc.max(pc.binary_length(texts)).as_py() or 0) > LONGEST_OBJECT:
            return None
        body = memoryview("\n".join(texts.to_pylist()).encode())
        if self.wants_sample:
            self.learn_sample(sample_line_rows(body))
        try:
            block = self.lines(body, len(texts))
        except FastPathRefused:
            return None
        return pa.StructArray.from_arrays([*block.columns, block.extra], fields=list(column.arrow))


def _read_json(body: memoryview, schema: pa.Schema, unexpected: str, *, multi_line: bool) -> pa.Table:
    return pa.json.read_json(
        pa.BufferReader(pa.py_buffer(body)),
        read_options=pa.json.ReadOptions(use_threads=False, block_size=len(body) + 1),
        parse_options=pa.json.ParseOptions(
            explicit_schema=schema, newlines_in_values=multi_line, unexpected_field_behavior=unexpected
        ),
    )


def _single_chunk(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array, without copying where it is one already."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _split_known(
    lookup: MemberLookup, members: Mapping[str, pa.Array], path: str, unknown_names: set[str]
) -> tuple[dict[int, pa.Array], dict[str, pa.Array]]:
    """The members with values: those of columns by position, the others by name.

    Adds the names without a column to ``unknown_names``. Raises FastPathRefused where two members belong to the same
    column: which of them counts may differ from row to row.
    """
    arrays: dict[int, pa.Array] = {}
    unknown: dict[str, pa.Array] = {}
    for name, array in members.items():
        if is_annotation(name):
            continue
        position = lookup.position(name)
        if position is None:
            unknown_names.add(path + name)
        if array.null_count == len(array):
            continue
        if position is None:
            unknown[name] = array
        elif position in arrays:
            raise FastPathRefused
        else:
            arrays[position] = array
    return arrays, unknown


def _column(
    column: Column,
    nested: LearnedSchema | None,
    array: pa.Array | None,
    length: int,
    path: str,
    unknown_names: set[str],
    objects_in_texts: _ObjectsInTexts,
) -> pa.Array:
    if array is None:
        return pa.nulls(length, column.arrow)
    if not column.many:
        return _single(column, nested, array, path, unknown_names, objects_in_texts)
    # Null lists have no items, so these are the items of the other lists.
    items = _single(column, nested, array.values, path, unknown_names, objects_in_texts)
    lists = pa.ListArray.from_arrays(array.offsets, items, type=column.arrow, mask=array.is_null())
    return drop_blank_items(lists) if column.type == TEXT else lists


def _single(
    column: Column,
    nested: LearnedSchema | None,
    array: pa.Array,
    path: str,
    unknown_names: set[str],
    objects_in_texts: _ObjectsInTexts,
) -> pa.Array:
    if column.in_text:
        return objects_in_texts(column, path, array)
    if nested is not None:
        members = {field.name: array.field(number) for number, field in enumerate(array.type)}
        arrays, unknown = _split_known(nested.lookup, members, f"{path}.", unknown_names)
        if unknown:
            # The whole member has to be kept as it was sent, which only the tolerant path can do.
            raise FastPathRefused
        return pa.StructArray.from_arrays(
            [
                _column(
                    member,
                    nested.nested.get(position),
                    arrays.get(position),
                    len(array),
                    f"{path}.{member.name}",
                    unknown_names,
                    objects_in_texts,
                )
                for position, member in enumerate(nested.lookup.columns)
            ],
            fields=[pa.field(member.name, member.arrow) for member in nested.lookup.columns],
            mask=array.is_null(),
        )
    if column.type == TIME:
        times, unreadable = parse_times(array)
        if unreadable:
            raise FastPathRefused
        return times
    if column.type == TEXT:
        # Blank items of a list are dropped with their list, in ``_column``.
        return array if column.many else blank_to_null(array)
    if column.type == REAL and pc.all(pc.is_finite(array)).as_py() is False:
        raise FastPathRefused
    return array


def _holds_reals(type_: pa.DataType) -> bool:
    return type_ == REAL or any(_holds_reals(type_.field(at).type) for at in range(type_.num_fields))


def _extra(unknown: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """The JSON text of each row's unknown members, as the tolerant path writes it; null where there are none."""
    if not unknown:
        return pa.nulls(rows, TEXT)
    # Nulls become "" first: the join's own option to skip nulls drops rows in which all are null (seen with 26.0).
    texts = [pc.fill_null(_member_texts(name, unknown[name]), "") for name in sorted(unknown)]
    members = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*texts, ""), start=1)
    objects = pc.binary_join_element_wise("{", members, "}", "")
    return pc.if_else(pc.equal(pc.binary_length(members), 0), pa.scalar(None, TEXT), objects)


def _member_texts(name: str, values: pa.Array) -> pa.Array:
    """``,"name":value`` for each value, null for null."""
    opening = f",{json_text(name)}:"
    try:
        if pa.types.is_nested(values.type):
            _refuse_ambiguous_nulls(values)
            texts = [None if value is None else opening + json_text(value) for value in values.to_pylist()]
            return pa.array(texts, TEXT)
        encoded = values.dictionary_encode()
        different = [opening + json_text(value) for value in encoded.dictionary.to_pylist()]
    except NeedsExactNumbers:
        raise FastPathRefused from None
    if max(map(len, different), default=0) > _LONG_TEXT:
        return pa.array([None if at is None else different[at] for at in encoded.indices.to_pylist()], TEXT)
    return pa.array(different, TEXT).take(encoded.indices)


def _refuse_ambiguous_nulls(values: pa.Array) -> None:
    """Raises FastPathRefused for objects with a null member: Arrow does not distinguish null from absent."""
    if pa.types.is_list(values.type):
        _refuse_ambiguous_nulls(values.flatten())
    elif pa.types.is_struct(values.type):
        for member in values.drop_null().flatten():
            if member.null_count:
                raise FastPathRefused
            _refuse_ambiguous_nulls(member)
