"""What there is: every table, declared once. Everything else is derived from these declarations.

Here: pure data. Not here: fetching (``api/``), decoding (``decode/``), storing (``lake/``), judging (``compliance/``).
To add a dataset of the service, declare it in the module of its family; it is found there.
"""

from . import (
    actions,
    alerts,
    antivirus,
    assessments,
    baselines,
    browsers,
    devices,
    recommendations,
    scans,
    scores,
    software,
    vulnerabilities,
)
from .column import FLAG, REAL, TEXT, TIME, WHOLE, Column, snake_case
from .core import CORE_ROLES, comes_with_core_roles, is_core, is_indispensable
from .dataset import (
    CursorPages,
    Dataset,
    ExportFiles,
    FetchMode,
    ODataPages,
    OneAnswer,
    PerDevice,
    QuotaFamily,
)
from .derived import DERIVED, DerivedTable
from .reference import REFERENCE
from .table import EXTRA, OBSERVED_AT, Days, Group, Table

DATASETS: dict[str, Dataset] = {
    declared.name: declared
    for family in (
        devices,
        software,
        vulnerabilities,
        alerts,
        antivirus,
        assessments,
        recommendations,
        scores,
        actions,
        baselines,
        browsers,
        scans,
    )
    for declared in vars(family).values()
    if isinstance(declared, Dataset)
}
"""The datasets of the service, by name: every one that a module of a family declares, in that order."""

TABLES: dict[str, Table] = {**DATASETS, **REFERENCE, **DERIVED}
"""Every table of the lake, by name."""

EVENT_TABLES = frozenset(name for name, table in TABLES.items() if table.days is Days.EVENT)
"""The names of those whose partitions hold what happened on a day: all their days together are what there is."""

__all__ = [
    "CORE_ROLES",
    "DATASETS",
    "DERIVED",
    "EVENT_TABLES",
    "EXTRA",
    "FLAG",
    "OBSERVED_AT",
    "REAL",
    "REFERENCE",
    "TABLES",
    "TEXT",
    "TIME",
    "WHOLE",
    "Column",
    "CursorPages",
    "Dataset",
    "Days",
    "DerivedTable",
    "ExportFiles",
    "FetchMode",
    "Group",
    "ODataPages",
    "OneAnswer",
    "PerDevice",
    "QuotaFamily",
    "Table",
    "comes_with_core_roles",
    "is_core",
    "is_indispensable",
    "snake_case",
]
