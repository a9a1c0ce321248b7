"""The first rows of a partition, as the UI shows them beside its counts.

Here: which columns, how many rows, and how a value is written. Not here: which texts may be shown to everybody
(``Column.sampled``), the other facts of a partition (``metadata.py``).
"""

from datetime import date
from typing import Any

import dagster as dg
import pyarrow as pa

from ..catalog import Column, Table
from ..catalog.table import EXTRA, OBSERVED_AT
from ..lake import Lake, LakeError

_MOST_COLUMNS = 16
_LONGEST_TEXT = 80


def sample(lake: Lake, table: Table, day: date, rows: int) -> dg.TableMetadataValue | None:
    """The first ``rows`` of a day: numbers, times, booleans, and the texts that are marked as sampled; None where there
    are none."""
    columns = [column for column in table.all_columns if _is_shown(column)][:_MOST_COLUMNS]
    if not columns or not rows:
        return None
    try:
        first = next(lake.batches(table.name, day, [column.name for column in columns], rows), None)
    except LakeError:
        return None  # what is published is published; who reads it is told
    if first is None or not first.num_rows:
        return None
    records = [
        dg.TableRecord({name: _text(value) for name, value in row.items()}) for row in first.slice(0, rows).to_pylist()
    ]
    schema = dg.TableSchema([dg.TableColumn(column.name, "string") for column in columns])
    return dg.MetadataValue.table(records=records, schema=schema)


def _is_shown(column: Column) -> bool:
    if column.personal or pa.types.is_nested(column.arrow) or column.name in (EXTRA.name, OBSERVED_AT.name):
        return False
    return not pa.types.is_string(column.arrow) or column.sampled


def _text(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
