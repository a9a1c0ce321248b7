"""One asset per derived table, made by a factory over the catalog.

Here: which partitions of its inputs a day is made from, and what is told about the result. Not here: what the tables
mean (``compliance``), when they are made (``automation.py``).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg

from ..catalog import DATASETS, Days
from ..catalog.derived import DerivedTable
from ..checks import Check, Severity, collapsed
from ..compliance import (
    CHECKS,
    Engine,
    HeadlineNumbers,
    InputMissing,
    Inputs,
    Policy,
    derive_one,
    engine_of,
    headline_numbers,
    inputs_are_fresh,
)
from ..lake import Lake
from ..refresh import Progress, tell
from ..settings import Settings
from .automation.conditions import automation_condition
from .failures import told_as_failure
from .metadata import OWNERS, definition_metadata, definition_tags, observed
from .partitions import key_of, single_run_backfills, snapshot_of
from .resources import ParquetLake

LAG = timedelta(days=14)
"""An optional input of which the day has no partition is taken from the newest day before it, up to this far back."""


def derived_asset(table: DerivedTable, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The asset of a derived table. Its step computes the day from what is in the lake; it asks the service nothing."""
    with single_run_backfills() as one_run:

        @dg.asset(
            name=table.name,
            description=table.description,
            group_name=table.group.value,
            partitions_def=partitions,
            deps=[*table.inputs, *table.optional_inputs],
            backfill_policy=one_run,
            automation_condition=automation_condition(table),
            kinds={"duckdb", "parquet"},
            owners=OWNERS,
            tags=definition_tags(table),
            metadata=definition_metadata(table),
            output_required=False,
            check_specs=[
                dg.AssetCheckSpec(name, asset=table.name, description=words) for name, words in _checks_of(table)
            ],
        )
        def derived(
            context: dg.AssetExecutionContext, lake: ParquetLake
        ) -> Iterator[dg.MaterializeResult | dg.AssetMaterialization]:
            snapshot = snapshot_of(context)
            there = lake.lake(snapshot.tenant)
            made: dict[date, Made] = {}
            missing: list[InputMissing] = []
            with told_as_failure(context):
                settings = Settings.load()
                policy, engine = policy_of(settings), engine_of(settings)
                for day in snapshot.dates:
                    try:
                        made[day] = derive_day(table, there, day, policy, engine)
                    except InputMissing as absent:
                        missing.append(absent)
                    tell(Progress(table.name, len(made) + len(missing), len(snapshot.dates), "days"))
                if missing and not made:
                    raise missing[0]
            if missing:
                # Some days of a range have no inputs: those that have are published and said to be, then it fails.
                for day, done in made.items():
                    key = key_of(snapshot.tenant, day)
                    yield dg.AssetMaterialization(table.name, partition=key, metadata=done.facts)
                raise dg.Failure(
                    f"{table.name}: {len(made)} days were computed; {len(missing)} days lack inputs: {missing[0]}",
                    allow_retries=False,
                )
            if len(made) > 1:
                for day, done in made.items():
                    context.add_asset_metadata(
                        done.facts, asset_key=table.name, partition_key=key_of(snapshot.tenant, day)
                    )
            yield dg.MaterializeResult(
                metadata=made[snapshot.dates[-1]].facts, check_results=list(_verdicts(table, made))
            )

    return derived


def policy_of(settings: Settings) -> Policy:
    """The policy of the settings: a file, a preset by name, or the one that ships."""
    return Policy.load(settings.policy or "default")


def inputs_of(table: DerivedTable, lake: Lake, day: date) -> Inputs:
    """Where the day's inputs lie: needed ones of that very day, optional ones of the newest day up to it."""
    found: dict[str, str | list[str] | None] = {}
    for name in (*table.inputs, *table.optional_inputs):
        if name in DATASETS and DATASETS[name].days is Days.EVENT:
            days = [day - timedelta(days=back) for back in range(table.window_days)]
            found[name] = [path for path in (lake.input(name, past) for past in reversed(days)) if path]
        else:
            found[name] = lake.input(name, day)
        if not found[name] and name in table.optional_inputs:
            former = [known for known in lake.dates(name) if day - LAG <= known < day]
            found[name] = lake.input(name, former[-1]) if former else None
    return found


@dataclass(frozen=True)
class Made:
    """What is to be told about one day: metadata, and the verdict of each check."""

    facts: dict
    verdicts: dict[str, Check]


_FRESH = "inputs_are_fresh"


def _checks_of(table: DerivedTable) -> list[tuple[str, str]]:
    """Name and description of each check on the table."""
    fresh = (_FRESH, "No input is older than the policy's limit for it.")
    return [*((check.name, check.description) for check in CHECKS if check.table == table.name), fresh]


def _verdicts(table: DerivedTable, made: dict[date, Made]) -> Iterator[dg.AssetCheckResult]:
    """One verdict per check over all days: the first day that failed, else the last."""
    for name, _ in _checks_of(table):
        told = collapsed(done.verdicts[name] for done in made.values())
        yield dg.AssetCheckResult(
            check_name=name,
            passed=told.passed,
            description=told.message,
            severity=dg.AssetCheckSeverity.ERROR if told.severity is Severity.ERROR else dg.AssetCheckSeverity.WARN,
            metadata=dict(told.numbers),
        )


def derive_day(table: DerivedTable, lake: Lake, day: date, policy: Policy, engine: Engine) -> Made:
    """Computes and publishes one day; what is to be told about it. Raises ComplianceError, LakeError."""
    started = time.monotonic()
    with derive_one(table.name, inputs_of(table, lake, day), policy, engine=engine) as result:
        metadata = {
            "observed_at": result.as_of.isoformat() if result.as_of else "",
            "policy": policy.name,
            "policy_digest": policy.digest,
        }
        with lake.writing(table, day, metadata) as writer:
            for batch in result.reader():
                writer.write(batch)
            published = writer.publish()
    numbers = headline_numbers(table.name, lake.input(table.name, day), engine=engine)
    verdicts = {
        check.name: check.run({name: lake.input(name, day) for name in check.inputs}, policy, engine=engine)
        for check in CHECKS
        if check.table == table.name
    }
    verdicts[_FRESH] = inputs_are_fresh(result.ages, policy.document.checks.freshness_hours)
    facts = observed(
        {
            "dagster/row_count": published.rows,
            "dagster/partition_row_count": published.rows,
            "dagster/uri": published.uri,
            "as of": result.as_of,
            "policy": f"{policy.name} ({policy.digest})",
            "seconds": round(time.monotonic() - started, 2),
            "absent inputs": ", ".join(result.absent) or None,
            **headlines_in_words(table, numbers),
            **{f"age of {name}": _in_words(age) for name, age in result.ages.items() if age >= timedelta(hours=1)},
        }
    )
    return Made(facts, verdicts)


def headlines_in_words(table: DerivedTable, numbers: HeadlineNumbers) -> dict[str, object]:
    """Each number with its denominator: ``41 of 50 eligible (82.0 %)``."""
    told: dict[str, object] = {}
    for headline in table.headlines:
        value = numbers[headline.name]
        if value is None:
            continue
        name = headline.name.replace("_", " ")
        whole = numbers.get(headline.of) if headline.of else None
        if whole:
            told[name] = f"{value:,} of {whole:,} {str(headline.of).replace('_', ' ')} ({100 * value / whole:.1f} %)"
        else:
            told[name] = value
    return told


def _in_words(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
