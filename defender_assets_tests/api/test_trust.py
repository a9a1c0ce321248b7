"""Whom we trust, and by which way we go: as everywhere, plus a certificate authority of the user's own."""

import socket
import threading

import pytest
import trustme

from defender_assets.api import LoginError, open_client
from defender_assets.api.http import USER_AGENT
from defender_assets.catalog import DATASETS
from defender_assets.settings import Settings, SettingsError

from .conftest import connection_to
from .wire import page

MACHINES = DATASETS["machines"]


def test_ssl_cert_file_works_as_everywhere(wire, opened, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(wire.ca_bundle))
    assert opened(connection_to(wire, ca_bundle=None)).login.token().claims.roles


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_trust_variable_that_leads_nowhere_is_named(wire, opened, monkeypatch, name):
    monkeypatch.setenv(name, "/nowhere/canary")
    with pytest.raises(SettingsError, match=name) as raised:
        opened(connection_to(wire))
    assert "canary" not in str(raised.value)


def test_a_ca_bundle_that_vanished_is_named(wire, opened, tmp_path):
    with pytest.raises(SettingsError, match="DEFENDER_CA_BUNDLE"):
        opened(connection_to(wire, ca_bundle=tmp_path / "gone.pem"))


def test_a_ca_bundle_that_is_replaced_is_read_again(wire, opened, tmp_path):
    bundle = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(bundle))
    with pytest.raises(LoginError) as raised:
        opened(connection_to(wire, ca_bundle=bundle)).login.token()
    assert raised.value.reason == "tls_untrusted"
    bundle.write_bytes(wire.ca_bundle.read_bytes())
    assert opened(connection_to(wire, ca_bundle=bundle)).login.token().claims.roles


@pytest.fixture
def proxy(wire):
    """An HTTP proxy that connects whatever it is asked for to the test server."""
    requests: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # The other side is done.
            return

    def serve() -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            head = b""
            while b"\r\n\r\n" not in head:
                head += caller.recv(4_096)
            requests.append(head.split(b"\r\n")[0].decode())
            server = socket.create_connection(("127.0.0.1", wire.port))
            caller.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threads = [threading.Thread(target=pump, args=ends) for ends in ((caller, server), (server, caller))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            caller.close()
            server.close()

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
    listener.close()


def test_a_proxy_is_used_for_login_and_api_alike(wire, clock, monkeypatch, proxy):
    address, requests = proxy
    monkeypatch.setenv("HTTPS_PROXY", address)
    monkeypatch.setenv("NO_PROXY", "")
    wire.on("/api/machines", page([]))
    with open_client(connection_to(wire), Settings.load(), clock=clock) as client:
        client.get("/api/machines", dataset=MACHINES, quota=MACHINES.quota)
    assert requests
    assert all(line == f"CONNECT localhost:{wire.port} HTTP/1.1" for line in requests)


def test_no_proxy_is_used_where_none_is_wanted(wire, clock, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "localhost")
    with open_client(connection_to(wire), Settings.load(), clock=clock) as client:
        assert client.login.token().claims.roles


def test_a_proxy_that_is_away_is_unreachable(wire, clock, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    with open_client(connection_to(wire), Settings.load(), clock=clock) as client, pytest.raises(LoginError) as raised:
        client.login.token()
    assert raised.value.reason == "unreachable"


def test_who_asks_is_said(wire, client):
    wire.on("/api/machines", page([]))
    client.get("/api/machines", dataset=MACHINES, quota=MACHINES.quota)
    assert wire.requests_for("/api/machines")[0].headers["user-agent"] == USER_AGENT
    assert USER_AGENT.startswith("defender-assets")
