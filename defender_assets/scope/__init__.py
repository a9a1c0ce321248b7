"""Which part of a tenant the tables hold, where that is not all of it.

    scope = fleet_scope(Settings.load())
    inside = in_scope(machines, scope, as_of)

Here: what the settings ``DEFENDER_SCOPE_…`` mean, the rule that puts a device or a finding into the scope, and the
counts of what was left out. Not here: when rows are left out (``refresh/``), views over a part of a lake that holds all
(``queries/``), the scope of the token (``settings/``), the scopes of a policy (``compliance/policy``).
"""

from .fleet_scope import DEVICE_COLUMNS, SEVERITY_LEVELS, WHOLE_TENANT, FleetScope, fleet_scope
from .left_out import LeftOut, ScopeOfTables
from .rule import in_scope, severe_enough

__all__ = [
    "DEVICE_COLUMNS",
    "SEVERITY_LEVELS",
    "WHOLE_TENANT",
    "FleetScope",
    "LeftOut",
    "ScopeOfTables",
    "fleet_scope",
    "in_scope",
    "severe_enough",
]
