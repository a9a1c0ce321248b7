"""Fleet summaries of several tenants, as a refresh leaves them in a lake.

Here: one row of numbers that add up. Not here: computing them (``fleet.py``).
"""

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from defender_assets.catalog.derived.fleet import FLEET_SUMMARY
from defender_assets.lake import Lake

from .fleet import DAY

_KNOWN: dict[str, Any] = {
    "policy": "default",
    "policy_digest": "0123456789abcdef",
    "machines": 120,
    "eligible": 100,
    "patch_compliant_devices": 90,
    "patch_noncompliant_devices": 8,
    "patch_unknown_devices": 2,
    "agent_compliant_devices": 50,
    "agent_noncompliant_devices": 50,
    "policy_compliant_devices": 10,
    "policy_noncompliant_devices": 90,
    "compliant_devices": 10,
    "noncompliant_devices": 90,
    "known_devices": 200,
    "protected_devices": 100,
    "open_findings": 1000,
    "overdue_findings": 100,
    "overdue_critical": 5,
    "overdue_high": 10,
    "undecided_findings": 0,
    "kev_findings": 40,
    "kev_devices": 20,
    "kev_overdue_findings": 4,
    "absent_inputs": None,
    "agent_newest_inferred": ["agent_windows", "av_engine"],
}


def judged(root: str, tenant: str, day: date = DAY, **numbers: Any) -> None:
    """A tenant's fleet summary of a day."""
    as_of = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    row = dict.fromkeys(FLEET_SUMMARY.schema.names) | {"as_of": as_of} | _KNOWN | numbers
    with Lake(root, tenant).writing(FLEET_SUMMARY, day, {}) as partition:
        partition.write(pa.Table.from_pylist([row], FLEET_SUMMARY.schema))
        partition.publish()
