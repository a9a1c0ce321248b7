"""What the Dagster UI shows: of a table its schema and facts, of a refresh its counts, ages and links.

Here: translation of declarations and outcomes into Dagster's metadata. Not here: counting anything (``refresh/``).
"""

from __future__ import annotations  # dagster.RawMetadataValue is a type that only a type checker sees

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import dagster as dg

from ..catalog import DERIVED, Column, Table
from ..catalog.page import type_name
from ..checks import Check, Severity
from ..compliance.lineage import column_origins, copied_columns
from ..refresh import Fact, FilePath, Link, Markdown, PartitionOutcome, TableRefresh

LEFT_OUT = "left out"
"""The metadata that says why a table is done without."""
UNCHANGED = "left as it was"
"""The metadata that says why a past day was not captured anew."""
MISSED = "not captured"
"""The metadata that says why a past day has no partition."""
SAMPLE = "sample of rows"
LINEAGE = "dagster/column_lineage"
"""Dagster's name for it; its UI looks for it on the newest materialization alone."""
_MOST_ORIGINS = 4
OWNERS = ["team:security-data"]


def column_schema(table: Table) -> dg.TableSchema:
    """Columns with types, descriptions, uniqueness and the personal tag, as the UI shows them; the members of an object
    after it (``evidence.entity_type``)."""
    derived = table.name in DERIVED
    origins, copied = (column_origins(table.name), copied_columns(table.name)) if derived else ({}, frozenset())

    def table_column(column: Column, prefix: str) -> dg.TableColumn:
        in_key = not prefix and column.name in table.key
        told = "" if prefix else _from(origins.get(column.name, ()), column.name in copied)
        return dg.TableColumn(
            name=prefix + column.name,
            type=type_name(column.arrow),
            description=column.description + told,
            constraints=dg.TableColumnConstraints(nullable=not in_key, unique=in_key and len(table.key) == 1),
            tags={"personal": ""} if column.personal else {},
        )

    def with_members(column: Column, prefix: str = "") -> Iterator[dg.TableColumn]:
        yield table_column(column, prefix)
        for member in column.all_members:
            yield from with_members(member, f"{prefix}{column.name}.")

    return dg.TableSchema(columns=[each for column in table.all_columns for each in with_members(column)])


def has_personal_data(table: Table) -> bool:
    """Whether a column, or a member of an object, identifies a person."""

    def is_personal(column: Column) -> bool:
        return column.personal or any(map(is_personal, column.all_members))

    return any(map(is_personal, table.all_columns))


def _from(origins: Sequence[tuple[str, str]], is_copied: bool) -> str:
    """Where a derived table's column is from, as the end of its description: what Dagster is told as lineage, the open
    source UI does not show. What a computed column reads by joins and conditions is not among its origins."""
    names = [f"{origin}.{name}" for origin, name in origins]
    more = f" and {len(names) - _MOST_ORIGINS} more" if len(names) > _MOST_ORIGINS else ""
    if not names:
        return ""
    how = "From" if is_copied else "Reads, among others,"
    return f" {how} {', '.join(names[:_MOST_ORIGINS])}{more}."


def column_lineage(table: str) -> dg.TableColumnLineage | None:
    """From which columns of its inputs the columns of a derived table are made; None where that is not known."""
    deps = {
        column: [dg.TableColumnDep(asset_key=origin, column_name=name) for origin, name in origins]
        for column, origins in (column_origins(table).items() if table in DERIVED else ())
    }
    return dg.TableColumnLineage(deps) if deps else None


def definition_metadata(source: TableRefresh) -> dict[str, dg.RawMetadataValue]:
    """Facts that hold for every partition of a table, attached to its definition."""
    facts = metadata_values(source.definition_facts())
    if source.table is None:
        return facts
    return {
        "dagster/column_schema": column_schema(source.table),
        "dagster/table_name": source.name,
        "unique key": ", ".join(source.table.key),
    } | facts


def partition_metadata(outcome: PartitionOutcome) -> dict[str, dg.RawMetadataValue]:
    """The metadata of one refresh of a partition."""
    counts: dict[str, dg.RawMetadataValue] = {}
    if outcome.rows is not None:
        counts["dagster/partition_row_count"] = outcome.rows
    if outcome.uri is not None:
        counts["dagster/uri"] = outcome.uri
    if outcome.bytes is not None:
        counts["bytes written"] = outcome.bytes
    return counts | metadata_values(outcome.facts)


def metadata_values(facts: Mapping[str, Fact]) -> dict[str, dg.RawMetadataValue]:
    """Facts as Dagster renders them."""
    return {name: _value(fact) for name, fact in facts.items()}


def _value(fact: Fact) -> dg.RawMetadataValue:
    match fact:
        case datetime():
            return dg.MetadataValue.timestamp(fact)
        case Markdown():
            return dg.MetadataValue.md(str(fact))
        case FilePath():
            return dg.MetadataValue.path(str(fact))
        case Link():
            return dg.MetadataValue.url(str(fact))
        case _:
            return fact


def check_result(check: Check) -> dg.AssetCheckResult:
    """A check as Dagster shows it. A blocking one that failed has already kept the rows from being published."""
    severity = dg.AssetCheckSeverity.WARN if check.severity is Severity.WARNING else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        check_name=check.name,
        passed=check.passed,
        description=check.message,
        severity=severity,
        metadata=dict(check.numbers),
    )
