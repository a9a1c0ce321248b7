"""The simulator as a whole: a tenant behind real TLS, started and stopped.

Here: certificate, ports, the parts put together, and the settings that reach them. Not here: the serving thread
(``https_server.py``), what is served (``applications.py``).
"""

import secrets
import shutil
import socket
import ssl
import tempfile
import weakref
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from ...catalog import DATASETS, Dataset
from ..tenant.tenant import SimulatedTenant
from .api_service import ApiService
from .app_registration import AppRegistration
from .applications import ServiceApplication, StorageApplication
from .bodies import BodyStore
from .control import ALL_ROLES, Control
from .endpoint import EndpointKind
from .endpoints import ENDPOINTS, Routes, declared_endpoints
from .entra_login import EntraLogin
from .export_blobs import ExportBlobs
from .faults import Faults
from .feed_files import feed_settings
from .http_messages import AsgiApplication, ClientAddress
from .https_server import HttpsServers
from .quotas import Quotas
from .request_log import RequestLog
from .signatures import Signatures


class SimulatorError(RuntimeError):
    """The simulator could not be started or stopped."""


class Simulator:
    """A Defender tenant over real TLS on loopback, as a context manager.

    ``datasets`` are those of the catalog by default; one that the simulator has no data for is served with rows made up
    from its declaration. ``port`` 0 takes a free one. ``latency`` is in seconds, before every response of the API.
    ``follows_clock`` lets the tenant's time pass like real time. Raises SimulatorError if the port is taken.
    """

    def __init__(
        self,
        tenant: SimulatedTenant | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        enforce_quotas: bool = False,
        latency: float = 0.0,
        datasets: Mapping[str, Dataset] = DATASETS,
        follows_clock: bool = False,
    ) -> None:
        self.tenant = tenant or SimulatedTenant()
        self.tenant.declare(datasets)
        self._host = host
        self._port = port
        self._folder = Path(tempfile.mkdtemp(prefix="defender-simulator-"))
        self._remove_folder = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._routes = Routes([*ENDPOINTS, *declared_endpoints(datasets.values())])
        declared_roles = {datasets[name].permission for name in self.tenant.declared if name in datasets}
        self._registration = AppRegistration(
            self.tenant.shape.client_id, f"sim~{secrets.token_urlsafe(24)}", roles={*ALL_ROLES, *declared_roles}
        )
        self._login = EntraLogin(self.tenant.shape, self._registration)
        self._faults = Faults()
        self._quotas = Quotas(enforced=enforce_quotas)
        self.signatures = Signatures(secrets.token_bytes(32))
        self._request_log = RequestLog()
        self._latency = latency
        self._follows_clock = follows_clock
        self._store = BodyStore(self._folder)
        self._sockets: list[socket.socket] = []
        self._servers: HttpsServers | None = None
        self._make_certificate()

    # Starting and stopping

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Listens; returns when both ports respond."""
        try:
            self._sockets = [self._listen(port) for port in (self._port, 0)]
        except OSError as error:
            self.stop()
            raise SimulatorError(f"port {self._port} of {self._host} cannot be listened on: {error.strerror}") from None
        blobs = self._export_blobs()
        service = ApiService(
            self.tenant,
            self._routes,
            self._login,
            self._quotas,
            self._faults,
            self._store,
            blobs,
            self._request_log,
            latency=self._latency,
        )
        self.control = Control(
            self.tenant, self._login, service, self._faults, self._quotas, self.signatures, self._request_log
        )
        self.application = ServiceApplication(
            self.tenant,
            self._login,
            service,
            self.control,
            self._faults,
            self._request_log,
            self._reset_connection,
            follows_clock=self._follows_clock,
        )
        storage = StorageApplication(blobs, self._faults, self._request_log, self._reset_connection)
        applications: dict[socket.socket, AsgiApplication] = {
            self._sockets[0]: self.application,
            self._sockets[1]: storage,
        }
        self._servers = HttpsServers(applications, self._folder / "chain.pem", self._folder / "key.pem")
        try:
            self._servers.start()
        except RuntimeError as error:
            self.stop()
            raise SimulatorError(str(error)) from None
        return self

    def stop(self) -> None:
        """Closes the ports and removes what was rendered. May be called twice."""
        servers, self._servers = self._servers, None
        if servers is not None:
            try:
                servers.stop()
            except RuntimeError as error:
                raise SimulatorError(str(error)) from None
        for listening in self._sockets:
            listening.close()
        self._remove_folder()

    def prepare(self) -> None:
        """Renders export files and lists ahead, so that serving them takes no time."""
        self.tenant.software.census(self.tenant.assessment.state)
        self._export_blobs().render_all()
        for endpoint in self._routes.endpoints:
            if endpoint.kind is EndpointKind.LIST:
                self.tenant.listing(endpoint.dataset)

    # Addresses

    @property
    def url(self) -> str:
        """The address of login, API, feeds and control."""
        return self._address(self._sockets[0])

    @property
    def storage_url(self) -> str:
        """The address of the export files."""
        return self._address(self._sockets[1])

    @property
    def feeds_url(self) -> str:
        """The address of the reference feeds, without a slash at the end."""
        return f"{self.url}/feeds"

    @property
    def ca_bundle(self) -> Path:
        """The certificate of the authority that signed the server's."""
        return self._folder / "ca.pem"

    @property
    def settings(self) -> dict[str, str]:
        """The settings that reach it and its feeds, by the names of the environment variables."""
        return {
            "DEFENDER_TENANT_ID": self.tenant.shape.tenant_id,
            "DEFENDER_CLIENT_ID": self.tenant.shape.client_id,
            "DEFENDER_CLIENT_SECRET": self._registration.secret,
            "DEFENDER_API_URL": self.url,
            "DEFENDER_AUTHORITY_URL": self.url,
            "DEFENDER_CA_BUNDLE": str(self.ca_bundle),
        } | feed_settings(self.feeds_url)

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """A client's TLS context that trusts the server."""
        return ssl.create_default_context(cafile=str(self.ca_bundle))

    def _address(self, listening: socket.socket) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"https://{host}:{listening.getsockname()[1]}"

    # Parts

    def _export_blobs(self) -> ExportBlobs:
        exports = [endpoint for endpoint in self._routes.endpoints if endpoint.kind is EndpointKind.EXPORT]
        folders = {endpoint.folder: endpoint.dataset for endpoint in exports}
        return ExportBlobs(self.tenant, self._store, self.signatures, self.storage_url, folders)

    def _reset_connection(self, client: ClientAddress | None) -> None:
        if self._servers is not None:
            self._servers.reset(client)

    def _make_certificate(self) -> None:
        authority = trustme.CA(organization_name="Defender simulator")
        authority.cert_pem.write_to_path(str(self.ca_bundle))
        certificate = authority.issue_cert(self._host, "localhost", "127.0.0.1", "::1")
        certificate.private_key_pem.write_to_path(str(self._folder / "key.pem"))
        (self._folder / "key.pem").chmod(0o600)
        with (self._folder / "chain.pem").open("wb") as chain:
            for pem in certificate.cert_chain_pems:
                chain.write(pem.bytes())

    def _listen(self, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        # With the protocol named, asyncio switches Nagle's algorithm off; without it, every small response takes 40 ms.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self._host, port))
            listening.listen(256)
        except OSError:
            listening.close()
            raise
        return listening
