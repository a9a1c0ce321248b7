"""References to Azure Key Vault: Azure's own client libraries, over TLS, through a proxy that inspects it."""

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from defender_assets.settings import (
    ClientSecret,
    SettingsError,
    UnresolvedSecret,
    connection,
    resolve,
    usable_certificate,
)

from ..api.certificates import new_certificate
from ..cli.program import invoke
from ..loopback import Answer, Request, answering
from .key_vault import ASSERTION, CLIENT, LOGIN, SECRET, TENANT, VAULT, open_key_vault

CANARY = "canary-Zx8Q~keyvault"


@pytest.fixture(scope="module")
def shared_vault(tmp_path_factory):
    with open_key_vault(tmp_path_factory.mktemp("keyvault")) as vault:
        yield vault


@pytest.fixture
def vault(shared_vault, monkeypatch):
    """The vault, reached by HTTPS_PROXY, and the application that may read it in the environment."""
    from azure.keyvault.secrets._shared import http_challenge_cache

    http_challenge_cache.clear()  # Azure's client keeps a vault's challenge as long as the process
    shared_vault.kept, shared_vault.ends, shared_vault.status = {"defender": CANARY}, {}, None
    shared_vault.asked.clear()
    shared_vault.issued.clear()
    monkeypatch.setenv("HTTPS_PROXY", shared_vault.proxy)
    for name in ("https_proxy", "NO_PROXY", "no_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TENANT_ID": TENANT, "CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET}.items():
        monkeypatch.setenv(f"AZURE_{name}", value)
    return shared_vault


@pytest.fixture
def without_waiting(monkeypatch):
    """Azure's client tries again some seconds later what could not be reached."""
    from azure.core.pipeline.policies import RetryPolicy

    monkeypatch.setattr(RetryPolicy, "sleep", lambda *_, **__: None)


def read(vault, name="defender"):
    return resolve(vault.reference + name, vault.ca_bundle)


def test_the_challenge_is_answered_and_the_secret_read(vault):
    assert read(vault) == CANARY
    assert [(method, host) for method, host, _ in vault.asked if host == VAULT] == [("GET", VAULT)] * 2
    assert ("POST", LOGIN, f"/{TENANT}/oauth2/v2.0/token") in vault.asked
    assert read(vault, "defender/0123abcd") == CANARY


def test_the_bundle_of_the_settings_is_trusted(vault, without_waiting, monkeypatch):
    for name, value in {
        "TENANT_ID": TENANT,
        "CLIENT_ID": CLIENT,
        "CLIENT_SECRET": vault.reference + "defender",
    }.items():
        monkeypatch.setenv(f"DEFENDER_{name}", value)
    with pytest.raises(SettingsError, match=r"certificate is not trusted .*let DEFENDER_CA_BUNDLE name the authority"):
        connection()
    monkeypatch.setenv("DEFENDER_CA_BUNDLE", str(vault.ca_bundle))
    assert connection().credential == ClientSecret(CANARY)
    assert resolve(vault.reference + "defender") == CANARY  # of a setting beside the connection, too


def test_the_end_that_the_vault_knows_is_told_to_a_monitor(vault, monkeypatch):
    environment = {"TENANT_ID": TENANT, "CLIENT_ID": CLIENT, "CLIENT_SECRET": vault.reference + "defender"}
    for name, value in (environment | {"CA_BUNDLE": str(vault.ca_bundle)}).items():
        monkeypatch.setenv(f"DEFENDER_{name}", value)

    def told() -> dict[str, str]:
        (tenant,) = json.loads(invoke("status", "--json").stdout)["tenants"]
        assert CANARY not in str(tenant)
        found = {finding["status"] for finding in tenant["findings"] if finding["area"] == "secret"}
        return {each["kind"]: " ".join(found) for each in tenant["expiries"]}

    assert told() == {"client secret": "ok"}  # said to be unknown
    for days, status in ((300, ""), (20, "warning"), (-1, "critical")):
        vault.ends["defender"] = datetime.now(UTC) + timedelta(days=days)
        assert told() == {"secret in the vault": status}


@pytest.mark.parametrize("form", ["pfx_text", "pem"])
def test_a_certificate_of_the_vault_logs_in(vault, monkeypatch, form):
    """Given a certificate that Key Vault made, then its secret of the same name has it with the private key."""
    certificate = new_certificate()
    vault.kept["certificate"] = getattr(certificate, form)()
    monkeypatch.setenv("DEFENDER_TENANT_ID", TENANT)
    monkeypatch.setenv("DEFENDER_CLIENT_ID", CLIENT)
    monkeypatch.setenv("DEFENDER_CA_BUNDLE", str(vault.ca_bundle))
    monkeypatch.setenv("DEFENDER_CLIENT_CERTIFICATE", vault.reference + "certificate")
    found = connection()
    assert usable_certificate(found.credential).certificate == certificate.public_pem
    assert [piece for piece in certificate.secrets() if piece in repr(found)] == []
    vault.kept["certificate"] = certificate.public_pem
    with pytest.raises(SettingsError, match="DEFENDER_CLIENT_CERTIFICATE refers to PEM text without a certificate and"):
        connection()


def test_the_application_may_stand_in_dotenv(vault, monkeypatch):
    monkeypatch.delenv("AZURE_CLIENT_SECRET")
    Path("secret").write_text(SECRET)
    Path(".env").write_text("AZURE_CLIENT_SECRET=file:secret\n")
    assert read(vault) == CANARY


def test_a_workload_identity(vault, monkeypatch):
    """Given a pod of Azure Kubernetes Service, then the token that is projected into it logs in."""
    monkeypatch.delenv("AZURE_CLIENT_SECRET")
    Path("token").write_text(ASSERTION)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(Path("token").absolute()))
    assert read(vault) == CANARY


