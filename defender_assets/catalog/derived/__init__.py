"""The derived tables, declared: what is computed from the day's inputs, in the order in which it can be.

Here: columns, inputs, headline numbers. Not here: how they are computed (``compliance/tables``).
"""

from . import (
    agents,
    coverage,
    endpoints,
    exposure,
    fleet,
    identity,
    inventory,
    patches,
    reasons,
    remediation,
    support,
    updates,
    versions,
)
from .identity import POPULATIONS
from .patches import STATES
from .table import DerivedTable, Headline

DERIVED: dict[str, DerivedTable] = {
    declared.name: declared
    for topic in (
        identity,
        patches,
        agents,
        reasons,
        exposure,
        updates,
        support,
        versions,
        coverage,
        endpoints,
        remediation,
        fleet,
        inventory,
    )
    for declared in vars(topic).values()
    if isinstance(declared, DerivedTable)
}
"""The derived tables by name: every one that a module declares, each after those it needs."""

__all__ = ["DERIVED", "POPULATIONS", "STATES", "DerivedTable", "Headline"]
