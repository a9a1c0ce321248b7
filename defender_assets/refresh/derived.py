"""A day of a derived table: computed from what is in the lake, checked, published.

Here: the order of the steps, and the facts about the result. Not here: what the tables mean and the SQL that computes
them (``compliance/``), when they are computed (``orchestration/automation/``).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date, timedelta

import pyarrow as pa

from ..catalog.derived import DerivedTable
from ..checks import Check
from ..compliance import CHECKS, HeadlineNumbers, derive_one, headline_numbers, inputs_are_fresh
from ..lake import PartitionWriter
from .context import RefreshContext
from .inputs import input_days, input_sources
from .outcome import Fact, PartitionOutcome, Status
from .publication import publish_rows
from .table_refresh import TableRefresh


class DerivedRefresh(TableRefresh):
    """Computes a derived table; sends no request to the service."""

    table: DerivedTable

    def __init__(self, table: DerivedTable) -> None:
        self.table = table
        self.name, self.description, self.group, self.days = table.name, table.description, table.group, table.days
        self.inputs, self.optional_inputs = table.inputs, table.optional_inputs
        self.kinds = frozenset({"duckdb", "parquet"})
        self.tags = {"days": table.days.value}
        self._checks = [check for check in CHECKS if check.table == table.name]
        self.checks = {check.name: check.description for check in self._checks} | {
            "inputs_are_fresh": "No input is older than the policy's limit for it."
        }

    def publish(self, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """One day. Raises ComplianceError (a needed input is absent, the computation failed) and LakeError."""
        (day,) = days
        table, lake, policy, engine = self.table, context.lake, context.policy, context.engine
        started = time.monotonic()
        partitions = input_days(
            lake, day, needed=table.inputs, optional=table.optional_inputs, window_days=table.window_days
        )
        with ExitStack() as stack:
            sources = input_sources(lake, partitions)
            derivation = stack.enter_context(derive_one(table.name, sources, policy, engine=engine))

            def rows() -> Iterator[pa.RecordBatch]:
                yield from derivation.reader()
                # The checks have sessions of their own: two at a time would take twice the memory that is allowed.
                stack.close()

            numbers: HeadlineNumbers = {}

            def prove(writer: PartitionWriter) -> list[Check]:
                """The checks of the finished file, before readers see it."""
                nonlocal numbers
                file = writer.finish()
                numbers = headline_numbers(table.name, file, engine=engine)
                return [
                    *(
                        check.run(
                            {name: file if name == table.name else lake.source(name, (day,)) for name in check.inputs},
                            policy,
                            engine=engine,
                        )
                        for check in self._checks
                    ),
                    inputs_are_fresh(derivation.ages, policy.document.checks.freshness_hours),
                ]

            (partition,) = publish_rows(
                table,
                (day,),
                rows(),
                lake=lake,
                metadata={
                    "observed_at": derivation.as_of.isoformat() if derivation.as_of else "",
                    "policy": policy.name,
                    "policy_digest": policy.digest,
                },
                prove=prove,
            )
        facts: dict[str, Fact | None] = {
            "as of": derivation.as_of,
            "policy": f"{policy.name} ({policy.digest})",
            "seconds": round(time.monotonic() - started, 2),
            "absent inputs": ", ".join(derivation.absent) or None,
            **headlines_in_words(table, numbers),
            **{f"age of {name}": _in_words(age) for name, age in derivation.ages.items() if age >= timedelta(hours=1)},
        }
        return [
            PartitionOutcome(
                self.name,
                day,
                Status.PUBLISHED,
                rows=partition.file.rows,
                bytes=partition.file.bytes,
                uri=partition.file.uri,
                checks=partition.checks,
                facts={name: fact for name, fact in facts.items() if fact is not None},
            )
        ]


def headlines_in_words(table: DerivedTable, numbers: HeadlineNumbers) -> Mapping[str, int | float | str]:
    """Each headline number with its denominator: ``41 of 50 eligible (82.0 %)``. Unknown numbers are left out."""
    words: dict[str, int | float | str] = {}
    for headline in table.headlines:
        value = numbers[headline.name]
        if value is None:
            continue
        name = headline.name.replace("_", " ")
        whole = numbers.get(headline.of) if headline.of else None
        if whole:
            words[name] = f"{value:,} of {whole:,} {str(headline.of).replace('_', ' ')} ({100 * value / whole:.1f} %)"
        else:
            words[name] = value
    return words


def _in_words(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
