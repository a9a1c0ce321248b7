"""What became of one partition, whatever its rows come from.

Here: the one result that every refresh gives, and the values that it tells people. Not here: what Dagster shows of it
(``orchestration/metadata.py``), what a terminal prints (``cli/``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from ..checks import Check
from ..errors import DefenderAssetsError


class Markdown(str):
    """A text whose Markdown is to be rendered."""


class FilePath(str):
    """The path or URL of a file that can be opened."""


class Link(str):
    """The address of a web page."""


Fact = int | float | str | datetime | Markdown | FilePath | Link
"""One thing worth telling about a partition; times are UTC."""


class Status(StrEnum):
    """What a refresh came to."""

    PUBLISHED = "published"
    """The partition has the rows of this refresh."""
    KEPT = "kept"
    """A public feed could not be fetched: the partition has the former rows."""
    ABSENT = "absent"
    """A public feed has no rows to use: nothing was written."""
    OFF = "off"
    """A public feed is switched off: nothing was written."""
    FAILED = "failed"
    """Nothing was written, and a former partition stays as it was; ``error`` says why."""


@dataclass(frozen=True)
class PartitionOutcome:
    """What became of the partition of ``day`` (UTC) of a table.

    ``rows`` and ``bytes`` are those of the partition's file, ``uri`` its address; of a page, ``rows`` is None.
    ``facts`` are words and values for people. ``error`` is there when, and only when, the status is FAILED.
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

    @property
    def ok(self) -> bool:
        return self.status is not Status.FAILED

    @classmethod
    def failed(cls, table: str, day: date, error: DefenderAssetsError) -> "PartitionOutcome":
        """``checks`` are those that kept it from being published, where there are some."""
        return cls(table, day, Status.FAILED, checks=tuple(getattr(error, "checks", ())), error=error)


def failures(outcomes: Sequence[PartitionOutcome]) -> list[PartitionOutcome]:
    """Those that failed."""
    return [outcome for outcome in outcomes if not outcome.ok]
