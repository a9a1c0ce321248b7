"""The outcome of refreshing one partition, wherever its rows come from.

Here: the one result that every refresh returns, and the facts in it that people read. Not here: Dagster's metadata
(``orchestration/metadata.py``), what a terminal prints (``cli/``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from ..checks import Check
from ..errors import DefenderAssetsError


class Markdown(str):
    """Text to be rendered as Markdown."""


class FilePath(str):
    """The path or URL of a file that can be opened."""


class Link(str):
    """The address of a web page."""


Fact = int | float | str | datetime | Markdown | FilePath | Link
"""A fact about a partition, for people to read; times are UTC."""


class Status(StrEnum):
    """The result of a refresh."""

    PUBLISHED = "published"
    """The partition has the rows of this refresh."""
    KEPT = "kept"
    """A public feed could not be fetched: the partition has the former rows."""
    ABSENT = "absent"
    """A public feed has no rows to use: nothing was written."""
    OFF = "off"
    """A public feed is switched off: nothing was written."""
    LEFT_OUT = "left_out"
    """Somebody did not choose it, or the tenant cannot have it, or it cannot be made without such a table: nothing was
    written, and that is no failure."""
    UNCHANGED = "unchanged"
    """The day is over and its source reports only the current state: what was captured on that day stays."""
    MISSED = "missed"
    """Such a day has no partition, and can no longer have one."""
    FAILED = "failed"
    """``error`` says why. A former partition stays as it was (of several days that are made together, see
    ``publication.publish_rows``)."""


@dataclass(frozen=True)
class PartitionOutcome:
    """The outcome for one day (UTC) of a table.

    ``rows`` and ``bytes`` are those of the partition's file, ``uri`` is its address; for the report, ``rows`` is None.
    ``facts`` are for people to read. ``error`` is set if, and only if, the status is FAILED, ``not_made_because``
    (a sentence) if, and only if, it is LEFT_OUT, UNCHANGED or MISSED.
    """

    table: str
    day: date
    status: Status
    rows: int | None = None
    bytes: int | None = None
    uri: str | None = None
    checks: tuple[Check, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    error: DefenderAssetsError | None = None
    not_made_because: str = ""

    @property
    def ok(self) -> bool:
        """Whether the refresh did not fail; a feed that is kept, absent or off is no failure, nor a table left out, nor
        a day that can no longer be captured."""
        return self.status is not Status.FAILED

    @property
    def is_made(self) -> bool:
        """Whether the day is now what the refresh made of it."""
        return self.ok and not self.not_made_because

    @classmethod
    def left_out(cls, table: str, day: date, because: str) -> "PartitionOutcome":
        """The outcome of a table that is done without; ``because`` is a sentence."""
        return cls(table, day, Status.LEFT_OUT, not_made_because=because)

    @classmethod
    def of_a_past_day(cls, table: str, day: date, because: str, *, is_held: bool) -> "PartitionOutcome":
        """The outcome for a day that can no longer be captured; ``is_held``: it has a partition."""
        return cls(table, day, Status.UNCHANGED if is_held else Status.MISSED, not_made_because=because)

    @classmethod
    def failed(cls, table: str, day: date, error: DefenderAssetsError) -> "PartitionOutcome":
        """The outcome of a refresh that raised. Its checks are those of the error, if it has any."""
        return cls(table, day, Status.FAILED, checks=error.checks, error=error)


def failures(outcomes: Sequence[PartitionOutcome]) -> list[DefenderAssetsError]:
    """The errors of those that failed, in their order."""
    return [outcome.error for outcome in outcomes if outcome.error is not None]
