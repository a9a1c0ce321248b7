"""The HTTPS servers of the simulator: uvicorn on sockets of ours, with connections that can be reset.

Here: starting and stopping them on a thread of their own. Not here: what they serve (``applications.py``), the
certificate and the settings (``server.py``).
"""

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from .http_messages import AsgiApplication, AsgiReceive, AsgiScope, AsgiSend, ClientAddress

_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
_TICK_SECONDS = 0.1


class HttpsServers:
    """Several applications, each on a listening socket, served by one thread.

    ``certificate`` and ``key`` are PEM files.
    """

    def __init__(self, applications: Mapping[socket.socket, AsgiApplication], certificate: Path, key: Path) -> None:
        self._connections: dict[ClientAddress, asyncio.Transport] = {}
        self._sockets = list(applications)
        self._servers = [self._server(application, certificate, key) for application in applications.values()]
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="defender-simulator", daemon=True)

    def start(self) -> None:
        """Returns when every socket is served. Raises RuntimeError if that fails or takes too long."""
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not all(server.started for server in self._servers):
            if self._failure is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the simulator did not start: {self._failure or 'it took too long'}")
            time.sleep(0.002)

    def stop(self) -> None:
        """Ends every connection and returns when the thread has ended. Raises RuntimeError if that takes too long."""
        for server in self._servers:
            server.stop()
        self._thread.join(_STOP_SECONDS)
        if self._thread.is_alive():
            raise RuntimeError("the simulator did not stop")

    def reset(self, client: ClientAddress | None) -> None:
        """Resets (RST) the connection of a client."""
        transport = self._connections.get(client) if client else None
        if transport is None:
            return
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    def _server(self, application: AsgiApplication, certificate: Path, key: Path) -> "_PromptServer":
        return _PromptServer(
            uvicorn.Config(
                _http_only(application),
                http=_tracking_protocol(self._connections),
                ws="none",
                lifespan="off",
                loop="asyncio",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                ssl_certfile=str(certificate),
                ssl_keyfile=str(key),
                timeout_keep_alive=60,
            )
        )

    def _serve(self) -> None:
        async def serve_all() -> None:
            await asyncio.gather(
                *(server.serve([listening]) for server, listening in zip(self._servers, self._sockets, strict=True))
            )

        try:
            asyncio.run(serve_all())
        except BaseException as error:  # noqa: BLE001 - reported by start() on the thread that waits
            self._failure = error


class _PromptServer(uvicorn.Server):
    """A uvicorn server that stops at once and from any thread.

    uvicorn's own looks every tenth of a second whether it should stop and then waits for connections to close, which
    tests that start a hundred servers spend most of their time on.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _http_only(application: AsgiApplication) -> AsgiApplication:
    """The application for HTTP; there is nothing else on these ports."""

    async def serve(scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        if scope["type"] == "http":
            await application(scope, receive, send)

    return serve


def _tracking_protocol(connections: dict[ClientAddress, asyncio.Transport]) -> type[asyncio.Protocol]:
    """An HTTP protocol that keeps each connection's transport, because an ASGI application cannot reset one."""

    class TrackingProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        def connection_made(self, transport: asyncio.Transport) -> None:
            self._peer = transport.get_extra_info("peername")[:2]
            connections[self._peer] = transport
            super().connection_made(transport)

        def connection_lost(self, error: Exception | None) -> None:
            connections.pop(self._peer, None)
            super().connection_lost(error)

    return TrackingProtocol
