"""What a step needs of the service, whoever fetches: the application of its run, or a refresh that runs wait for.

Here: what both have. Not here: the application (``resources.py``), the refresh (``fetched.py``).
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

from ..api import DefenderClient
from ..refresh import PartitionOutcome, RefreshContext, TableRefresh
from ..settings import Settings
from .tenants_of_run import TenantsOfRun

Queue = Callable[[TableRefresh, Sequence[date], RefreshContext], list[PartitionOutcome]]
"""Refreshes a table when it has its turn among those of the run's other tenants."""


class Service(Protocol):
    """Fetches tables, tenant by tenant."""

    @property
    def tenants(self) -> TenantsOfRun:
        """What the steps of a run over several tenants have in common."""

    def settings(self) -> Settings:
        """The settings of the refresh."""

    def client(self, tenant: str, /) -> DefenderClient:
        """The client of a tenant."""

    def ca_bundle_path(self) -> Path | None:
        """Extra trusted certificates."""

    def begin(self, days: Sequence[date], context: RefreshContext, together: Collection[str], queue: Queue, /) -> None:
        """Begins to fetch the tables ``together``, unless they are under way; each has its turn in the ``queue``.
        Raises SettingsError."""

    def refresh(self, table: TableRefresh, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """The outcomes of a table, as soon as they are there. Raises SettingsError."""

    def wait_for(self, tables: Iterable[str], tenant: str, /) -> None:
        """Returns when those of the tables that are fetched are there, or have failed."""
