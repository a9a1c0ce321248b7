"""Whether a policy fits the fleet in the lake: names in it that match nothing, on the newest day.

Here: which partitions are looked at. Not here: the checks (``compliance/policy_checks.py``), which run with every
refresh of the tables too.
"""

from datetime import date

from ..compliance import Policy
from ..compliance.engine import Engine
from ..compliance.errors import PolicyRemark
from ..compliance.policy_checks import EXEMPTIONS_ARE_CURRENT, POLICY_CHECKS
from ..lake import Lake
from .inputs import input_days, input_sources


def fit(lake: Lake, policy: Policy, *, engine: Engine) -> tuple[date | None, list[PolicyRemark]]:
    """(the day, what to look at). No day: the lake holds no devices. Checks whose tables the day lacks are left out.
    Raises LakeError, DerivationFailed."""
    day = lake.newest("device_identity")
    if day is None:
        return None, []
    remarks: list[PolicyRemark] = []
    for check in POLICY_CHECKS:
        if check.name == EXEMPTIONS_ARE_CURRENT:
            # That is a question of the calendar's today.
            continue
        days = input_days(lake, day, needed=check.inputs, optional=())
        if all(days.values()):
            remarks += check.remarks(input_sources(lake, days), policy, engine=engine)
    return day, remarks
