"""The tolerant path: rows as Python objects, each value brought to its column's type, or kept as sent.

Here: what happens to a block the fast path refuses: a type that changed, a member spelled two ways, an unknown member
within a nested object. It is the slower path and the definition of
what is right: the fast path gives the same table or refuses. Not here: conversions of one value (``scalars.py``).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from defender_assets.catalog.column import TEXT, Column

from .block import Block
from .json_text import json_text
from .members import Level, is_annotation
from .scalars import read_scalars
from .texts import is_blank

Object = dict[str, Any]


def read_rows(level: Level, rows: Sequence[Object]) -> Block:
    """The block of these rows. Raises NeedsExactNumbers where they have to be parsed by ``parse_exactly``."""
    return _Reading(level, rows).block()


@dataclass(frozen=True)
class _Plan:
    """Where the members of all objects with the same names in the same order belong."""

    direct: tuple[tuple[int, str], ...]
    contested: tuple[tuple[int, tuple[str, ...]], ...]
    unknown: tuple[str, ...]


class _Reading:
    """The reading of one block: besides the columns it collects what they cannot hold."""

    def __init__(self, level: Level, rows: Sequence[Object]) -> None:
        self._level = level
        self._rows = rows
        self._extras: dict[int, Object] = {}
        self._unreadable: Counter[str] = Counter()
        self._unknown: set[str] = set()

    def block(self) -> Block:
        raw = self._members(self._level, self._rows, "", self._keep)
        owners = range(len(self._rows))
        columns = []
        for position, column in enumerate(self._level.columns):
            not_held: set[int] = set()
            columns.append(
                self._column(column, self._level.inner[position], raw[position], owners, column.name, not_held.add)
            )
            raw[position] = []
            for row in not_held:
                self._keep_member(row, position)
        extras = self._extras
        extra = pa.array([json_text(extras[row]) if row in extras else None for row in owners], TEXT)
        return Block(len(self._rows), columns, extra, self._unreadable, self._unknown)

    def _keep(self, row: int, name: str, value: Any) -> None:
        self._extras.setdefault(row, {})[name] = value

    def _keep_member(self, row: int, position: int) -> None:
        """Keep the member that filled a column whole and raw, under the name it came by."""
        sent = self._rows[row]
        names = [name for name in sent if not is_annotation(name) and self._level.position(name) == position]
        name = next(name for name in self._level.preferred(names) if sent[name] is not None)
        self._keep(row, name, sent[name])

    def _members(
        self,
        level: Level,
        objects: Sequence[Object | None],
        path: str,
        not_held: Callable[[int, str, Any], None],
    ) -> list[list[Any]]:
        """The values of each column of the level, one for each object; ``not_held`` gets what no column takes."""
        values: list[list[Any]] = [[None] * len(objects) for _ in level.columns]
        plans: dict[tuple[str, ...], _Plan] = {}
        for index, sent in enumerate(objects):
            if not sent:
                continue
            names = tuple(sent)
            plan = plans.get(names)
            if plan is None:
                plan = plans[names] = _plan(level, names)
                self._unknown.update(path + name for name in plan.unknown)
            for position, name in plan.direct:
                values[position][index] = sent[name]
            for position, rivals in plan.contested:
                given = [name for name in rivals if sent[name] is not None]
                if given:
                    values[position][index] = sent[given[0]]
                for name in given[1:]:
                    not_held(index, name, sent[name])
            for name in plan.unknown:
                if sent[name] is not None:
                    not_held(index, name, sent[name])
        return values

    def _column(
        self,
        column: Column,
        inner: Level | None,
        values: list[Any],
        owners: Sequence[int],
        path: str,
        not_held: Callable[[int], None],
    ) -> pa.Array:
        """The Arrow array of one column; ``owners`` are the rows that the values come from, told to ``not_held``."""
        if not column.many:
            return self._single(column, inner, values, owners, path, not_held)
        offsets = [0]
        absent: list[bool] = []
        items: list[Any] = []
        item_owners: list[int] = []
        for value, owner in zip(values, owners, strict=True):
            if type(value) is list:
                kept = [item for item in value if not _says_nothing(item)] if column.type == TEXT else value
                items.extend(kept)
                item_owners.extend([owner] * len(kept))
            elif not _says_nothing(value):
                self._misfit(owner, path, not_held)
            absent.append(type(value) is not list)
            offsets.append(len(items))
        return pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()),
            self._single(column, inner, items, item_owners, path, not_held),
            type=column.arrow,
            mask=pa.array(absent, pa.bool_()),
        )

    def _single(
        self,
        column: Column,
        inner: Level | None,
        values: list[Any],
        owners: Sequence[int],
        path: str,
        not_held: Callable[[int], None],
    ) -> pa.Array:
        if inner is None:
            array, misfits = read_scalars(column.type, values)
            for position in misfits:
                self._misfit(owners[position], path, not_held)
            return array
        objects: list[Object | None] = []
        for value, owner in zip(values, owners, strict=True):
            fits = type(value) is dict
            objects.append(value if fits else None)
            if not fits and not _says_nothing(value):
                self._misfit(owner, path, not_held)
        raw = self._members(inner, objects, f"{path}.", lambda index, _name, _value: not_held(owners[index]))
        return pa.StructArray.from_arrays(
            [
                self._column(member, inner.inner[position], raw[position], owners, f"{path}.{member.name}", not_held)
                for position, member in enumerate(inner.columns)
            ],
            fields=[pa.field(member.name, member.arrow) for member in inner.columns],
            mask=pa.array([item is None for item in objects], pa.bool_()),
        )

    def _misfit(self, owner: int, path: str, not_held: Callable[[int], None]) -> None:
        self._unreadable[path] += 1
        not_held(owner)


def _plan(level: Level, names: tuple[str, ...]) -> _Plan:
    claims: dict[int, list[str]] = {}
    unknown = []
    for name in names:
        if is_annotation(name):
            continue
        position = level.position(name)
        if position is None:
            unknown.append(name)
        else:
            claims.setdefault(position, []).append(name)
    return _Plan(
        direct=tuple((position, claim[0]) for position, claim in claims.items() if len(claim) == 1),
        contested=tuple((p, tuple(level.preferred(claim))) for p, claim in claims.items() if len(claim) > 1),
        unknown=tuple(unknown),
    )


def _says_nothing(value: Any) -> bool:
    return value is None or (type(value) is str and is_blank(value))
