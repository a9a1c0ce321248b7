"""Compliance: policy, derived tables and checks, in plain Python and SQL; tables in, tables out.

Here: ``Policy`` (YAML to small tables), ``derive_one`` (one SQL file per table), ``headline_numbers``, the checks of
derived tables, and the engine that runs the SQL. Not here: HTTP, Dagster, or where tables are kept.
"""

from .derivation import Derivation, derive_one
from .engine import Engine, Limits, engine_of
from .errors import (
    ComplianceError,
    DerivationFailed,
    EngineError,
    InputMissing,
    PolicyError,
    PolicyNotFound,
    PolicyRemark,
)
from .headline_numbers import HeadlineNumbers, headline_numbers
from .inputs import Input, Inputs
from .policy import Policy
from .policy_checks import PolicyCheck
from .rest_of_fleet import RestOfFleet, reads_rest_of_fleet, rest_in, rest_of_av_health, rest_of_machines
from .sql_files import check_sql, headline_sql, table_sql
from .table_checks import TABLE_CHECKS, TableCheck, inputs_are_fresh
from .tenant_policy import policy_of

__all__ = [
    "TABLE_CHECKS",
    "ComplianceError",
    "Derivation",
    "DerivationFailed",
    "Engine",
    "EngineError",
    "HeadlineNumbers",
    "Input",
    "InputMissing",
    "Inputs",
    "Limits",
    "Policy",
    "PolicyCheck",
    "PolicyError",
    "PolicyNotFound",
    "PolicyRemark",
    "RestOfFleet",
    "TableCheck",
    "check_sql",
    "derive_one",
    "engine_of",
    "headline_numbers",
    "headline_sql",
    "inputs_are_fresh",
    "policy_of",
    "reads_rest_of_fleet",
    "rest_in",
    "rest_of_av_health",
    "rest_of_machines",
    "table_sql",
]
