"""A run over several tenants: whose tables are fetched when, and which tenant is not asked any more.

Here: the turns, and what is known of the run so far. Not here: one step of it (``tenants_of_step.py``), one tenant's
tables beside each other (``refresh/side_by_side.py``).
"""

import copy
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from ..api import LoginError, Unreachable
from ..errors import DefenderAssetsError
from ..refresh import PartitionOutcome, RefreshContext, TableRefresh, failures
from ..tenant import DEFAULT_TENANT

_TABLES_AT_A_TIME = 6
"""Tables that are fetched at the same time, of all tenants of a run together."""
_GONE_SECONDS = 60.0
"""Longer than the first pause of a step that is tried again (``RETRIES`` in ``assets.py``), once for all its tables."""


@dataclass
class TenantsOfRun:
    """What the steps of a run over several tenants have in common.

    Of several tenants, each has one table in progress until one of them had an answer. Where nobody answers, or the
    login is refused, no other table of the tenant is asked for, for a while: each would wait, and be told, the same,
    and the run would keep others waiting for an hour.
    """

    outcomes: dict[tuple[str, str], list[PartitionOutcome]] = field(default_factory=dict)
    """Of (tenant, table), what became of it in this run."""
    _slots: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(_TABLES_AT_A_TIME))
    _first: dict[str, threading.Lock] = field(default_factory=dict)
    _answered: set[str] = field(default_factory=set)
    _gone: dict[str, tuple[DefenderAssetsError, float]] = field(default_factory=dict)
    """Tenant -> what its last table was told, and when (monotonic seconds)."""

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
        error, since = self._gone.get(tenant, (None, 0.0))
        if error is not None and time.monotonic() - since < _GONE_SECONDS:
            return [PartitionOutcome.failed(table.name, day, _about(table.name, error)) for day in days]
        outcomes = table.refresh(days, context)
        told = next(iter(failures(outcomes)), None)
        if isinstance(told, LoginError) or (isinstance(told, Unreachable) and tenant not in self._answered):
            self._gone[tenant] = told, time.monotonic()
        elif any(outcome.is_made for outcome in outcomes):
            self._answered.add(tenant)
        return outcomes

    @contextmanager
    def _until_answered(self, table: TableRefresh, tenant: str) -> Iterator[None]:
        if not table.asks_the_service or tenant in self._answered:
            yield
            return
        with self._first.setdefault(tenant, threading.Lock()):
            yield


def _about(table: str, error: DefenderAssetsError) -> DefenderAssetsError:
    """The same, told of another table."""
    other = copy.copy(error)
    other.what, other.dataset = error.what.removeprefix(f"{error.dataset}: "), table
    other.what = f"{table}: {other.what}" if error.what != other.what else error.what
    other.args = (other.what,)
    return other
