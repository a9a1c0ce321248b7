"""Short queries that schedules and sensors make to a tenant's service and lake.

Here: opening both, and the queries. They share the call budget with the refreshes, and a query that fails raises. Not
here: what is decided from the results (``decision.py``).
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from ...api import DefenderClient, list_export, open_client
from ...catalog import DATASETS, Dataset, ExportFiles
from ...lake import Lake
from ...refresh import Staleness, note_caught_up, stale_days
from ...settings import Settings, tenant_names
from ..resources import DefenderApplication, ParquetLake

_ATTEMPTS, _PATIENCE_SECONDS = 2, 15.0
"""A tick has 60 seconds: a service that cannot be reached now is queried again at the next one."""


@dataclass(frozen=True)
class TenantProbe:
    """One tenant's service and lake, open for queries."""

    tenant: str
    client: DefenderClient
    lake: Lake

    def stale_days(self, dataset: Dataset, now: datetime) -> Staleness:
        """The stale days of an event table. How far the table is caught up is noted in the lake."""
        # A tick has no time to compare what all days hold: when their turn has come, they are refreshed instead.
        staleness = stale_days(self.client, dataset, self.lake, now, quick=True)
        note_caught_up(self.lake, dataset, staleness.caught_up)
        return staleness

    def export_generated(self, table: str, files: ExportFiles) -> tuple[str, datetime] | None:
        """When the service made the newest export, in its own words and as a time; None if it does not say."""
        listed = list_export(self.client, DATASETS[table], files)
        if listed.generated_time is None or listed.generated_at is None:
            return None
        return listed.generated_time, listed.generated_at

    def observed_at(self, table: str) -> datetime | None:
        """When the newest partition in the lake was observed; None if there is none, or if it does not say."""
        day = self.lake.newest(table)
        return None if day is None else self.lake.observed_at(table, day)


class TenantProbes:
    """Opens probes. It holds the resources of the definitions, so that a tick needs no resources of its own."""

    def __init__(self, application: DefenderApplication, lake: ParquetLake) -> None:
        self._application = application
        self._lake = lake

    def tenants(self) -> tuple[str, ...]:
        """The names of the configured tenants."""
        return tenant_names(Settings.load())

    @contextmanager
    def open(self, tenant: str) -> Iterator[TenantProbe]:
        """Raises SettingsError if the tenant's settings cannot be used."""
        with ExitStack() as stack:
            application = stack.enter_context(self._application.process_config_and_initialize_cm())
            lake = stack.enter_context(self._lake.process_config_and_initialize_cm())
            client = open_client(
                application.connection(tenant),
                application.settings(),
                attempts=_ATTEMPTS,
                patience=_PATIENCE_SECONDS,
                pacing_patience=_PATIENCE_SECONDS,
            )
            yield TenantProbe(tenant, stack.enter_context(client), lake.lake(tenant))
