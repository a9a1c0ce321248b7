"""Which column a member of the service's JSON belongs to, however it is spelled.

Here: names. The JSON endpoints send camelCase, export files PascalCase with irregular capitals (``OSPlatform``
in one file, ``OsPlatform`` in another), so names match without regard to case, nested ones too, and through the
aliases of the catalog. Not here: values (``scalars.py``), the spellings of one walk (``learned_schema.py``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ..catalog.column import Column


def is_annotation(name: str) -> bool:
    """Whether the member describes the JSON and not the record (``@odata.type`` and the like): no data."""
    return name.startswith("@")


@dataclass(frozen=True, eq=False)
class MemberLookup:
    """Finds the columns of a row, or of a nested object, by member name."""

    columns: tuple[Column, ...]

    @cached_property
    def nested(self) -> tuple["MemberLookup | None", ...]:
        """The lookup for the objects in each column; None for columns of scalars."""
        return tuple(MemberLookup(column.members) if column.members else None for column in self.columns)

    @cached_property
    def _by_name(self) -> dict[str, tuple[int, int]]:
        """Case-folded name -> (rank, position of the column); rank 0 is the declared name, aliases follow."""
        found: dict[str, tuple[int, int]] = {}
        for position, column in enumerate(self.columns):
            found[column.member.casefold()] = (0, position)
        for position, column in enumerate(self.columns):
            for rank, alias in enumerate(column.aliases, start=1):
                found.setdefault(alias.casefold(), (rank, position))
        return found

    def position(self, name: str) -> int | None:
        """The position of the member's column, or None for a member that the catalog does not declare."""
        found = self._by_name.get(name.casefold())
        return None if found is None else found[1]

    def likely_names(self, position: int) -> set[str]:
        """The names of a column, each in the spellings that the service's endpoints have: ``id``, ``Id`` and ``ID``."""
        column = self.columns[position]
        names = (column.member, *column.aliases)
        return {
            spelling for name in names for spelling in (name, name.lower(), name.upper(), name[:1].upper() + name[1:])
        }

    def preferred(self, names: Iterable[str]) -> list[str]:
        """Names of one column, the declared one before its aliases, otherwise in the given order."""
        return sorted(names, key=lambda name: self._by_name[name.casefold()][0])
