"""Configuration: the controls that most devices fail.

Here: counts over eligible devices to which a control applies. Not here: which are required (the policy says).
"""

from dataclasses import dataclass

from ..snapshot import DaySnapshot
from ..words import share
from .listing import Listing

CONTROLS = 20


@dataclass(frozen=True)
class FailedControl:
    """A control, the devices that fail it, and those to which it applies (None where that table is gone)."""

    configuration_id: str
    configuration_name: str | None
    configuration_category: str | None
    configuration_impact: float | None
    failed_devices: int
    applicable_devices: int | None
    is_required: bool

    @property
    def pct(self) -> float | None:
        return share(self.failed_devices, self.applicable_devices)


def failed_controls(snapshot: DaySnapshot) -> Listing[FailedControl]:
    """Required ones first, then those that most devices fail."""
    found = snapshot.all(
        FailedControl,
        f"""
        WITH judged AS (
          SELECT device_id, failed_control_ids, failed_required_control_ids
          FROM policy_compliance WHERE population = 'eligible'
        ),
        failed AS (
          SELECT configuration_id, count(*) AS failed_devices
          FROM (
            SELECT unnest(failed_control_ids) AS configuration_id FROM judged
          ) GROUP BY configuration_id
        ),
        required AS (
          SELECT DISTINCT unnest(failed_required_control_ids) AS configuration_id FROM judged
        ),
        applicable AS (
          SELECT c.configuration_id, count(DISTINCT c.device_id) AS applicable_devices,
            max(c.configuration_name) AS configuration_name,
            max(c.configuration_category) AS configuration_category,
            max(c.configuration_impact) AS configuration_impact
          FROM secure_configuration AS c
          INNER JOIN judged AS j ON j.device_id = c.device_id
          WHERE c.is_applicable
          GROUP BY c.configuration_id
        )
        SELECT f.configuration_id, f.failed_devices, r.configuration_id IS NOT NULL AS is_required,
          a.applicable_devices, a.configuration_name, a.configuration_category, a.configuration_impact
        FROM failed AS f
        LEFT JOIN required AS r ON r.configuration_id = f.configuration_id
        LEFT JOIN applicable AS a ON a.configuration_id = f.configuration_id
        ORDER BY is_required DESC, f.failed_devices DESC, f.configuration_id
        LIMIT {CONTROLS}
        """,
    )
    total = snapshot.value(
        "SELECT count(DISTINCT id) FROM (SELECT unnest(failed_control_ids) AS id FROM policy_compliance "
        "WHERE population = 'eligible')"
    )
    sql = f"""
        SELECT id, count(*) AS devices FROM (SELECT unnest(failed_control_ids) AS id FROM policy_compliance_history
        WHERE snapshot_date = '{snapshot.day}' AND population = 'eligible') GROUP BY 1 ORDER BY 2 DESC
    """
    return Listing(found, int(str(total)), sql)
