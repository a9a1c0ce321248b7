"""A table of the lake: its columns, its key, and how its days come about.

Here: what every table has, whoever makes it. Not here: how a table of the service is fetched
(``dataset.py``), where its files lie (``lake/``).
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import pyarrow as pa

from .column import TEXT, TIME, Column

OBSERVED_AT = Column(
    "observed_at",
    TIME,
    "When the refresh that wrote this row began (UTC); for crawled tables, when this device was asked.",
)
EXTRA = Column(
    "extra",
    TEXT,
    "JSON object of everything the service sent that the declared columns cannot hold: unknown members, "
    "and the raw value of members whose type was not the declared one. Null when there was nothing.",
)
EXTRA_NEVER_KEPT = Column("extra", TEXT, "Always null: what the declared columns cannot hold may be a credential.")
"""In place of ``EXTRA``, of a dataset whose answers have credentials."""


class Group(StrEnum):
    """The groups of the asset graph (where a table comes from)."""

    DEFENDER = "defender"
    REFERENCE = "reference"
    INVENTORY = "inventory"
    COMPLIANCE = "compliance"
    REPORTS = "reports"


class Days(StrEnum):
    """What a table's daily partition means.

    STATE: what the service said on that day; only today's can be captured.
    EVENT: what happened on that day; can be asked again as far as the service remembers.
    DERIVED: computed from that day's inputs; can be recomputed for any day in the lake.
    """

    STATE = "state"
    EVENT = "event"
    DERIVED = "derived"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of the lake. ``key`` names the columns (lake names) that identify a row."""

    name: str
    title: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    group: Group
    days: Days = Days.DERIVED

    def __post_init__(self) -> None:
        names = [column.name for column in self.all_columns]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.name}: a column is declared twice")
        if missing := set(self.key) - set(names):
            raise ValueError(f"{self.name}: the key names unknown columns {sorted(missing)}")

    @cached_property
    def all_columns(self) -> tuple[Column, ...]:
        """Every column in the order of the files."""
        return self.columns

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the files, descriptions as field metadata."""
        return pa.schema([column.field for column in self.all_columns])
