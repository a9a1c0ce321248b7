"""Tenants of a run that are not asked any more for a while, because nobody answers or their login is refused.

Here: what each was told last, and the same told of its other tables. Not here: whose tables are fetched when
(``tenants_of_run.py``), which tenants a tick passes over (``automation/pauses.py``).

Where nobody answers, or the login is refused, each table of the tenant would wait, and be told, the same; and the run
would keep others waiting for an hour.
"""

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from ..api import LoginError, Unreachable
from ..errors import DefenderAssetsError
from ..refresh import PartitionOutcome, failures

SECONDS_NOT_ASKED = 60
"""A step that is tried again (``RETRIES`` in ``assets.py``) comes after it, and asks."""


@dataclass
class SilentTenants:
    """Which tenants had an answer in this run, and which had none."""

    _answered: set[str] = field(default_factory=set)
    _told: dict[str, tuple[DefenderAssetsError, float]] = field(default_factory=dict)
    """Tenant -> what its last table was told, and when (monotonic seconds)."""

    def has_answered(self, tenant: str) -> bool:
        """Whether a table of the tenant was made."""
        return tenant in self._answered

    def instead_of_asking(self, tenant: str, table: str, days: Sequence[date]) -> list[PartitionOutcome] | None:
        """What the table's days come to while the tenant is not asked; None where it is to be asked."""
        error, since = self._told.get(tenant, (None, 0.0))
        if error is None or time.monotonic() - since >= SECONDS_NOT_ASKED:
            return None
        return [PartitionOutcome.failed(table, day, _about(table, error)) for day in days]

    def note(self, tenant: str, outcomes: Sequence[PartitionOutcome]) -> None:
        """Notes what became of a table for which the tenant was asked."""
        told = next(iter(failures(outcomes)), None)
        if isinstance(told, LoginError) or (isinstance(told, Unreachable) and not self.has_answered(tenant)):
            self._told[tenant] = told, time.monotonic()
        elif any(outcome.is_made for outcome in outcomes):
            self._answered.add(tenant)


def _about(table: str, error: DefenderAssetsError) -> DefenderAssetsError:
    """The same, told of another table."""
    other = copy.copy(error)
    other.what, other.dataset = error.what.removeprefix(f"{error.dataset}: "), table
    other.what = f"{table}: {other.what}" if error.what != other.what else error.what
    other.args = (other.what,)
    return other
