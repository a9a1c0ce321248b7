"""Stores with which no TLS can be made: a certificate that is not trusted is one cause of several."""

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme

from defender_assets.settings import UnresolvedSecret, resolve

from ..peers import library


@contextmanager
def answering(context: ssl.SSLContext | None) -> Iterator[str]:
    """An https address at which TLS with a certificate is spoken, or (without a context) plain HTTP."""

    class Refusal(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                connection = context.wrap_socket(self.request, server_side=True) if context else self.request
                connection.recv(4_096)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except OSError:
                pass  # the client has hung up, as it is to

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusal) as server:
        server.daemon_threads = True
        threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True).start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@pytest.fixture(params=["vault", "aws"])
def reference(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A reference to a store, and the variable with its address."""
    if request.param == "vault":
        library("hvac", "hvac, from PyPI")
        monkeypatch.setenv("VAULT_TOKEN", "a token")
        return "vault:team/app#secret", "VAULT_ADDR"
    library("boto3", "boto3, from PyPI")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "eu-central-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return "aws-sm:app", "AWS_ENDPOINT_URL_SECRETS_MANAGER"


def test_a_certificate_that_nobody_vouches_for(reference: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with answering(context) as address:
        monkeypatch.setenv(reference[1], address)
        with pytest.raises(UnresolvedSecret, match=r"certificate is not trusted .*let DEFENDER_CA_BUNDLE or .* name"):
            resolve(reference[0])


def test_an_address_of_plain_http_is_not_told_as_a_certificate(
    reference: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(None) as address:
        monkeypatch.setenv(reference[1], address)
        with pytest.raises(UnresolvedSecret, match=r"cannot be spoken to over TLS .*check its address") as told:
            resolve(reference[0])
    assert "trusted" not in str(told.value)
