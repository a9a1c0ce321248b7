"""How the service spells the members in this walk, and the schema that asks for exactly that.

Here: learning names (and the types of unknown members) from the first rows and from what a read block turned out to
hold. ``pyarrow.json`` knows no case-insensitive names, and what it infers about members it was not asked for is not
to be used: texts that look like times lose their text, and lists that hold nulls come out garbled (seen with 26.0:
``[null,[1],null]`` reads as ``[[1],null,null]``). So whatever is found unasked is learnt, and the block read again.
Not here: the reading (``fast.py``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow as pa

from defender_assets.catalog.column import TEXT, TIME

from .members import Level, is_annotation

Names = Mapping[str, "Names"]
"""The names of an object's members that have a value, each with those of the objects it holds."""

_MOST_UNKNOWN = 64
_DEEPEST = 8  # no declared object lies deeper; what does is the tolerant path's
_INFERRED_SAFELY = (pa.bool_(), pa.int64(), pa.float64(), pa.string(), pa.null())


class Unlearnable(Exception):
    """An unknown member that no schema can ask for: an object without members, one too deep, or one too many."""


@dataclass(frozen=True, eq=False)
class Spellings:
    """What is known of the spelling at one level. Only ever grows, by replacement.

    ``known``: name -> position of its column. ``inner``: the same for the objects in the column at that position.
    ``unknown``: the types in which members without a column are asked for, where inference would spoil them.
    """

    level: Level
    known: Mapping[str, int]
    inner: Mapping[int, "Spellings"]
    unknown: Mapping[str, pa.DataType]

    @classmethod
    def none(cls, level: Level) -> "Spellings":
        """Nothing learnt yet: every member is guessed to be spelled as declared."""
        return cls(level, {}, {at: cls.none(below) for at, below in enumerate(level.inner) if below is not None}, {})

    @cached_property
    def asked(self) -> Mapping[str, int]:
        """name -> position of every declared member the schema asks for: the spellings known, else the declared one.

        So no level is ever asked for without members: Arrow takes nulls among member-less objects for objects.
        """
        found = set(self.known.values())
        guesses = {c.member: at for at, c in enumerate(self.level.columns) if at not in found}
        return {**guesses, **self.known}

    @cached_property
    def fields(self) -> list[pa.Field]:
        """The Arrow fields to ask for; times as text, because no Arrow type reads all their forms."""
        declared = [pa.field(name, self._type(at)) for name, at in self.asked.items()]
        return declared + [pa.field(name, type_) for name, type_ in self.unknown.items()]

    def _type(self, position: int) -> pa.DataType:
        column = self.level.columns[position]
        if column.members:
            item = pa.struct(self.inner[position].fields)
        else:
            item = TEXT if column.type == TIME else column.type
        return pa.list_(item) if column.many else item

    def learn_names(self, names: Names) -> "Spellings":
        """With these names known; the very same object if they were."""
        known = dict(self.known)
        inner = dict(self.inner)
        for name, below in names.items():
            position = self.asked.get(name)
            if position is None and not is_annotation(name):
                position = self.level.position(name)
            if position is None:
                continue
            if name not in self.asked:
                known[name] = position
            if position in inner:
                inner[position] = inner[position].learn_names(below)
        if len(known) == len(self.known) and all(inner[at] is self.inner[at] for at in inner):
            return self
        return replace(self, known=known, inner=inner)

    def learn_read(self, fields: Iterable[pa.Field]) -> "Spellings":
        """With what a read block held beyond what was asked for; the very same object if there was nothing.

        Raises Unlearnable.
        """
        fields = list(fields)
        learnt = self.learn_names(_names_in(fields))
        unknown = dict(learnt.unknown)
        for field in fields:
            if is_annotation(field.name) or self.level.position(field.name) is not None:
                continue
            if field.type not in _INFERRED_SAFELY and field.type != unknown.get(field.name):
                unknown[field.name] = _explicit(field.type)
        if len(unknown) > _MOST_UNKNOWN:
            raise Unlearnable
        return learnt if unknown == learnt.unknown else replace(learnt, unknown=unknown)


def names_of(value: Any, depth: int = 0) -> Names:
    """The names in parsed JSON: of an object, or of all objects of a list together."""
    names: dict[str, Names] = {}
    if depth > _DEEPEST:
        return names
    if isinstance(value, dict):
        return {name: names_of(item, depth + 1) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        for item in value:
            names = _merged(names, names_of(item, depth + 1))
    return names


def _merged(one: Names, other: Names) -> dict[str, Names]:
    return {**one, **{name: _merged(one.get(name, {}), below) for name, below in other.items()}}


def _names_in(fields: Iterable[pa.Field], depth: int = 0) -> Names:
    return {field.name: _names_below(field.type, depth) for field in fields if not pa.types.is_null(field.type)}


def _names_below(type_: pa.DataType, depth: int) -> Names:
    while pa.types.is_list(type_):
        type_ = type_.value_type
    return _names_in(type_, depth + 1) if pa.types.is_struct(type_) and depth < _DEEPEST else {}


def _explicit(type_: pa.DataType, depth: int = 0) -> pa.DataType:
    """The type to ask for where this one was inferred: texts as text; text also where all there was were nulls."""
    if depth > _DEEPEST:
        raise Unlearnable
    if pa.types.is_list(type_):
        return pa.list_(_explicit(type_.value_type, depth + 1))
    if pa.types.is_struct(type_):
        if type_.num_fields == 0:
            raise Unlearnable
        return pa.struct([pa.field(field.name, _explicit(field.type, depth + 1)) for field in type_])
    return type_ if type_ in (pa.bool_(), pa.int64(), pa.float64()) else pa.string()
