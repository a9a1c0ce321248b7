"""Which column a member of the service's JSON belongs to, however it is spelled.

Here: names. The JSON endpoints send camelCase, export files PascalCase with irregular capitals (``OSPlatform``
in one file, ``OsPlatform`` in another), so names are matched without regard to case, nested ones too, and through
the aliases of the catalog. Not here: values.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from defender_assets.catalog.column import Column


def is_annotation(name: str) -> bool:
    """``@odata.type`` and its like say something about the JSON, not about the thing: no data."""
    return name.startswith("@")


@dataclass(frozen=True, eq=False)
class Level:
    """The members of a row, or of a nested object."""

    columns: tuple[Column, ...]

    @cached_property
    def inner(self) -> tuple["Level | None", ...]:
        """The level below each column; None for scalars."""
        return tuple(Level(column.members) if column.members else None for column in self.columns)

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        places: dict[str, tuple[int, int]] = {}
        for position, column in enumerate(self.columns):
            places[column.member.casefold()] = (0, position)
        for position, column in enumerate(self.columns):
            for rank, alias in enumerate(column.aliases, start=1):
                places.setdefault(alias.casefold(), (rank, position))
        return places

    def position(self, name: str) -> int | None:
        """The position of the column that the member belongs to, or None for a member nobody declared."""
        place = self._places.get(name.casefold())
        return place and place[1]

    def preferred(self, names: Iterable[str]) -> list[str]:
        """Names of one column, the declared one before its aliases, otherwise as they come."""
        return sorted(names, key=lambda name: self._places[name.casefold()][0])
