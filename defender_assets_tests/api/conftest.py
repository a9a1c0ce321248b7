"""A server on loopback, a connection to it, and time that passes at once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from defender_assets.api import DefenderClient, open_client
from defender_assets.settings import CLOUDS, ClientSecret, Connection, Settings

from .wire import CLIENT, SECRET, TENANT, Wire


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(("DEFENDER_", "AZURE_", "SSL_CERT_", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def shared_wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with Wire(tmp_path_factory.mktemp("wire")) as server:
        yield server


@pytest.fixture
def wire(shared_wire: Wire) -> Wire:
    shared_wire.forget()
    return shared_wire


@dataclass
class FastClock:
    """Waiting takes no time, but is remembered and moves the clock."""

    time: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


def connection_to(wire: Wire, **changes: Any) -> Connection:
    values: dict[str, Any] = {
        "tenant_name": "default",
        "tenant_id": TENANT,
        "client_id": CLIENT,
        "credential": ClientSecret(SECRET),
        "cloud": CLOUDS["commercial"],
        "api_url": wire.url,
        "authority_url": wire.url,
        "scope": CLOUDS["commercial"].scope,
        "ca_bundle": wire.ca_bundle,
    }
    return Connection(**{**values, **changes})


@pytest.fixture
def connection(wire: Wire) -> Connection:
    return connection_to(wire)


@pytest.fixture
def client(connection: Connection, clock: FastClock) -> Iterator[DefenderClient]:
    with open_client(connection, Settings.load(), clock=clock) as opened:
        yield opened


@pytest.fixture
def opened(clock: FastClock) -> Iterator[Callable[..., DefenderClient]]:
    """Opens clients with other connections or patience."""
    with ExitStack() as stack:

        def opened(connection: Connection, **more: Any) -> DefenderClient:
            return stack.enter_context(open_client(connection, Settings.load(), **{"clock": clock, **more}))

        yield opened
