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
from ..refresh import PartitionOutcome, RefreshContext, SideBySide, TableRefresh, failures, table_refreshes, turns
from ..settings import Connection, Settings, SettingsError, ca_bundle_path, connection
from ..tenant import DEFAULT_TENANT

_GRACE_SECONDS = 5.0


class DefenderApplication(dg.ConfigurableResource["DefenderApplication"]):
    """The Azure (Entra ID) application with read-only permissions, and where it finds the service."""

    tenant_id: str = Field(default="", description="Entra tenant id, or a reference to it.")
    client_id: str = Field(default="", description="Application (client) id, or a reference to it.")
    client_secret: str = Field(
        default="", description="Client secret: give a reference, a literal is stored.", repr=False
    )
    client_certificate: str = Field(
        default="", description="Path of a PEM or PFX with private key, in place of the secret."
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
    _fetching: "SideBySide[list[PartitionOutcome] | None] | None" = PrivateAttr(default=None)
    _wrong: "SettingsError | None" = PrivateAttr(default=None)
    _checked: bool = PrivateAttr(default=False)

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
        with self._lock:
            if tenant not in self._open:
                opened = open_client(self.connection(tenant), self.settings())
                self._open[tenant] = self._stack.enter_context(opened)
            return self._open[tenant]

    def refresh(
        self, table: TableRefresh, days: Sequence[date], context: RefreshContext, together: Collection[str] = ()
    ) -> list[PartitionOutcome]:
        """The outcomes of a table's refresh. ``together``: the tables of the run that are fetched beside each other,
        from the first step of any of them on. Raises SettingsError, before anything is fetched, with everything that is
        wrong with the settings."""
        with self._lock:
            self._check(context.settings, context.lake.tenant or DEFAULT_TENANT)
            if self._fetching is None and len(together) > 1:
                self._fetching = _fetching(together, days, context)
        outcomes = self._fetching.take(table.name) if self._fetching is not None else None
        return table.refresh(days, context) if outcomes is None else outcomes

    def _check(self, settings: Settings, tenant: str) -> None:
        """Once a run: every step of it is told the same."""
        if not self._checked:
            problems = settings_problems(settings, tenant=tenant)
            self._wrong, self._checked = SettingsError(*problems) if problems else None, True
        if self._wrong is not None:
            raise SettingsError(*self._wrong.problems)

    def wait_for(self, tables: Iterable[str]) -> None:
        """Returns when those of the tables that are fetched beside each other are there, or have failed."""
        if self._fetching is not None:
            for name in tables:
                self._fetching.wait(name)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        with ExitStack() as stack:
            # Last: a table that is begun until then finds the closed client, and opens no other.
            stack.callback(self._open.clear)
            self._checked = False
            if self._fetching is not None:
                # Of a run that is canceled. A walk that nobody waits for any more ends with its client, but not before
                # the answer that it waits for, and a silent service takes a minute.
                stack.callback(self._fetching.close, _GRACE_SECONDS)
            stack.callback(self._stack.close)


def _fetching(
    names: Collection[str], days: Sequence[date], context: RefreshContext
) -> SideBySide[list[PartitionOutcome] | None]:
    """The refresh of these tables, under way. A table whose step Dagster will skip, because what it looks at failed, is
    not refreshed."""
    tables = {name: table for name, table in table_refreshes().items() if name in names}
    failed: set[str] = set()

    def refresh(name: str) -> list[PartitionOutcome] | None:
        if failed.intersection(tables[name].optional_inputs):
            return None
        failed.add(name)  # what is raised is a failure too
        outcomes = tables[name].refresh(days, context)
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
