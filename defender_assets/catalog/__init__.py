"""What there is: every table, declared once. Everything else is derived from these declarations.

Here: pure data. Not here: asking (``api``), decoding (``decode``), storing (``lake``), judging (``compliance``).
To add a dataset of the service, declare it in the module of its family and list it in ``_DATASETS``.
"""

from .alerts import ALERTS
from .column import FLAG, REAL, TEXT, TIME, WHOLE, Column, snake_case
from .dataset import (
    QUOTA_FAMILIES,
    CursorPages,
    Dataset,
    ExportFiles,
    FetchMode,
    ODataPages,
    PerDevice,
    QuotaFamily,
)
from .derived import DERIVED, DerivedTable
from .devices import AV_HEALTH, MACHINE_USERS, MACHINES
from .reference import REFERENCE
from .software import SOFTWARE, SOFTWARE_INVENTORY
from .table import EXTRA, OBSERVED_AT, Days, Group, Table
from .vulnerabilities import (
    SECURE_CONFIGURATION,
    SOFTWARE_VULNERABILITIES,
    SOFTWARE_VULNERABILITY_CHANGES,
    VULNERABILITIES,
)

_DATASETS = (
    MACHINES,
    MACHINE_USERS,
    SOFTWARE,
    SOFTWARE_INVENTORY,
    VULNERABILITIES,
    SOFTWARE_VULNERABILITIES,
    SOFTWARE_VULNERABILITY_CHANGES,
    SECURE_CONFIGURATION,
    ALERTS,
    AV_HEALTH,
)

DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in _DATASETS}
"""The datasets of the service, by name."""

TABLES: dict[str, Table] = {**DATASETS, **REFERENCE, **DERIVED}
"""Every table of the lake, by name."""

__all__ = [
    "DATASETS",
    "DERIVED",
    "EXTRA",
    "FLAG",
    "OBSERVED_AT",
    "QUOTA_FAMILIES",
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
    "PerDevice",
    "QuotaFamily",
    "Table",
    "snake_case",
]
