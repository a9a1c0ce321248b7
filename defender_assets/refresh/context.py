"""What a refresh works with: the lake of one tenant, the settings, and how to reach the service.

Here: the value that is passed to every refresh. Not here: opening clients and reading settings (``api/``,
``settings/``), which is up to the caller (``orchestration/``, ``demo/``).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

from ..api import DefenderClient
from ..compliance import Policy, policy_of
from ..compliance.engine import Engine, engine_of, may_be_spark
from ..lake import Lake
from ..lake.scoped_fleet import ScopedFleet
from ..report import Partitions
from ..settings import Settings


def no_certificates() -> Path | None:
    """No extra certificates are trusted."""
    return None


@dataclass(frozen=True)
class RefreshContext:
    """``today`` is the UTC day that the refresh belongs to, even if it ends after midnight. ``client`` returns the
    tenant's client, which logs in when it is first used, so that computed tables need no credentials. ``ca_bundle``
    returns the file of extra certificates to trust for public feeds. ``now`` replaces the clock in tests and for the
    past days of a demonstration."""

    lake: Lake
    settings: Settings
    today: date
    client: Callable[[], DefenderClient]
    ca_bundle: Callable[[], Path | None] = no_certificates
    now: datetime | None = None
    fleet_lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)
    """Held while the machine list is read, which says what is in the scope (``dataset/scoped_rows.py``)."""
    fleets: list[ScopedFleet] = field(default_factory=list, repr=False, compare=False)
    """The devices in the scope, once they are known, for all tables of the refresh."""

    @cached_property
    def policy(self) -> Policy:
        """The policy of the tenant: a file, a preset by name, or the one that ships. Raises PolicyError."""
        return policy_of(self.settings, self.lake.tenant)

    @cached_property
    def engine(self) -> Engine:
        """The engine that computes in this process, within the limits of the settings."""
        return engine_of(self.settings)

    def engine_for(self, partitions: Partitions) -> Engine:
        """The engine for what is made from these partitions, by the rows that they hold: Spark for much, where the
        settings say so. Raises LakeError, SettingsError, EngineError."""
        if not may_be_spark(self.settings):
            return self.engine
        rows = 0
        for table, days in partitions.items():
            parts = [part for part in self.lake.parts(table, min(days), max(days)) if part.date in days] if days else []
            self.lake.storage.fetch_together(parts)
            rows += sum(self.lake.part_facts(part)[0] for part in parts)
        return engine_of(self.settings, lake=self.lake.root, rows=rows)

    def moment(self) -> datetime:
        """Now, in UTC."""
        return self.now or datetime.now(UTC)
