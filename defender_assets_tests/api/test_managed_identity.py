"""Managed identities, against the endpoints that Azure puts on a machine: plain HTTP there, by design."""

import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from defender_assets.api import LoginError, managed_identity
from defender_assets.settings import ManagedIdentity

from ..loopback import Answer, Request, answering
from .conftest import connection_to
from .wire import CLIENT, token_of

RESOURCE = "https://api.securitycenter.microsoft.com"
HEADER = "canary-header-of-the-machine"


@dataclass
class Endpoint:
    """Answers as a test says, in turn; the last answer stays."""

    answers: list[tuple[int, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    requests: list[Request] = field(default_factory=list)

    def answer(self, _: Request) -> Answer:
        status, content = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return Answer(content, status, self.headers)


@pytest.fixture
def endpoint(monkeypatch):
    # The endpoint is on the machine itself: a proxy must not be asked.
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "MSI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    started = Endpoint()
    with answering(started.answer) as server:
        started.url, started.requests = server.url, server.requests
        yield started


@pytest.fixture
def app_service(endpoint, monkeypatch):
    """https://learn.microsoft.com/en-us/azure/app-service/overview-managed-identity#rest-endpoint-reference"""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{endpoint.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    moment = str(int(time.time()) + 3600)
    token = {"access_token": token_of(("Alert.Read.All",)), "expires_on": moment, "token_type": "Bearer"}
    endpoint.answers = [(200, {**token, "resource": RESOURCE})]
    return endpoint


@pytest.fixture
def imds(endpoint, monkeypatch):
    """https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token"""
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint.url)
    token = {"access_token": token_of(("Alert.Read.All",)), "expires_in": "3600", "token_type": "Bearer"}
    endpoint.answers = [(200, {**token, "resource": RESOURCE})]
    return endpoint


@pytest.mark.parametrize("identity", [None, CLIENT])
def test_app_service(wire, opened, app_service, identity):
    client = opened(connection_to(wire, credential=ManagedIdentity(identity)))
    assert client.login.token().claims.roles == ("Alert.Read.All",)
    (request,) = app_service.requests
    assert request.path == "/msi/token"
    assert request.headers["X-IDENTITY-HEADER"] == HEADER
    assert request.query["resource"] == RESOURCE
    assert request.query.get("client_id") == identity
    assert wire.requests == []


@pytest.mark.parametrize("identity", [None, CLIENT])
def test_a_virtual_machine(wire, opened, imds, identity):
    client = opened(connection_to(wire, credential=ManagedIdentity(identity)))
    assert client.login.token().claims.roles == ("Alert.Read.All",)
    (request,) = imds.requests
    assert request.path == "/metadata/identity/oauth2/token"
    assert request.headers["Metadata"] == "true"
    assert [request.query.get(name) for name in ("api-version", "resource", "client_id")] == [
        "2018-02-01", RESOURCE, identity,
    ]  # fmt: skip


def test_a_rejected_token_is_asked_for_again(wire, opened, imds):
    client = opened(connection_to(wire, credential=ManagedIdentity()))
    client.login.invalidate(client.login.token())
    assert client.login.token()
    assert len(imds.requests) == 2


@pytest.mark.parametrize("status", [404, 410, 429, 500, 503])
def test_an_endpoint_that_is_busy_is_asked_again(wire, opened, imds, clock, status):
    """Given an endpoint that is being updated or asked too often, then its token comes a little later."""
    imds.answers.insert(0, (status, b"<html>busy</html>"))
    assert opened(connection_to(wire, credential=ManagedIdentity())).login.token()
    assert len(clock.slept) == 1


def test_an_endpoint_that_stays_busy_is_told_with_its_status(wire, opened, imds, clock):
    imds.answers = [(429, {"error": "too_many_requests"})]
    with pytest.raises(LoginError, match=r"The managed identity answered 429.*try again in some minutes") as told:
        opened(connection_to(wire, credential=ManagedIdentity())).login.token()
    assert len(imds.requests) == 4
    assert "Assign" not in str(told.value)


@pytest.mark.parametrize("machine", ["imds", "app_service"])
def test_an_identity_that_is_not_assigned_is_told_in_azures_words(wire, opened, request, machine):
    endpoint = request.getfixturevalue(machine)
    refusal = {"error": "invalid_request", "error_description": "Identity not found"}
    endpoint.answers = [(400, refusal if machine == "imds" else {"statusCode": 400, "message": "Identity not found"})]
    with pytest.raises(
        LoginError, match=r"gave no token \(400\): .*Identity not found.*DEFENDER_MANAGED_IDENTITY"
    ) as told:
        opened(connection_to(wire, credential=ManagedIdentity(CLIENT))).login.token()
    assert len(endpoint.requests) == 1
    assert HEADER not in str(told.value) + repr(vars(told.value))


def test_what_is_no_answer_of_an_identity(wire, opened, imds):
    imds.answers = [(200, b"<html>a captive portal</html>")]
    with pytest.raises(LoginError, match=r"gave no token \(200\): what came is no token \(JSONDecodeError\)"):
        opened(connection_to(wire, credential=ManagedIdentity())).login.token()


def test_a_machine_without_an_identity(wire, opened, monkeypatch):
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")
    client = opened(connection_to(wire, credential=ManagedIdentity()))
    with pytest.raises(LoginError, match=r"No managed identity answered.*DEFENDER_MANAGED_IDENTITY") as raised:
        client.login.token()
    assert raised.value.reason == "unreachable"


def test_an_endpoint_that_is_silent_is_not_told_as_a_machine_without_an_identity(wire, opened, monkeypatch):
    monkeypatch.setattr(managed_identity, "_TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://127.0.0.1:{silent.getsockname()[1]}")
        client = opened(connection_to(wire, credential=ManagedIdentity()))
        with pytest.raises(LoginError, match=r"did not answer in time.*there and silent") as raised:
            client.login.token()
    assert raised.value.silent


def test_what_msal_itself_refuses_is_told_in_its_words(wire, opened, endpoint, monkeypatch):
    """Given a Service Fabric whose endpoint is plain HTTP, then nothing is asked, and the reason is not lost."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{endpoint.url}/token")
    monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    monkeypatch.setenv("IDENTITY_SERVER_THUMBPRINT", "00")
    with pytest.raises(LoginError, match=r"gave no token: Service Fabric .* must use HTTPS"):
        opened(connection_to(wire, credential=ManagedIdentity())).login.token()
    assert endpoint.requests == []


@pytest.fixture
def arc(endpoint, monkeypatch):
    """https://learn.microsoft.com/en-us/azure/azure-arc/servers/managed-identity-authentication"""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{endpoint.url}/metadata/identity/oauth2/token")
    monkeypatch.setenv("IMDS_ENDPOINT", endpoint.url)
    endpoint.answers = [(401, b"")]
    endpoint.headers = {"WWW-Authenticate": "Basic realm=/var/opt/azcmagent/tokens/no-such-key.key"}
    return endpoint


def test_a_key_of_azure_arc_that_may_not_be_read_is_told_with_the_group(wire, opened, arc):
    with pytest.raises(LoginError, match=r"its key file cannot be read \(.*add the user .* to the group himds"):
        opened(connection_to(wire, credential=ManagedIdentity())).login.token()


def test_a_platform_that_azure_arc_does_not_know_is_told_as_that(wire, opened, arc, monkeypatch):
    monkeypatch.setattr("msal.managed_identity._supported_arc_platforms_and_their_prefixes", {})
    with pytest.raises(LoginError, match=rf"gave no token \(401\): Platform {sys.platform} was undefined"):
        opened(connection_to(wire, credential=ManagedIdentity())).login.token()
