"""A run over several tenants: whose tables are fetched when.

Here: the turns, and what became of each table so far. Not here: which tenant is not asked any more
(``silent_tenants.py``), one step of the run (``tenants_of_step.py``), one tenant's tables beside each other
(``refresh/side_by_side.py``).
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from ..refresh import PartitionOutcome, RefreshContext, TableRefresh
from ..tenant import DEFAULT_TENANT
from .silent_tenants import SilentTenants

_TABLES_AT_A_TIME = 6
"""Tables that are fetched at the same time, of all tenants of a run together."""


@dataclass
class TenantsOfRun:
    """What the steps of a run over several tenants have in common.

    Of several tenants, each has one table in progress until one of them had an answer.
    """

    outcomes: dict[tuple[str, str], list[PartitionOutcome]] = field(default_factory=dict)
    """Of (tenant, table), what became of it in this run."""
    _slots: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(_TABLES_AT_A_TIME))
    _first: dict[str, threading.Lock] = field(default_factory=dict)
    _silent: SilentTenants = field(default_factory=SilentTenants)

    def of(self, tenant: str) -> dict[str, list[PartitionOutcome]]:
        """Table -> what became of it in this run."""
        return {table: outcomes for (name, table), outcomes in list(self.outcomes.items()) if name == tenant}

    def note(self, tenant: str, table: str, outcomes: Sequence[PartitionOutcome]) -> None:
        """Notes what became of a tenant's table."""
        self.outcomes[tenant, table] = list(outcomes)

    def __call__(self, table: TableRefresh, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """The outcomes of a table that is fetched, when its turn has come."""
        tenant = context.lake.tenant or DEFAULT_TENANT
        with self._until_answered(table, tenant), self._slots:
            return self.unless_gone(table, days, context)

    def unless_gone(self, table: TableRefresh, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """The outcomes of a table, at once."""
        tenant = context.lake.tenant or DEFAULT_TENANT
        if not table.asks_the_service:
            return table.refresh(days, context)
        if (known := self._silent.instead_of_asking(tenant, table.name, days)) is not None:
            return known
        outcomes = table.refresh(days, context)
        self._silent.note(tenant, outcomes)
        return outcomes

    @contextmanager
    def _until_answered(self, table: TableRefresh, tenant: str) -> Iterator[None]:
        if not table.asks_the_service or self._silent.has_answered(tenant):
            yield
            return
        with self._first.setdefault(tenant, threading.Lock()):
            yield
