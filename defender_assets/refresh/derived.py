"""A day of a derived table: computed from what is in the lake, checked, published.

Here: the order of the steps, and the facts about the result. Not here: what the tables mean and the SQL that computes
them (``compliance/``), when they are computed (``orchestration/automation/``).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from ..catalog.derived import DerivedTable
from ..checks import Check
from ..compliance import (
    TABLE_CHECKS,
    Derivation,
    HeadlineNumbers,
    Inputs,
    PolicyCheck,
    TableCheck,
    derive_one,
    headline_numbers,
    inputs_are_fresh,
    reads_rest_of_fleet,
)
from ..compliance.engine import Engine, in_one_session
from ..compliance.errors import failures_of
from ..compliance.sql_files import table_file, table_sql
from ..lake import PartitionWriter
from ..lake.scoped_fleet import left_out_devices
from .absence import left_out_on
from .context import RefreshContext
from .inputs import input_days, input_sources
from .one_policy import INPUTS_OF_ONE_POLICY, computed, inputs_of_one_policy
from .one_scope import (
    INPUTS_OF_ONE_SCOPE,
    REST_OF_FLEET_IS_KNOWN,
    has_scope,
    inputs_of_one_scope,
    rest_of_fleet_is_known,
    rest_of_inputs,
    scope_of_inputs,
)
from .outcome import Fact, FilePath, Markdown, PartitionOutcome
from .publication import publish_rows
from .table_refresh import TableRefresh


class DerivedRefresh(TableRefresh):
    """Computes a derived table; sends no request to the service."""

    table: DerivedTable

    def __init__(self, table: DerivedTable) -> None:
        self.table = table
        self.name, self.description, self.group, self.days = table.name, table.description, table.group, table.days
        self.inputs, self.optional_inputs = table.inputs, table.optional_inputs
        self.kinds = frozenset({"parquet", "sql"})
        self.tags = {"days": table.days.value}
        self._checks = [check for check in TABLE_CHECKS if check.table == table.name]
        self.checks: dict[str, str] = {check.name: check.description for check in self._checks} | {
            "inputs_are_fresh": "No input is older than the policy's limit for it."
        }
        if has_scope((*table.inputs, *table.optional_inputs)):
            self.checks[INPUTS_OF_ONE_SCOPE] = "What it is made from holds the same part of the tenant."
        if reads_rest_of_fleet(table.name):
            self.checks[REST_OF_FLEET_IS_KNOWN] = "What there is to know of the devices out of the scope is known."
        if computed((*table.inputs, *table.optional_inputs)):
            self.checks[INPUTS_OF_ONE_POLICY] = "What it is made from was judged by the same policy."

    def definition_facts(self) -> Mapping[str, Fact]:
        return {"SQL": Markdown(f"```sql\n{table_sql(self.name)}```"), "SQL file": FilePath(table_file(self.name))}

    def publish(self, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """One day. Raises ComplianceError (a needed input is absent, the computation failed) and LakeError."""
        (day,) = days
        table, lake, policy = self.table, context.lake, context.policy
        left_out = left_out_on(
            day, (*table.inputs, *table.optional_inputs), today=context.today, settings=context.settings, lake=lake
        )
        partitions = input_days(
            lake,
            day,
            needed=table.inputs,
            optional=table.optional_inputs,
            window_days=table.window_days,
            left_out=left_out,
        )
        engine = context.engine_for(partitions)
        with ExitStack() as stack:
            sources = input_sources(lake, partitions)
            scope, rest = scope_of_inputs(lake, partitions), rest_of_inputs(lake, partitions)
            derivation = stack.enter_context(
                derive_one(
                    table.name,
                    sources,
                    policy,
                    engine=engine,
                    scope=scope,
                    left_out_devices=left_out_devices(lake, day),
                    rest=rest,
                )
            )
            of_inputs = [inputs_of_one_policy(lake, day, partitions, policy)] if computed(partitions) else []
            if has_scope(partitions):
                of_inputs.append(inputs_of_one_scope(scope))
            if reads_rest_of_fleet(table.name):
                of_inputs.append(rest_of_fleet_is_known(rest))
            file_checks = _FileChecks(table, day, context, engine, derivation, self._checks, of_inputs, left_out)
            (partition,) = publish_rows(
                table,
                (day,),
                _closing_at_the_end(derivation.reader(), stack),
                lake=lake,
                metadata={
                    "observed_at": derivation.as_of.isoformat() if derivation.as_of else "",
                    "policy": policy.name,
                    "policy_digest": policy.digest,
                    **scope.facts(),
                },
                prove=file_checks,
            )
        facts: dict[str, Fact | None] = {
            "as of": derivation.as_of,
            "computed by": engine.name,
            "policy": f"{policy.name} ({policy.digest})",
            "absent inputs": ", ".join(derivation.absent) or None,
            "scope": scope.words,
            "left out by the scope": str(scope) or None,
            **headlines_in_words(table, file_checks.headline_numbers),
            **_shares(table, file_checks.headline_numbers),
            **{f"age of {name}": _in_words(age) for name, age in derivation.ages.items() if age >= timedelta(hours=1)},
        }
        return [partition.outcome({name: fact for name, fact in facts.items() if fact is not None})]


def _closing_at_the_end(rows: Iterable[pa.RecordBatch], stack: ExitStack) -> Iterator[pa.RecordBatch]:
    """The rows; then the session that computes them is closed. The checks have one of their own, and two at a time
    would take twice the memory that is allowed."""
    yield from rows
    stack.close()


@dataclass
class _FileChecks:
    """The checks of a finished file of a derived table, before readers see it; its headline numbers as well."""

    table: DerivedTable
    day: date
    context: RefreshContext
    engine: Engine
    derivation: Derivation
    checks: Sequence[TableCheck | PolicyCheck]
    of_inputs: Sequence[Check]
    left_out: Collection[str]
    headline_numbers: HeadlineNumbers = field(default_factory=dict)

    def __call__(self, writer: PartitionWriter) -> list[Check]:
        file = writer.finish()
        policy = self.context.policy
        with failures_of(self.table.name), in_one_session(self.engine) as engine:
            self.headline_numbers = headline_numbers(self.table.name, file, engine=engine)
            verdicts = [check.run(self._inputs(check, file), policy, engine=engine) for check in self.checks]
        return [
            *self.of_inputs,
            *verdicts,
            inputs_are_fresh(self.derivation.ages, policy.document.checks.freshness_hours),
        ]

    def _inputs(self, check: TableCheck | PolicyCheck, file: Path) -> Inputs:
        """The file for the table itself, which has no partition yet or an older one; of others the partition that the
        table was computed from."""
        others = set(check.inputs) - {self.table.name}
        optional = others & set(self.table.optional_inputs)
        days = input_days(
            self.context.lake, self.day, needed=others - optional, optional=optional, left_out=self.left_out
        )
        return {**input_sources(self.context.lake, days), self.table.name: file}


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


def _shares(table: DerivedTable, numbers: HeadlineNumbers) -> Mapping[str, float]:
    """Each headline number that has a denominator, in percent of it: the UI plots numbers, and no words."""
    shares: dict[str, float] = {}
    for headline in table.headlines:
        value, whole = numbers[headline.name], numbers.get(headline.of) if headline.of else None
        if value is not None and whole:
            shares[f"% {headline.name.replace('_', ' ')}"] = round(100 * value / whole, 2)
    return shares


def _in_words(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
