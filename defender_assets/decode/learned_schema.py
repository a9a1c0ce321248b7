"""The schema that a walk has learned: how the service spells its members, and the types of undeclared ones.

Here: learning names (and the types of unknown members) from the first rows and from the blocks that were read.
``pyarrow.json`` matches names exactly, and what it infers about members it was not asked for is not usable: texts that
look like times lose their text, and lists that hold nulls come out garbled (seen with 26.0: ``[null,[1],null]`` reads
as ``[[1],null,null]``). So whatever a block holds beyond the requested schema is learned, and the block read again.
Not here: the reading (``fast_path.py``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow as pa

from ..catalog.column import TEXT, TIME
from .member_lookup import MemberLookup, is_annotation

MemberNames = Mapping[str, "MemberNames"]
"""The names of an object's members that have a value, each with the names in the objects it holds."""

_MOST_UNKNOWN = 64
_DEEPEST = 8  # no declared object is nested deeper; blocks with deeper ones go to the tolerant path
_INFERRED_SAFELY = (pa.bool_(), pa.int64(), pa.float64(), pa.string(), pa.null())


class UnlearnableMember(Exception):
    """An unknown member that no schema can request: an object without members, one nested too deep, or one too many."""


@dataclass(frozen=True, eq=False)
class LearnedSchema:
    """What is known about the members of one object. Immutable; learning gives a larger one.

    ``known``: spelling -> position of its column. ``nested``: the same for the objects in the column at that position
    (not for objects in a text: to Arrow they are texts).
    ``unknown``: the types to request for members without a column, where Arrow's inference would spoil them.
    ``incidental``: the types that other names had in blocks read before (members that the catalog lacks, annotations,
    spellings that only ever held null). They may change, so they are only requested where a block is to have no names
    but those requested.
    """

    lookup: MemberLookup
    known: Mapping[str, int]
    nested: Mapping[int, "LearnedSchema"]
    unknown: Mapping[str, pa.DataType]
    incidental: Mapping[str, pa.DataType]

    @classmethod
    def empty(cls, lookup: MemberLookup) -> "LearnedSchema":
        """Nothing learned yet: every member is expected to be spelled as declared."""
        nested = {
            position: cls.empty(inner)
            for position, inner in enumerate(lookup.nested)
            if inner is not None and not lookup.columns[position].in_text
        }
        return cls(lookup, {}, nested, {}, {})

    @cached_property
    def requested(self) -> Mapping[str, int]:
        """Name -> position of every declared member in the schema: the known spellings, else the declared one.

        No object is ever requested without members: Arrow takes nulls among member-less objects for objects.
        """
        found = set(self.known.values())
        guesses = {
            column.member: position for position, column in enumerate(self.lookup.columns) if position not in found
        }
        return {**guesses, **self.known}

    @cached_property
    def fields(self) -> list[pa.Field]:
        """The Arrow fields to request; times as text, because no Arrow type reads all their forms."""
        return self._fields(exhaustive=False)

    @cached_property
    def all_fields(self) -> list[pa.Field]:
        """The Arrow fields to request where the block is to have no others."""
        return self._fields(exhaustive=True)

    @cached_property
    def has_incidental(self) -> bool:
        """Whether ``all_fields`` has more than ``fields``."""
        return bool(self.incidental) or any(inner.has_incidental for inner in self.nested.values())

    def _fields(self, *, exhaustive: bool) -> list[pa.Field]:
        incidental = self.incidental if exhaustive else {}
        types = {
            **incidental,
            **self.unknown,
            **{name: self._type(position, exhaustive) for name, position in self.requested.items()},
        }
        return [pa.field(name, type_) for name, type_ in types.items()]

    def _type(self, position: int, exhaustive: bool) -> pa.DataType:
        column = self.lookup.columns[position]
        if position in self.nested:
            inner = self.nested[position]
            item = pa.struct(inner.all_fields if exhaustive else inner.fields)
        else:
            item = TEXT if column.type == TIME or column.in_text else column.type
        return pa.list_(item) if column.many else item

    def learn_names(self, names: MemberNames) -> "LearnedSchema":
        """The schema with these names; the very same object if they were known."""
        known = dict(self.known)
        nested = dict(self.nested)
        for name, inner_names in names.items():
            position = self.requested.get(name)
            if position is None and not is_annotation(name):
                position = self.lookup.position(name)
            if position is None:
                continue
            if name not in self.requested:
                known[name] = position
            if position in nested:
                nested[position] = nested[position].learn_names(inner_names)
        if len(known) == len(self.known) and all(nested[key] is self.nested[key] for key in nested):
            return self
        return replace(self, known=known, nested=nested)

    def learn_fields(self, fields: Iterable[pa.Field]) -> "LearnedSchema":
        """The schema with the fields of a block that was read; the very same object if nothing was new.

        Raises UnlearnableMember.
        """
        fields = list(fields)
        learned = self.learn_names(_names_in(fields))
        unknown = dict(learned.unknown)
        for field in fields:
            if is_annotation(field.name) or self.lookup.position(field.name) is not None:
                continue
            if field.type not in _INFERRED_SAFELY and field.type != unknown.get(field.name):
                unknown[field.name] = _explicit(field.type)
        if len(unknown) > _MOST_UNKNOWN:
            raise UnlearnableMember
        return learned if unknown == learned.unknown else replace(learned, unknown=unknown)

    def learn_incidental(self, fields: Iterable[pa.Field]) -> "LearnedSchema":
        """The schema with the other names of a block that was read, so that the next block needs no inference."""
        incidental = dict(self.incidental)
        nested = dict(self.nested)
        for field in fields:
            position = self.requested.get(field.name)
            if position is None and field.name not in self.unknown:
                if field.type in _INFERRED_SAFELY and (field.name in incidental or len(incidental) < _MOST_UNKNOWN):
                    incidental[field.name] = _wider(incidental.get(field.name, pa.null()), field.type)
            elif position in nested:
                nested[position] = nested[position].learn_incidental(_item_fields(field.type))
        return replace(self, incidental=incidental, nested=nested)


