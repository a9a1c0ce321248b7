"""The shape of the simulated tenant: how many devices, from which seed, as of when.

Here: the few values that determine everything else. Not here: the data themselves (the other modules).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

TENANT_ID = "c6a1f0de-2f5e-4b43-8a53-9b3b1e9f7a11"
CLIENT_ID = "5f0c2b7d-9a3e-4d61-8c47-1e2f3a4b5c6d"
MOST_DEVICES = 1_000_000


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class TenantShape:
    """The same shape gives the same tenant, member for member.

    ``as_of`` is the tenant's present: last reports, alerts and assessments lie before it.
    ``alerts`` is their number over the last 180 days (by default one per three devices, at least 60).
    ``security_update_available`` tells whether export files carry that member; both were observed.
    ``as_documented`` leaves out what the real service does but does not document: additional members, and changes of
    devices that have left.
    """

    machines: int = 200
    seed: int = 7
    as_of: datetime = field(default_factory=_now)
    alerts: int | None = None
    security_update_available: bool = True
    as_documented: bool = False
    tenant_id: str = TENANT_ID
    client_id: str = CLIENT_ID

    def __post_init__(self) -> None:
        if not 1 <= self.machines <= MOST_DEVICES:
            raise ValueError(f"machines must lie between 1 and {MOST_DEVICES:,}, not {self.machines}")
        if self.as_of.tzinfo is None:
            raise ValueError("as_of needs a time zone")
        object.__setattr__(self, "as_of", self.as_of.astimezone(UTC).replace(microsecond=0))

    @property
    def alert_count(self) -> int:
        return max(60, self.machines // 3) if self.alerts is None else self.alerts
