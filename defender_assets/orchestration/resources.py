"""The configurable resources: the Azure application, and the lake.

Here: what a person configures in Dagster, as the plain objects that assets work with. Not here: reading and checking
settings (``settings/``), using the objects (``assets.py``).

A field that is left empty means the setting of the same name (``DEFENDER_TENANT_ID`` …), read from the environment or
``.env`` when a run needs it: so definitions load without credentials, and nothing secret is in Dagster's configuration.
A field may hold a secret reference (``env:NAME``, ``keyvault:…``) or ``dg.EnvVar``. A secret typed into the launchpad
as text is stored with the run by Dagster.
"""

import threading
from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import dagster as dg
from pydantic import Field, PrivateAttr

from ..api import DefenderClient, open_client
from ..doctor import settings_problems
from ..lake import Lake
from ..monitoring import flush_telemetry, start_telemetry
from ..refresh import PartitionOutcome, RefreshContext, SideBySide, TableRefresh, failures, table_refreshes, turns
from ..settings import Connection, Settings, SettingsError, ca_bundle_path, connection
from ..tenant import DEFAULT_TENANT
from .service import Queue
from .tenants_of_run import TenantsOfRun

_GRACE_SECONDS = 5.0


class DefenderApplication(dg.ConfigurableResource["DefenderApplication"]):
    """The Azure (Entra ID) application with read-only permissions, and where it finds the service."""

    tenant_id: str = Field(default="", description="Entra tenant id, or a reference to it.")
    client_id: str = Field(default="", description="Application (client) id, or a reference to it.")
    client_secret: str = Field(
        default="", description="Client secret: give a reference, a literal is stored.", repr=False
    )
    client_certificate: str = Field(
        default="",
        description="Path of a PEM or PFX with private key, or a reference to what one holds, in place of the secret.",
        repr=False,
    )
    client_certificate_password: str = Field(
        default="", description="Opens the certificate: give a reference.", repr=False
    )
    federated_token_file: str = Field(
        default="", description="Path of a workload-identity token, in place of the secret."
    )
    managed_identity: str = Field(default="", description="`system` or the client id of a user-assigned identity.")
    cloud: str = Field(default="", description="commercial, gcc, gcc-high or dod.")
    api_url: str = Field(default="", description="API base URL, where it is not the cloud's own.")
    authority_url: str = Field(default="", description="Login base URL, likewise.")
    scope: str = Field(default="", description="Token scope, likewise.")
    ca_bundle: str = Field(default="", description="Extra trusted CA certificates.")

    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)
    _open: dict[str, DefenderClient] = PrivateAttr(default_factory=dict)
    _stack: ExitStack = PrivateAttr(default_factory=ExitStack)
    _fetching: "dict[str, SideBySide[list[PartitionOutcome] | None]]" = PrivateAttr(default_factory=dict)
    _wrong: "dict[str, SettingsError | None]" = PrivateAttr(default_factory=dict)
    _opening: dict[str, threading.Lock] = PrivateAttr(default_factory=dict)
    _tenants: TenantsOfRun = PrivateAttr(default_factory=TenantsOfRun)

    @property
    def tenants(self) -> TenantsOfRun:
        """What the steps of a run over several tenants have in common, as far as they are in one process."""
        return self._tenants

    def settings(self) -> Settings:
        """The other settings (call budgets, export mode …), read anew."""
        return Settings.load()

    def connection(self, tenant: str = DEFAULT_TENANT) -> Connection:
        """What a client needs; raises SettingsError naming what is missing."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return connection(self.settings(), fields, tenant=tenant)

    def ca_bundle_path(self) -> Path | None:
        """Extra trusted certificates, for public feeds behind a TLS-inspecting proxy; needs no credentials."""
        return ca_bundle_path(self.ca_bundle or self.settings().ca_bundle)

    def client(self, tenant: str = DEFAULT_TENANT) -> DefenderClient:
        """The client of a tenant: one login, one connection pool, one budget for the whole run."""
        # A lock for each: the vault that keeps one tenant's secret may be silent.
        with self._opening.setdefault(tenant, threading.Lock()):
            if tenant not in self._open:
                opened = open_client(self.connection(tenant), self.settings())
                self._open[tenant] = self._stack.enter_context(opened)
            return self._open[tenant]

    def begin(self, days: Sequence[date], context: RefreshContext, together: Collection[str], queue: Queue) -> None:
        """Begins to fetch the tables of the run that are fetched beside each other (``together``), if that has not been
        done; each has its turn in the ``queue``. Raises SettingsError, before anything is fetched, with everything that
        is wrong with the tenant's settings."""
        tenant = context.lake.tenant or DEFAULT_TENANT
        with self._lock:
            self._check(context.settings, tenant)
            if tenant not in self._fetching and len(together) > 1:
                self._fetching[tenant] = _fetching(together, days, context, queue)

    def refresh(self, table: TableRefresh, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """The outcomes of a table's refresh, as soon as they are there. Raises SettingsError."""
        tenant = context.lake.tenant or DEFAULT_TENANT
        with self._lock:
            self._check(context.settings, tenant)
        fetching = self._fetching.get(tenant)
        outcomes = fetching.take(table.name) if fetching is not None else None
        return self._tenants.unless_gone(table, days, context) if outcomes is None else outcomes

    def _check(self, settings: Settings, tenant: str) -> None:
        """Once a run: every step of it is told the same."""
        if tenant not in self._wrong:
            problems = settings_problems(settings, tenant=tenant)
            self._wrong[tenant] = SettingsError(*problems) if problems else None
        if (wrong := self._wrong[tenant]) is not None:
            raise SettingsError(*wrong.problems)

    def wait_for(self, tables: Iterable[str], tenant: str = DEFAULT_TENANT) -> None:
        """Returns when those of the tables that are fetched beside each other are there, or have failed."""
        if fetching := self._fetching.get(tenant):
            for name in tables:
                fetching.wait(name)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        if (telemetry := start_telemetry()) is not None and context.run_id:
            telemetry.begin_run(context.run_id)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        with ExitStack() as stack:
            # The process of a run, or of a step, may end without another word.
            stack.callback(flush_telemetry)
            if (telemetry := start_telemetry()) is not None:
                stack.callback(telemetry.end_run)
            # Last: a table that is begun until then finds the closed client, and opens no other.
            stack.callback(self._open.clear)
            self._wrong.clear()
            for fetching in self._fetching.values():
                # Of a run that is canceled. A walk that nobody waits for any more ends with its client, but not before
                # the answer that it waits for, and a silent service takes a minute.
                stack.callback(fetching.close, _GRACE_SECONDS)
            self._fetching.clear()
            self._tenants = TenantsOfRun()
            stack.callback(self._stack.close)


def _fetching(
    names: Collection[str], days: Sequence[date], context: RefreshContext, queue: Queue
) -> SideBySide[list[PartitionOutcome] | None]:
    """The refresh of these tables, under way. A table whose step Dagster will skip, because what it looks at failed, is
    not refreshed."""
    tables = {name: table for name, table in table_refreshes().items() if name in names}
    failed: set[str] = set()

    def refresh(name: str) -> list[PartitionOutcome] | None:
        if failed.intersection(tables[name].optional_inputs):
            return None
        failed.add(name)  # what is raised is a failure too
        outcomes = queue(tables[name], days, context)
        if not failures(outcomes):
            failed.remove(name)
        return outcomes

    return SideBySide(turns(tables, context.lake), refresh)


class ParquetLake(dg.ConfigurableResource["ParquetLake"]):
    """Where the lake is."""

    root: str = Field(
        default="",
        description="A folder or an fsspec URL (abfss://, s3://, gs://, memory://); empty: the setting DEFENDER_LAKE.",
    )

    def lake(self, tenant: str = DEFAULT_TENANT) -> Lake:
        """The lake of a tenant."""
        return Lake(self.root or Settings.load().lake, tenant)
