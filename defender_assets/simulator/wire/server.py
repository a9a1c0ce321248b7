"""The simulator as a whole: a tenant behind real TLS, started and stopped.

Here: certificate, sockets, the thread that serves, and the settings that reach it. Not here: what is served.
"""

import asyncio
import secrets
import shutil
import socket
import ssl
import struct
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trustme
import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from defender_assets.catalog import DATASETS, Dataset

from ..tenant.tenant import SimulatedTenant
from .applications import ServiceApplication, StorageApplication
from .bodies import BodyStore
from .control import ALL_ROLES, Control
from .endpoints import ENDPOINTS, Routes, Style, declared_endpoints
from .exports import Exports, Signatures
from .faults import Faults
from .login import Application, Login
from .messages import Receive, Scope, Send
from .quotas import Quotas
from .records import Records
from .service import Service

_START_SECONDS = 20.0
_STOP_SECONDS = 10.0


class SimulatorError(RuntimeError):
    """The simulator could not be started or stopped."""


class Simulator:
    """A Defender tenant over real TLS on loopback, as a context manager.

    ``datasets`` are those of the catalog by default; one that the simulator has no data for is served by its
    declaration. ``follows_clock`` lets the tenant keep up
    with the clock on the wall. Raises SimulatorError if the port is taken.
    """

    def __init__(
        self,
        tenant: SimulatedTenant | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        enforce_quotas: bool = False,
        latency: float = 0.0,
        datasets: Mapping[str, Dataset] | None = None,
        follows_clock: bool = False,
    ) -> None:
        datasets = DATASETS if datasets is None else datasets
        self.tenant = tenant or SimulatedTenant()
        self.tenant.declare(datasets)
        self.host = host
        self._port = port
        self._folder = Path(tempfile.mkdtemp(prefix="defender-simulator-"))
        self._remove_folder = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._declared = declared_endpoints(datasets.values())
        granted = {
            *ALL_ROLES,
            *(dataset.permission for dataset in datasets.values() if dataset.name in self.tenant.declared),
        }
        self._application = Application(self.tenant.shape.client_id, f"sim~{secrets.token_urlsafe(24)}", roles=granted)
        self.login = Login(self.tenant.shape, self._application)
        self.faults = Faults()
        self.quotas = Quotas(enforced=enforce_quotas)
        self.signatures = Signatures(secrets.token_bytes(32))
        self.records = Records()
        self._latency = latency
        self._follows_clock = follows_clock
        self._store = BodyStore(self._folder)
        self._connections: dict[tuple[str, int], asyncio.Transport] = {}
        self._servers: list[uvicorn.Server] = []
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None
        self._sockets: list[socket.socket] = []
        self._make_certificate()

    # Life

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Listens; returns when both ports answer."""
        try:
            self._sockets = [self._listen(port) for port in (self._port, 0)]
        except OSError as error:
            self.stop()
            raise SimulatorError(f"port {self._port} of {self.host} cannot be listened on: {error.strerror}") from None
        routes = Routes([*ENDPOINTS, *self._declared])
        folders = {e.folder: e.dataset for e in routes.endpoints if e.style is Style.EXPORT}
        exports = Exports(self.tenant, self._store, self.signatures, self.storage_url)
        service = Service(self.tenant, routes, self.login, self.quotas, self.faults, self._store, exports, self.records)
        service.latency = self._latency
        self.control = Control(
            self.tenant, self.login, service, self.faults, self.quotas, self.signatures, self.records
        )
        self.application = ServiceApplication(
            self.tenant,
            self.login,
            service,
            self.control,
            self.faults,
            self.records,
            self._abort,
            follows_clock=self._follows_clock,
        )
        storage = StorageApplication(exports, folders, self.faults, self.records, self._abort)
        self._servers = [self._server(self.application), self._server(storage)]
        self._thread = threading.Thread(target=self._serve, name="defender-simulator", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not all(server.started for server in self._servers):
            if self._failure is not None or time.monotonic() > deadline:
                self.stop()
                raise SimulatorError(f"the simulator did not start: {self._failure or 'it took too long'}")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Closes the ports and removes what was rendered. May be called twice."""
        for server in self._servers:
            server.should_exit = True
        if self._thread is not None:
            # Idle connections of clients that do not read would otherwise be waited for.
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._abort_all)
            self._thread.join(_STOP_SECONDS)
            if self._thread.is_alive():
                raise SimulatorError("the simulator did not stop")
            self._thread = None
        for listening in self._sockets:
            listening.close()
        self._remove_folder()

    def prepare(self, *, files: bool = True, pages: bool = True) -> None:
        """Renders ahead what a refresh asks for, so that serving it takes no time: pages of default size, export
        files."""
        self.tenant.estate.census(self.tenant.assessment.state)
        routes = Routes([*ENDPOINTS, *self._declared])
        for endpoint in routes.endpoints:
            if files and endpoint.style is Style.EXPORT:
                exports = Exports(self.tenant, self._store, self.signatures, self.storage_url)
                for path in exports.paths(endpoint.dataset, endpoint.folder, self.tenant.assessment):
                    found = exports.part_of(path, {endpoint.folder: endpoint.dataset})
                    if found is not None and found[2] is not None:
                        exports.body(endpoint.dataset, found[1], found[2])
            if pages and endpoint.style is Style.LIST:
                self.tenant.listing(endpoint.dataset)

    # Addresses

    @property
    def url(self) -> str:
        """Where login, API, feeds and control are."""
        return f"https://{self._name}:{self._sockets[0].getsockname()[1]}"

    @property
    def storage_url(self) -> str:
        """Where export files are."""
        return f"https://{self._name}:{self._sockets[1].getsockname()[1]}"

    @property
    def feeds_url(self) -> str:
        """Where the reference feeds are, without a slash at the end."""
        return f"{self.url}/feeds"

    @property
    def ca_bundle(self) -> Path:
        """The certificate of the authority that signed the server's."""
        return self._folder / "ca.pem"

    @property
    def settings(self) -> dict[str, str]:
        """The settings that reach it and its feeds, by the names of the environment."""
        return {
            "DEFENDER_TENANT_ID": self.tenant.shape.tenant_id,
            "DEFENDER_CLIENT_ID": self.tenant.shape.client_id,
            "DEFENDER_CLIENT_SECRET": self._application.secret,
            "DEFENDER_API_URL": self.url,
            "DEFENDER_AUTHORITY_URL": self.url,
            "DEFENDER_CA_BUNDLE": str(self.ca_bundle),
            "DEFENDER_KEV": f"{self.feeds_url}/known_exploited_vulnerabilities.json",
            "DEFENDER_EPSS": f"{self.feeds_url}/epss_scores-current.csv.gz",
            "DEFENDER_SSVC": f"{self.feeds_url}/vulnrichment/archive/refs/heads/develop.zip",
            "DEFENDER_AGENT_RELEASES": f"{self.feeds_url}/defender_releases.json",
        }

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """A client's context that trusts the server."""
        return ssl.create_default_context(cafile=str(self.ca_bundle))

    @property
    def _name(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    # Serving

    def _make_certificate(self) -> None:
        authority = trustme.CA(organization_name="Defender simulator")
        authority.cert_pem.write_to_path(str(self.ca_bundle))
        certificate = authority.issue_cert(self.host, "localhost", "127.0.0.1", "::1")
        certificate.private_key_pem.write_to_path(str(self._folder / "key.pem"))
        (self._folder / "key.pem").chmod(0o600)
        with (self._folder / "chain.pem").open("wb") as chain:
            for pem in certificate.cert_chain_pems:
                chain.write(pem.bytes())

    def _listen(self, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self.host, port))
            listening.listen(256)
        except OSError:
            listening.close()
            raise
        return listening

    def _server(self, application: Any) -> uvicorn.Server:
        config = uvicorn.Config(
            _http_only(application),
            http=_remembering(self._connections),
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            ssl_certfile=str(self._folder / "chain.pem"),
            ssl_keyfile=str(self._folder / "key.pem"),
            timeout_keep_alive=60,
            timeout_graceful_shutdown=2,
        )
        return uvicorn.Server(config)

    def _serve(self) -> None:
        async def both() -> None:
            self._loop = asyncio.get_running_loop()
            await asyncio.gather(
                *(server.serve([listening]) for server, listening in zip(self._servers, self._sockets, strict=True))
            )

        try:
            asyncio.run(both())
        except BaseException as error:  # noqa: BLE001 - told by start() on the thread that waits
            self._failure = error

    def _abort_all(self) -> None:
        for transport in list(self._connections.values()):
            transport.abort()

    def _abort(self, client: tuple[str, int] | None) -> None:
        """Ends a client's connection with a reset."""
        transport = self._connections.get(client) if client else None
        if transport is None:
            return
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def _http_only(application: Any) -> Any:
    """The application for HTTP; there is nothing else on these ports."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await application(scope, receive, send)

    return serve


def _remembering(connections: dict[tuple[str, int], asyncio.Transport]) -> type[asyncio.Protocol]:
    """The HTTP protocol that also notes each connection's transport, because an ASGI application cannot reset one."""

    class Remembering(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        def connection_made(self, transport: asyncio.Transport) -> None:
            self._peer = transport.get_extra_info("peername")[:2]
            connections[self._peer] = transport
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            connections.pop(self._peer, None)
            super().connection_lost(error)

    return Remembering
