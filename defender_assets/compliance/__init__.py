"""What it means: policy, derived tables and checks; plain Python and SQL, tables in and tables out.

Here: ``Policy`` (YAML to small tables), ``derive`` and ``derive_one`` (one SQL file per table, on DuckDB),
``summarize`` (headline numbers) and ``checks``. Not here: HTTP, Dagster, or where tables are kept.
"""

from . import checks
from .engine import Derivation, Limits, Summary, computable, derive, derive_one, sql_of, summarize
from .errors import ComplianceError, DerivationFailed, InputMissing, PolicyError
from .inputs import Input, Inputs
from .policy import Policy

__all__ = [
    "ComplianceError",
    "Derivation",
    "DerivationFailed",
    "Input",
    "InputMissing",
    "Inputs",
    "Limits",
    "Policy",
    "PolicyError",
    "Summary",
    "checks",
    "computable",
    "derive",
    "derive_one",
    "sql_of",
    "summarize",
]
