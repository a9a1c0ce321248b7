"""From a stream of rows to published partitions: written, proven, and only then seen by readers.

Here: the one place where the partition of a table is published. Not here: where rows come from, which checks there are
(``dataset/checks.py``, ``derived.py``), how a file is written (``lake/writer.py``).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from ..catalog import Dataset, Table
from ..checks import Check
from ..lake import DaysWriter, Lake, PartitionWriter, PublishedFile, publish_all
from .errors import NotPublished
from .outcome import Fact, PartitionOutcome, Status
from .stopping import check_not_stopped

Proof = Callable[[PartitionWriter], Sequence[Check]]
"""Runs the checks on what was written for one day, before readers see it."""

Judgement = Callable[[Mapping[date, int]], Sequence[Check]]
"""Judges all days together, by the number of rows of each; its checks are those of every day."""


@dataclass(frozen=True)
class Restricted:
    """What there is to say of rows that were taken out."""

    facts: Mapping[str, Fact] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()


Restriction = Callable[[PartitionWriter], Restricted]
"""Takes rows out of what was written for one day and proven."""


@dataclass(frozen=True)
class PublishedPartition:
    """A published partition, the results of its checks, and facts about this day alone."""

    file: PublishedFile
    checks: tuple[Check, ...]
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def outcome(self, facts: Mapping[str, Fact]) -> PartitionOutcome:
        """The outcome of the refresh that published it; ``facts`` are for people to read."""
        file = self.file
        return PartitionOutcome(
            file.table,
            file.date,
            Status.PUBLISHED,
            rows=file.rows,
            bytes=file.bytes,
            uri=file.uri,
            checks=self.checks,
            facts={**facts, **self.facts},
        )


def publish_rows(
    table: Table,
    days: Sequence[date],
    rows: Iterable[pa.Table | pa.RecordBatch],
    *,
    lake: Lake,
    metadata: Mapping[str, str],
    prove: Proof,
    judge: Judgement = lambda _: (),
    restrict: Restriction = lambda _: Restricted(),
) -> list[PublishedPartition]:
    """Writes the rows, checks every day, and then publishes them all. ``metadata`` goes into the files. ``restrict``
    comes after the checks: what is kept out of the lake has been proven like the rest.

    Raises NotPublished where a blocking check of any day failed, Stopped, and what ``rows``, ``prove``, ``judge`` and
    ``restrict`` raise: then nothing was published. Each day is published in a step of its own, the earliest first
    (``publish_all``). Where the lake refuses one (LakeError), those before it are published, whole, and no further one
    is begun.
    """
    with _writing(table, days, lake, metadata) as writer:
        for page in rows:
            check_not_stopped(table.name)
            writer.write(page)
            del page  # it can have a hundred megabytes, and must be freed before the next one is fetched
        by_day = writer.writers if isinstance(writer, DaysWriter) else {writer.date: writer}
        checks_by_day = {day: tuple(prove(partition)) for day, partition in by_day.items()}
        for_all = tuple(judge({day: partition.rows for day, partition in by_day.items()}))
        for checks in checks_by_day.values():
            _refuse_unproven(table, checks)
        checks_by_day = {day: (*checks, *for_all) for day, checks in checks_by_day.items()}
        restricted = {day: restrict(partition) for day, partition in by_day.items()}
        check_not_stopped(table.name)
        return [
            PublishedPartition(file, (*checks_by_day[day], *restricted[day].checks), restricted[day].facts)
            for day, file in zip(by_day, publish_all(list(by_day.values())), strict=True)
        ]


def no_proof(_: PartitionWriter) -> Sequence[Check]:
    """For rows whose source was checked as a whole before the first of them was written."""
    return ()


def _refuse_unproven(table: Table, checks: tuple[Check, ...]) -> None:
    if reasons := [check.message for check in checks if check.blocks]:
        raise NotPublished(
            f"{table.name}: not published, the former partition stays: {'; '.join(reasons)}",
            dataset=table.name,
            checks=checks,
        )


@contextmanager
def _writing(
    table: Table, days: Sequence[date], lake: Lake, metadata: Mapping[str, str]
) -> Iterator[PartitionWriter | DaysWriter]:
    if isinstance(table, Dataset) and table.event_time is not None:
        with lake.writing_days(table, days, table.event_time, metadata) as days_writer:
            yield days_writer
        return
    (day,) = days
    with lake.writing(table, day, metadata) as writer:
        yield writer
