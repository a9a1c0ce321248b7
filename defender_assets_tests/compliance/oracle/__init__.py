"""The contract once more, in plain Python: row by row, without SQL, for tenants small enough to loop over.

It shares nothing with the package but the names of columns. It is written from the wording of the contract for the
policy that ships; where it and the package differ, one of them has misread it.
"""

from .agents import agent_compliance
from .coverage import coverage
from .identity import device_identity
from .patches import KEY, patch_compliance, patch_findings
from .software import missing_updates, software_versions

__all__ = [
    "KEY",
    "agent_compliance",
    "coverage",
    "device_identity",
    "missing_updates",
    "patch_compliance",
    "patch_findings",
    "software_versions",
]