def names_in_json(value: Any, depth: int = 0) -> MemberNames:
    """The names in parsed JSON: of an object, or of all objects of a list together."""
    names: dict[str, MemberNames] = {}
    if depth > _DEEPEST:
        return names
    if isinstance(value, dict):
        return {name: names_in_json(item, depth + 1) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        for item in value:
            names = _merged(names, names_in_json(item, depth + 1))
    return names


def _merged(one: MemberNames, other: MemberNames) -> dict[str, MemberNames]:
    return {**one, **{name: _merged(one.get(name, {}), inner) for name, inner in other.items()}}


def _names_in(fields: Iterable[pa.Field], depth: int = 0) -> MemberNames:
    return {field.name: _names_in_type(field.type, depth) for field in fields if not pa.types.is_null(field.type)}


def _names_in_type(type_: pa.DataType, depth: int) -> MemberNames:
    return _names_in(_item_fields(type_), depth + 1) if depth < _DEEPEST else {}


def _item_fields(type_: pa.DataType) -> list[pa.Field]:
    """The fields of the objects in a column of objects, or of lists of them."""
    while pa.types.is_list(type_):
        type_ = type_.value_type
    return list(type_) if pa.types.is_struct(type_) else []


def _wider(former: pa.DataType, latest: pa.DataType) -> pa.DataType:
    """The type that reads both, if one does; else the latest."""
    reads_both = pa.types.is_null(latest) or (former == pa.float64() and latest == pa.int64())
    return former if reads_both else latest


def _explicit(type_: pa.DataType, depth: int = 0) -> pa.DataType:
    """The type to request where this one was inferred: text for texts, and also where all values were null."""
    if depth > _DEEPEST:
        raise UnlearnableMember
    if pa.types.is_list(type_):
        return pa.list_(_explicit(type_.value_type, depth + 1))
    if pa.types.is_struct(type_):
        if type_.num_fields == 0:
            raise UnlearnableMember
        return pa.struct([pa.field(field.name, _explicit(field.type, depth + 1)) for field in type_])
    return type_ if type_ in (pa.bool_(), pa.int64(), pa.float64()) else pa.string()
