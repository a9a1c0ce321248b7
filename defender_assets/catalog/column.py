"""A column, declared once: what the service calls it, what it holds, what it means.

Here: one value (or list, or nested object) of a row. Not here: tables and how to fetch them
(``table.py``), reading JSON (``decode/``).
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TypedDict, Unpack

import pyarrow as pa

TEXT = pa.string()
WHOLE = pa.int64()
REAL = pa.float64()
FLAG = pa.bool_()
TIME = pa.timestamp("us", tz="UTC")

_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake_case(member: str) -> str:
    """``rbacGroupName`` -> ``rbac_group_name``, ``cvssV3`` -> ``cvss_v3``."""
    return _WORD_ENDS.sub("_", member).lower()


@dataclass(frozen=True)
class Column:
    """One column of a table, or one member of a nested object.

    ``member`` is the service's own camelCase name (for derived tables: the column's name).
    Names are matched without regard to case, because export files spell them in PascalCase with
    irregular capitals (``OSPlatform``, ``CveId``). ``aliases`` are other names of the same thing.
    ``many`` makes it a list of ``type`` (or of objects with ``members``). ``personal`` marks what
    identifies a person, or may (free words of people, folders of a profile): such columns are tagged
    and never sampled into metadata or logs. ``sampled`` marks a text that may be among the first rows
    which the UI shows to everybody: an id of the service, a product, a version, a word of a list that
    somebody keeps to. Names of devices, descriptions, paths and free words are none of these. Numbers,
    times and flags need no mark. ``in_text``: an object that the service writes as JSON in a text, and
    whose members nobody lists to the end. What the declared ones cannot hold is in its last member,
    ``extra``.
    """

    member: str
    type: pa.DataType | None
    description: str
    many: bool = False
    members: tuple["Column", ...] = ()
    personal: bool = False
    aliases: tuple[str, ...] = ()
    in_text: bool = False
    sampled: bool = False

    def __post_init__(self) -> None:
        if self.sampled and (self.type != TEXT or self.many or self.personal):
            raise ValueError(f"{self.member}: only a text that is not personal is marked as sampled")
        if (self.type is None) != bool(self.members):
            raise ValueError(f"{self.member}: either a scalar type or members, not both")
        if self.in_text and (self.many or not self.members):
            raise ValueError(f"{self.member}: only a single object is written in a text")

    @cached_property
    def name(self) -> str:
        """The column's name in the lake."""
        return snake_case(self.member)

    @cached_property
    def all_members(self) -> tuple["Column", ...]:
        """The members of an object in the lake."""
        return (*self.members, EXTRA_MEMBER) if self.in_text else self.members

    @cached_property
    def arrow(self) -> pa.DataType:
        """The Arrow type in the lake; nested members carry their lake names."""
        item = self.type or pa.struct([pa.field(m.name, m.arrow) for m in self.all_members])
        return pa.list_(item) if self.many else item

    @cached_property
    def field(self) -> pa.Field:
        """The Arrow field with its description as metadata."""
        metadata = {"description": self.description}
        if self.personal:
            metadata["personal"] = "true"
        return pa.field(self.name, self.arrow, metadata=metadata)


EXTRA_MEMBER = Column(
    "extra", TEXT, "JSON object of everything in it that the other members cannot hold. Null when there was nothing."
)


class _Options(TypedDict, total=False):
    many: bool
    personal: bool
    aliases: tuple[str, ...]
    sampled: bool


def text(member: str, description: str, **options: Unpack[_Options]) -> Column:
    """A column of text."""
    return Column(member, TEXT, description, **options)


def whole(member: str, description: str, **options: Unpack[_Options]) -> Column:
    """A column of whole numbers (64 bits)."""
    return Column(member, WHOLE, description, **options)


def real(member: str, description: str, **options: Unpack[_Options]) -> Column:
    """A column of numbers with a fraction (double precision)."""
    return Column(member, REAL, description, **options)


def flag(member: str, description: str, **options: Unpack[_Options]) -> Column:
    """A column of true and false."""
    return Column(member, FLAG, description, **options)


def time(member: str, description: str, **options: Unpack[_Options]) -> Column:
    """A column of moments in UTC, to the microsecond."""
    return Column(member, TIME, description, **options)


def nested(member: str, description: str, *members: Column, many: bool = False, in_text: bool = False) -> Column:
    """A column of objects with members of their own; with ``many``, of lists of them; with ``in_text``, of objects that
    come as JSON in a text."""
    return Column(member, None, description, many=many, members=members, in_text=in_text)
