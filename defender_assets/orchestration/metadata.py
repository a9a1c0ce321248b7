"""What the Dagster UI is told about a table: schema, types, tags; and about a refresh: counts, ages, links.

Here: translation of catalog and results into Dagster's metadata. Not here: counting anything.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from ..catalog import Column, Dataset, Table
from ..catalog.page import type_name

OWNERS = ["team:security-data"]


def column_schema(table: Table) -> dg.TableSchema:
    """Columns with types, descriptions, uniqueness and the personal tag, as the UI shows them."""

    def shown(column: Column) -> dg.TableColumn:
        only_key = table.key == (column.name,)
        return dg.TableColumn(
            name=column.name,
            type=type_name(column.arrow),
            description=column.description,
            constraints=dg.TableColumnConstraints(nullable=column.name not in table.key, unique=only_key),
            tags={"personal": ""} if column.personal else {},
        )

    return dg.TableSchema(columns=[shown(column) for column in table.all_columns])


def definition_metadata(table: Table) -> dict[str, Any]:
    """Constants of a table, attached to its definition."""
    facts: dict[str, Any] = {
        "dagster/column_schema": column_schema(table),
        "dagster/table_name": table.name,
        "key": ", ".join(table.key),
    }
    if isinstance(table, Dataset):
        facts |= {
            "permission": table.permission,
            "documentation": dg.MetadataValue.url(table.documentation),
            "asked in": table.fetch_in_words,
            "quota": f"{table.quota.per_minute}/min, {table.quota.per_hour:,}/h"
            + ("" if table.quota.documented else " (assumed)"),
        }
    return facts


def definition_tags(table: Table) -> dict[str, str]:
    """Tags for filtering the graph."""
    tags = {"days": table.days.value}
    if isinstance(table, Dataset):
        tags |= {"permission": table.permission, "quota": table.quota.name}
    return tags


def observed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Observations of one refresh as metadata values; what is None is left out."""
    told: dict[str, Any] = {}
    for name, value in values.items():
        if value is None:
            continue
        told[name] = dg.MetadataValue.timestamp(value) if isinstance(value, datetime) else value
    return told