@pytest.fixture
def imds(vault, monkeypatch):
    """The metadata endpoint of a virtual machine."""

    def answer(request: Request) -> Answer:
        if request.headers["Metadata"] != "true":
            return Answer({"error": "bad request"}, 400)
        token = {"access_token": vault.issue(), "expires_in": "3600", "token_type": "Bearer"}
        return Answer({**token, "resource": "https://vault.azure.net"})

    with answering(answer) as server:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.url)
        for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"):
            monkeypatch.delenv(name)
        yield server


def test_a_managed_identity(vault, imds):
    assert read(vault) == CANARY
    assert any("resource=https://vault.azure.net" in request.target for request in imds.requests)
    assert all(host == VAULT for _, host, _ in vault.asked)


def test_what_is_refused_is_a_sentence_with_what_to_do(vault, monkeypatch):
    with pytest.raises(UnresolvedSecret, match=r"Azure Key Vault has no such secret \(ResourceNotFoundError\)"):
        read(vault, "gone")
    vault.status = 403
    with pytest.raises(UnresolvedSecret, match=r"refused it .*needs the role Key Vault Secrets User") as told:
        read(vault)
    assert CLIENT not in str(told.value)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    with pytest.raises(UnresolvedSecret, match=r"accepted no credential .*\(ClientAuthenticationError\): give this"):
        read(vault)


def test_what_azures_libraries_raise_beside_their_own_errors_is_a_sentence_too(vault, monkeypatch):
    """Given a tenant id that the library itself refuses, by a ValueError, then it is no traceback."""
    monkeypatch.setenv("AZURE_TENANT_ID", "contoso example!")
    with pytest.raises(UnresolvedSecret, match=r"client library failed \(ValueError\): check the store's own settings"):
        read(vault)


def test_an_unreachable_vault(vault, without_waiting, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(UnresolvedSecret, match=r"cannot be reached \(ServiceRequestError\)"):
        read(vault)


def test_nothing_secret_is_told_or_logged(vault, caplog):
    caplog.set_level(logging.DEBUG)
    assert read(vault) == CANARY
    vault.status = 403
    with pytest.raises(UnresolvedSecret) as told:
        read(vault)
    shown = caplog.text + repr(told.value) + repr(told.value.__context__)
    assert [text for text in (CANARY, SECRET, VAULT, *vault.issued) if text in shown] == []
