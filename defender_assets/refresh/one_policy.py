"""Whether the tables that a day of a derived table is made from were judged by the policy that judges it.

Here: the check, from what the files of the partitions say of themselves. Not here: which tables are recomputed after a
change of the policy (``orchestration/jobs.py``), the same question for the report (``report/caveats.py``).
"""

from collections.abc import Iterable
from datetime import date

from ..catalog import DERIVED
from ..checks import Check, Severity
from ..compliance import Policy
from ..lake import Lake
from ..report import Partitions
from ..sanitize import redacted

INPUTS_OF_ONE_POLICY = "inputs_of_one_policy"


def computed(tables: Iterable[str]) -> list[str]:
    """Those of the tables that a policy decides."""
    return [name for name in tables if name in DERIVED]


def inputs_of_one_policy(lake: Lake, day: date, partitions: Partitions, policy: Policy) -> Check:
    """Every computed input was judged by this policy. What a file does not say counts as another policy: another
    program wrote it. Raises NoSnapshot, UnreadableSnapshot."""
    others = []
    for name in computed(partitions):
        for of in partitions[name]:
            facts = lake.metadata(name, of)
            digest = facts.get("policy_digest", "")
            if digest != policy.digest:
                judge = f"{redacted(facts.get('policy') or 'not known')}, {redacted(digest) or 'no digest'}"
                others.append(f"{name} ({judge})")
    if not others:
        message = f"what this is made from was judged by the same policy, {redacted(policy.name)} ({policy.digest})"
    else:
        message = (
            f"made from tables of {day} that another policy judged: {', '.join(others)}; this one is judged by "
            f"{redacted(policy.name)}, {policy.digest}. Compute the day again: defender-assets refresh --select "
            f"tag:days=derived --date {day}"
        )
    return Check(INPUTS_OF_ONE_POLICY, not others, message, Severity.ERROR, {"tables": len(others)})
