"""The derived tables, declared: what is computed from the day's inputs, in the order in which it can be.

Here: columns, inputs, headline numbers. Not here: how they are computed (``compliance/tables``).
"""

from .agents import AGENT_COMPLIANCE, POLICY_COMPLIANCE
from .fleet import FLEET_SUMMARY
from .identity import DEVICE_IDENTITY, POPULATIONS
from .inventory import APPLICATIONS, DEVICES, ENDPOINT_STATUS, USERS
from .patches import PATCH_COMPLIANCE, PATCH_FINDINGS, REMEDIATION_TIMES, SOFTWARE_EXPOSURE, STATES
from .table import DerivedTable, Headline

DERIVED: dict[str, DerivedTable] = {
    table.name: table
    for table in (
        DEVICE_IDENTITY,
        PATCH_FINDINGS,
        PATCH_COMPLIANCE,
        AGENT_COMPLIANCE,
        POLICY_COMPLIANCE,
        SOFTWARE_EXPOSURE,
        ENDPOINT_STATUS,
        REMEDIATION_TIMES,
        FLEET_SUMMARY,
        DEVICES,
        USERS,
        APPLICATIONS,
    )
}
"""The derived tables by name, each after the derived tables it needs."""

__all__ = ["DERIVED", "POPULATIONS", "STATES", "DerivedTable", "Headline"]
