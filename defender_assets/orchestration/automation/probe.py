"""Short queries that schedules and sensors make to a tenant's service and lake.

Here: opening both, and the queries. They share the call budget with the refreshes, and a query that fails raises. Not
here: what is decided from the results (``decision.py``).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from ...api import DefenderClient, Token, list_export, open_client
from ...catalog import DATASETS, Dataset, ExportFiles
from ...catalog.devices import MACHINES
from ...errors import DefenderAssetsError
from ...lake import Lake
from ...refresh import Absence, Staleness, known_absence, note_caught_up, stale_days
from ...scope import WHOLE_TENANT, FleetScope, fleet_scope
from ...settings import Connection, Settings, tenant_entries, tenant_names
from ..resources import DefenderApplication, ParquetLake

_ATTEMPTS, _PATIENCE_SECONDS = 2, 15.0
"""A tick has 60 seconds: a service that cannot be reached now is queried again at the next one."""


@dataclass
class TenantProbe:
    """One tenant's service and lake, open for queries. ``failed``: one of them raised."""

    tenant: str
    client: DefenderClient
    lake: Lake
    settings: Settings
    scope: FleetScope = WHOLE_TENANT
    failed: bool = False

    def absence(self, table: str) -> Absence | None:
        """Why the table is left out, so that there is nothing to look for; as far as the last refresh found out."""
        return known_absence(table, self.settings, self.lake)

    def stale_days(self, dataset: Dataset, now: datetime) -> Staleness:
        """The stale days of an event table. How far the table is caught up is noted in the lake."""
        # A tick has no time to compare what all days hold: when their turn has come, they are refreshed instead.
        with self._asking():
            staleness = stale_days(self.client, dataset, self.lake, now, quick=True, scope=self.scope)
        note_caught_up(self.lake, dataset, staleness.caught_up)
        return staleness

    def export_generated(self, table: str, files: ExportFiles) -> tuple[str, datetime] | None:
        """When the service made the newest export, in its own words and as a time; None if it does not say."""
        with self._asking():
            listed = list_export(self.client, DATASETS[table], files)
        if listed.generated_time is None or listed.generated_at is None:
            return None
        return listed.generated_time, listed.generated_at

    def ask_for_machine(self) -> None:
        """Asks for one row of the machines or, where they are not chosen, logs in. Raises what a refresh would be
        told."""
        with self._asking():
            if self.absence(MACHINES.name):
                self.client.login.token()
            else:
                self.client.get(MACHINES.path, params={"$top": "1"}, dataset=MACHINES, quota=MACHINES.quota)

    def observed_at(self, table: str) -> datetime | None:
        """When the newest partition in the lake was observed; None if there is none, or if it does not say."""
        day = self.lake.newest(table)
        return None if day is None else self.lake.observed_at(table, day)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except DefenderAssetsError:
            self.failed = True
            raise


@dataclass(frozen=True)
class _LastVisit:
    """``written``: the settings as they were written, references not followed."""

    written: object = field(repr=False)  # a secret may be written there as text
    connection: Connection
    token: Token | None


class TenantProbes:
    """Opens probes. It holds the resources of the definitions, so that a tick needs no resources of its own.

    From one tick to the next it keeps each tenant's connection and token: with many tenants, following secret
    references and logging in would be most of a tick. They are made anew when the settings change, and after a query
    that failed: a secret may have been rotated, a role granted.
    """

    def __init__(self, application: DefenderApplication, lake: ParquetLake) -> None:
        self._application = application
        self._lake = lake
        self._opening = threading.Lock()
        self._resources: tuple[DefenderApplication, ParquetLake] | None = None
        self._visits: dict[str, _LastVisit] = {}
        self._asked_with: dict[str, object] = {}
        """Tenant -> its settings as they were written when it was last asked."""

    def tenants(self) -> tuple[str, ...]:
        """The names of the configured tenants."""
        return tenant_names(Settings.load())

    def lake(self, tenant: str) -> Lake:
        """A tenant's lake, for queries that ask nothing of the service."""
        return self._initialized()[1].lake(tenant)

    def is_corrected(self, tenant: str) -> bool:
        """Whether the tenant's settings were changed since it was last asked; not while they cannot be read."""
        try:
            settings = Settings.load()
            written = settings, tenant_entries(settings).get(tenant)
        except DefenderAssetsError:
            return False
        return self._asked_with.get(tenant, written) != written

    @contextmanager
    def open(self, tenant: str) -> Iterator[TenantProbe]:
        """Raises SettingsError if the tenant's settings cannot be used. A tenant can be open several times: two sensors
        and a schedule may look at it at once."""
        application, lake = self._initialized()
        settings = application.settings()
        written = self._asked_with[tenant] = settings, tenant_entries(settings).get(tenant)
        last = self._visits.pop(tenant, None)
        if last is None or last.written != written:
            last = _LastVisit(written, application.connection(tenant), None)
        with open_client(
            last.connection,
            settings,
            attempts=_ATTEMPTS,
            patience=_PATIENCE_SECONDS,
            pacing_patience=_PATIENCE_SECONDS,
            token=last.token,
        ) as client:
            probe = TenantProbe(tenant, client, lake.lake(tenant), settings, fleet_scope(settings))
            yield probe
            if not probe.failed:
                self._visits[tenant] = _LastVisit(written, client.login.connection, client.login.last_token)

    def _initialized(self) -> tuple[DefenderApplication, ParquetLake]:
        """The resources with their configuration processed. Once in a process: Dagster makes a temporary instance with
        databases for it, which takes longer than asking a tenant."""
        with self._opening:
            if self._resources is None:
                with (
                    self._application.process_config_and_initialize_cm() as application,
                    self._lake.process_config_and_initialize_cm() as lake,
                ):
                    self._resources = application, lake
            return self._resources
