"""The tolerant path: rows as Python objects, each value brought to its column's type, or kept as sent.

Here: reading the blocks that the fast path refuses, because a type changed, a member is spelled two ways, or a nested
object has an unknown member. This path is slower and defines what is right: the fast path gives the same table or
refuses. Not here: conversions of one value (``scalars.py``), objects in texts (``object_in_text.py``).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from ..catalog.column import TEXT, Column
from .blank_text import is_blank
from .decoded_block import DecodedBlock
from .json_text import Repeated, json_text
from .member_lookup import MemberLookup, is_annotation
from .object_in_text import read_objects
from .scalars import read_scalars

Object = dict[str, Any]


def read_rows(lookup: MemberLookup, rows: Sequence[Object], *, exact: bool) -> DecodedBlock:
    """The block of these rows, which were parsed by ``parse_json_exactly`` if ``exact``.

    Raises NeedsExactNumbers where they have to be.
    """
    return _BlockReader(lookup, rows, may_repeat=exact).block()


@dataclass(frozen=True)
class _MemberPlan:
    """Which column each member goes to, for all objects with the same names in the same order.

    ``direct``: position and name where one member belongs to the column. ``contested``: position and names where
    several do, the preferred one first. ``unknown``: names without a column.
    """

    direct: tuple[tuple[int, str], ...]
    contested: tuple[tuple[int, tuple[str, ...]], ...]
    unknown: tuple[str, ...]


class _BlockReader:
    """Reads one block: the columns, and in ``extra`` what they cannot hold."""

    def __init__(self, lookup: MemberLookup, rows: Sequence[Object], *, may_repeat: bool) -> None:
        self._lookup = lookup
        self._may_repeat = may_repeat
        self._rows = rows
        self._extras: dict[int, Object] = {}
        self._unreadable: Counter[str] = Counter()
        self._unknown: set[str] = set()

    def block(self) -> DecodedBlock:
        raw = self._members(self._lookup, self._rows, "", self._keep)
        row_numbers = range(len(self._rows))
        columns = []
        for position, column in enumerate(self._lookup.columns):
            not_held: set[int] = set()
            columns.append(
                self._column(
                    column, self._lookup.nested[position], raw[position], row_numbers, column.name, not_held.add
                )
            )
            raw[position] = []
            for row in not_held:
                self._keep_member(row, position)
        extras = self._extras
        extra = pa.array([json_text(extras[row]) if row in extras else None for row in row_numbers], TEXT)
        return DecodedBlock(len(self._rows), columns, extra, self._unreadable, self._unknown)

    def _keep(self, row: int, name: str, value: Any) -> None:
        self._extras.setdefault(row, {})[name] = value

    def _keep_member(self, row: int, position: int) -> None:
        """Keeps the member that filled a column whole and raw, under the name it was sent with."""
        sent = self._rows[row]
        names = [name for name in sent if not is_annotation(name) and self._lookup.position(name) == position]
        name = next(name for name in self._lookup.preferred(names) if sent[name] is not None)
        self._keep(row, name, sent[name])

    def _members(
        self,
        lookup: MemberLookup,
        objects: Sequence[Object | None],
        path: str,
        not_held: Callable[[int, str, Any], None],
    ) -> list[list[Any]]:
        """The values of each column, one for each object; ``not_held`` gets every value that no column takes."""
        values: list[list[Any]] = [[None] * len(objects) for _ in lookup.columns]
        plans: dict[tuple[str, ...], _MemberPlan] = {}
        for index, sent in enumerate(objects):
            if not sent:
                continue
            names = tuple(sent)
            plan = plans.get(names)
            if plan is None:
                plan = plans[names] = _plan(lookup, names)
                self._unknown.update(path + name for name in plan.unknown)
            for position, name in plan.direct:
                values[position][index] = sent[name]
            for position, spellings in plan.contested:
                given = [name for name in spellings if sent[name] is not None]
                if given:
                    values[position][index] = sent[given[0]]
                for name in given[1:]:
                    not_held(index, name, sent[name])
            for name in plan.unknown:
                if sent[name] is not None:
                    not_held(index, name, sent[name])
        if self._may_repeat:
            for column, filled in zip(lookup.columns, values, strict=True):
                self._settle_repeated(filled, objects, path + column.name, not_held)
        return values

    def _settle_repeated(
        self,
        values: list[Any],
        objects: Sequence[Object | None],
        path: str,
        not_held: Callable[[int, str, Any], None],
    ) -> None:
        """The last value of a member that occurs more than once counts; ``not_held`` gets all of them."""
        for index, value in enumerate(values):
            if type(value) is Repeated:
                sent = objects[index] or {}
                values[index] = value.values[-1]
                self._unreadable[path] += 1
                not_held(index, next(name for name in sent if sent[name] is value), value)

    def _column(
        self,
        column: Column,
        nested: MemberLookup | None,
        values: list[Any],
        row_numbers: Sequence[int],
        path: str,
        not_held: Callable[[int], None],
    ) -> pa.Array:
        """The Arrow array of one column.

        ``row_numbers`` says which row each value comes from; ``not_held`` is called with the rows whose value does not
        fit.
        """
        if not column.many:
            return self._single(column, nested, values, row_numbers, path, not_held)
        offsets = [0]
        absent: list[bool] = []
        items: list[Any] = []
        item_rows: list[int] = []
        for value, row in zip(values, row_numbers, strict=True):
            if column.type == TEXT and type(value) is str and not is_blank(value):
                value = [value]  # some members are documented as a text and sent as a list: either may come
            if type(value) is list:
                kept = [item for item in value if not _has_no_value(item)] if column.type == TEXT else value
                items.extend(kept)
                item_rows.extend([row] * len(kept))
            elif not _has_no_value(value):
                self._note_unreadable(row, path, not_held)
            absent.append(type(value) is not list)
            offsets.append(len(items))
        return pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()),
            self._single(column, nested, items, item_rows, path, not_held),
            type=column.arrow,
            mask=pa.array(absent, pa.bool_()),
        )

    def _single(
        self,
        column: Column,
        nested: MemberLookup | None,
        values: list[Any],
        row_numbers: Sequence[int],
        path: str,
        not_held: Callable[[int], None],
    ) -> pa.Array:
        if nested is not None and column.in_text:
            array, unreadable, within = read_objects(column, values, partial(read_rows, nested, exact=True))
            self._unreadable.update({f"{path}.{name}": number for name, number in within.items()})
            for position in unreadable:
                self._note_unreadable(row_numbers[position], path, not_held)
            return array
        if nested is None:
            array, unreadable = read_scalars(column.type, values)
            for position in unreadable:
                self._note_unreadable(row_numbers[position], path, not_held)
            return array
        objects: list[Object | None] = []
        for value, row in zip(values, row_numbers, strict=True):
            fits = type(value) is dict
            objects.append(value if fits else None)
            if not fits and not _has_no_value(value):
                self._note_unreadable(row, path, not_held)
        raw = self._members(nested, objects, f"{path}.", lambda index, _name, _value: not_held(row_numbers[index]))
        return pa.StructArray.from_arrays(
            [
                self._column(
                    member, nested.nested[position], raw[position], row_numbers, f"{path}.{member.name}", not_held
                )
                for position, member in enumerate(nested.columns)
            ],
            fields=[pa.field(member.name, member.arrow) for member in nested.columns],
            mask=pa.array([item is None for item in objects], pa.bool_()),
        )

    def _note_unreadable(self, row: int, path: str, not_held: Callable[[int], None]) -> None:
        self._unreadable[path] += 1
        not_held(row)


def _plan(lookup: MemberLookup, names: tuple[str, ...]) -> _MemberPlan:
    by_column: dict[int, list[str]] = {}
    unknown = []
    for name in names:
        if is_annotation(name):
            continue
        position = lookup.position(name)
        if position is None:
            unknown.append(name)
        else:
            by_column.setdefault(position, []).append(name)
    return _MemberPlan(
        direct=tuple((position, found[0]) for position, found in by_column.items() if len(found) == 1),
        contested=tuple(
            (position, tuple(lookup.preferred(found))) for position, found in by_column.items() if len(found) > 1
        ),
        unknown=tuple(unknown),
    )


def _has_no_value(value: Any) -> bool:
    return value is None or (type(value) is str and is_blank(value))
