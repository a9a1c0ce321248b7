"""What it means: policy, derived tables and checks; plain Python and SQL, tables in and tables out.

Here: ``Policy`` (YAML to small tables), ``derive_one`` (one SQL file per table), ``summarize`` (headline numbers),
``checks``, and the engine that runs the SQL. Not here: HTTP, Dagster, or where tables are kept.
"""

from . import checks
from .derivation import Derivation, Summary, derive_one, sql_of, summarize
from .engine import Engine, EngineError, Limits, engine_of
from .errors import ComplianceError, DerivationFailed, InputMissing, PolicyError
from .inputs import Input, Inputs
from .policy import Policy

__all__ = [
    "ComplianceError",
    "Derivation",
    "DerivationFailed",
    "Engine",
    "EngineError",
    "Input",
    "InputMissing",
    "Inputs",
    "Limits",
    "Policy",
    "PolicyError",
    "Summary",
    "checks",
    "derive_one",
    "engine_of",
    "sql_of",
    "summarize",
]
