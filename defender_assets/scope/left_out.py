"""How many rows a scope left out, as a partition's file says it.

Here: the counts of a fetched partition, and those of all that a table was made from. Not here: counting (``refresh/``).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..quantity import quantity
from .fleet_scope import SEVERITY_LEVELS

SCOPE = "scope"
"""Name of the metadata with the scope in words; absent where the table holds all of the tenant."""
SCOPE_SEVERITY = "scope_severity"
"""Name of the metadata with the least severity of a table of findings, one of ``SEVERITY_LEVELS``; absent where the
table holds findings of any severity."""
_LEFT_OUT = "left_out"
_DIFFERENT_SCOPES = "different scopes"


@dataclass(frozen=True)
class LeftOut:
    """Rows of one partition. ``read``: what the service sent and was proven, a row once. The others were not published:
    their device is out of the scope; their device is not in the machine list, so that nobody knows whether it is in the
    scope; they are findings below its severity. A row is counted once, by the first of these that holds."""

    read: int = 0
    out_of_scope: int = 0
    unknown_devices: int = 0
    below_severity: int = 0

    @property
    def rows(self) -> int:
        """How many were left out."""
        return self.out_of_scope + self.unknown_devices + self.below_severity

    def __add__(self, other: "LeftOut") -> "LeftOut":
        return LeftOut(*(mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)))

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """All four numbers."""
        return (self.read, self.out_of_scope, self.unknown_devices, self.below_severity)

    def facts(self) -> dict[str, str]:
        """The metadata of the partition's file."""
        return {name: str(number) for name, number in zip(_COUNTS, self.counts, strict=True)}

    def __str__(self) -> str:
        """``12 of 50 rows``."""
        return f"{self.rows:,} of {quantity(self.read, 'row')}"


_COUNTS = ("rows_read", "rows_out_of_scope", "rows_of_unknown_devices", "rows_below_severity")


def left_out_in(facts: Mapping[str, str]) -> LeftOut | None:
    """What a fetched partition's metadata says; None where nothing was left out, or another program wrote it."""
    try:
        return LeftOut(*(int(facts[name]) for name in _COUNTS))
    except (KeyError, ValueError):
        return None


@dataclass(frozen=True)
class ScopeOfTables:
    """The scopes of the tables that something is made from. ``by_table``: each of them, in words, empty for the whole
    tenant, and of several days that of the last; ``on_other_days``: those of which earlier days hold another part;
    ``left_out``: of each fetched table behind them the rows that its scope left out, of all its days that were read;
    ``severity``: of each fetched table that holds the findings of some severity or above alone, that severity."""

    by_table: Mapping[str, str] = field(default_factory=dict)
    on_other_days: frozenset[str] = frozenset()
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    severity: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_one(self) -> bool:
        """Whether all of them hold the same part of the tenant, on every day."""
        return len(set(self.by_table.values())) < 2 and not self.on_other_days

    @property
    def words(self) -> str | None:
        """The scope; None where it is the whole tenant."""
        scopes = set(self.by_table.values())
        return (scopes.pop() or None) if len(scopes) == 1 else _DIFFERENT_SCOPES if scopes else None

    def rows_left_out(self, table: str) -> int | None:
        """How many rows of a fetched table the scope left out; None where it has none, or it does not say."""
        left_out = self.left_out.get(table)
        return None if left_out is None else left_out.rows

    def facts(self) -> dict[str, str]:
        """The metadata of a file that is made from these tables; none where they hold the whole tenant."""
        if self.words is None:
            return {}
        return {
            SCOPE: self.words,
            _LEFT_OUT: json.dumps({name: left_out.counts for name, left_out in self.left_out.items()}),
        }

    def __str__(self) -> str:
        """``machines 12 of 50 rows, software_inventory 340 of 1,000 rows``."""
        return ", ".join(f"{name} {left_out}" for name, left_out in self.left_out.items() if left_out.rows)

    @classmethod
    def of_partitions(cls, partitions: Iterable[tuple[str, Mapping[str, str]]]) -> "ScopeOfTables":
        """From the names of tables and the metadata of their partitions, fetched or computed, in the order of days."""
        by_table: dict[str, str] = {}
        on_other_days: set[str] = set()
        fetched: dict[str, LeftOut] = {}
        behind: dict[str, LeftOut] = {}
        severity: dict[str, str] = {}
        for name, facts in partitions:
            scope = facts.get(SCOPE, "")
            if by_table.get(name, scope) != scope:
                on_other_days.add(name)
            by_table[name] = scope
            if (left_out := left_out_in(facts)) is not None:
                fetched[name] = fetched.get(name, LeftOut()) + left_out
            behind |= _counts_behind(facts)
            if facts.get(SCOPE_SEVERITY) in SEVERITY_LEVELS:
                severity[name] = facts[SCOPE_SEVERITY]
        return cls(by_table, frozenset(on_other_days), behind | fetched, severity)


ALL_OF_THE_TENANT = ScopeOfTables()


def _counts_behind(facts: Mapping[str, str]) -> dict[str, LeftOut]:
    try:
        behind = json.loads(facts.get(_LEFT_OUT, "{}"))
        return {str(name): LeftOut(*map(int, counts)) for name, counts in behind.items()}
    except (AttributeError, TypeError, ValueError):
        return {}
