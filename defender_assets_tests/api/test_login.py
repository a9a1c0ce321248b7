"""The login through MSAL, against a login server on loopback with a certificate authority of its own."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import parse_qs

import jwt
import pytest

from defender_assets.api import LoginError, login
from defender_assets.api.hosts import may_get_credential
from defender_assets.api.login import read_claims
from defender_assets.catalog import DATASETS
from defender_assets.settings import ClientCertificate, ClientSecret, FederatedToken, SettingsError

from .certificates import new_certificate
from .conftest import connection_to
from .wire import CLIENT, DISCOVERY, SECRET, TENANT, TOKEN, Reply, page, refusal, says, token_of


def entra_error(code: int, status: int = 400, name: str = "invalid_client", text: str = "AADSTS{code}: no.") -> Reply:
    return says(
        {
            "error": name,
            "error_description": text.format(code=code) + "\r\nTrace ID: x",
            "error_codes": [code],
            "timestamp": "2022-09-14 05:56:30Z",
        },
        status,
    )


def form(request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def test_a_client_secret_becomes_a_token(wire, client):
    wire.roles = ("Machine.Read.All", "Alert.Read.All")
    token = client.login.token()
    assert token.claims.roles == ("Machine.Read.All", "Alert.Read.All")
    assert token.claims.tenant_id == TENANT
    (request,) = wire.logins()
    sent = form(request)
    assert request.path == TOKEN
    assert sent["grant_type"] == "client_credentials"
    assert sent["client_id"] == CLIENT
    assert sent["client_secret"] == SECRET
    assert sent["scope"] == "https://api.securitycenter.microsoft.com/.default"


def test_the_token_is_kept_until_shortly_before_its_end(wire, client):
    assert client.login.token() is client.login.token()
    assert len(wire.logins()) == 1


def test_a_short_lived_token_is_used_for_half_of_its_life(wire, client, monkeypatch):
    wire.lifetime = 60
    first = client.login.token()
    started = time.monotonic()
    # Only for the login: the server in the other thread lives by the real clock.
    monkeypatch.setattr(login, "time", SimpleNamespace(monotonic=lambda: started + 20))
    assert client.login.token() is first
    monkeypatch.setattr(login, "time", SimpleNamespace(monotonic=lambda: started + 31))
    assert client.login.token() is not first


def test_many_threads_log_in_once(wire, client):
    tokens = []
    threads = [threading.Thread(target=lambda: tokens.append(client.login.token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wire.logins()) == 1
    assert len({id(token) for token in tokens}) == 1


def test_only_the_token_that_was_refused_is_invalidated(wire, client):
    old = client.login.token()
    client.login.invalidate(old)
    new = client.login.token()
    client.login.invalidate(old)
    assert client.login.token() is new


@pytest.mark.parametrize(
    ("code", "status", "reason", "word"),
    [
        (7000215, 401, "bad_secret", "DEFENDER_CLIENT_SECRET"),
        (7000222, 401, "expired_secret", "expired"),
        (700016, 400, "unknown_application", "DEFENDER_CLIENT_ID"),
        (90002, 400, "unknown_tenant", "DEFENDER_TENANT_ID"),
        (500011, 400, "unexpected", "DEFENDER_SCOPE"),
        (1002012, 400, "unexpected", ".default"),
        (700027, 401, "unexpected", "certificate"),
        (999999, 400, "unexpected", "AADSTS999999"),
    ],
)
def test_each_refusal_of_the_login_has_its_reason_and_remedy(wire, client, code, status, reason, word):
    wire.on(TOKEN, entra_error(code, status))
    with pytest.raises(LoginError, match=word) as raised:
        client.login.token()
    assert raised.value.reason == reason
    assert raised.value.remedy
    assert not raised.value.retryable


def test_the_code_is_read_from_the_text_where_the_list_is_missing(wire, client):
    wire.on(TOKEN, says({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid."}, 401))
    with pytest.raises(LoginError) as raised:
        client.login.token()
    assert raised.value.reason == "bad_secret"


@pytest.mark.parametrize(
    "reply",
    [
        entra_error(90002, 400, "invalid_tenant"),
        says({"error": "invalid_tenant", "error_description": "Tenant not found."}, 400),
    ],
)
def test_a_tenant_that_the_discovery_does_not_know(wire, client, reply):
    wire.on(DISCOVERY, reply)
    with pytest.raises(LoginError) as raised:
        client.login.token()
    assert raised.value.reason == "unknown_tenant"
    assert wire.logins() == []


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        (DISCOVERY, Reply(200, b"<html>Sign in to the proxy</html>", {"Content-Type": "text/html"})),
        (DISCOVERY, Reply(404)),
        (DISCOVERY, says({"issuer": "x"})),
        (DISCOVERY, says([])),
        (TOKEN, Reply(200, b"<html>")),
        (TOKEN, says({"token_type": "Bearer"})),
        (TOKEN, says({"access_token": 5, "expires_in": "soon"})),
        (TOKEN, Reply(302, b"", {"Location": "https://evil.example"})),
    ],
)
def test_what_is_no_login_is_said_to_be_none(wire, client, path, reply):
    wire.on(path, reply)
    with pytest.raises(LoginError) as raised:
        client.login.token()
    assert raised.value.reason == "unexpected"


@pytest.mark.parametrize(
    ("authority", "address", "allowed"),
    [
        ("https://login.microsoftonline.com", "https://login.microsoftonline.com:443/x", True),
        ("https://login.microsoftonline.com", "https://eu.login.microsoft.com/x", True),
        ("https://login.microsoftonline.com", "https://login.microsoftonline.com:8443/x", False),
        ("https://login.microsoftonline.com", "https://eu.login.microsoft.com:8443/x", False),
        ("https://login.example:8443", "https://login.example:8443/x", True),
        ("https://login.example:8443", "https://login.example/x", False),
        ("https://login.example:8443", "https://login.windows.net/x", True),
    ],
)
def test_where_the_credential_may_go(wire, authority, address, allowed):
    assert may_get_credential(address, connection_to(wire, authority_url=authority)) is allowed


def test_the_credential_is_not_sent_to_another_port_of_the_login(wire, client):
    endpoint = f"https://localhost:{wire.port + 1}"
    wire.on(
        DISCOVERY,
        says(
            {
                "issuer": f"{wire.url}/{TENANT}/v2.0",
                "authorization_endpoint": f"{endpoint}/authorize",
                "token_endpoint": f"{endpoint}/token",
            }
        ),
    )
    with pytest.raises(LoginError, match=f"localhost:{wire.port + 1}"):
        client.login.token()
    assert wire.logins() == []


def test_a_busy_login_is_tried_again(wire, client, clock):
    busy = Reply(429, b"", {"Retry-After": "3"})
    wire.on(TOKEN, busy, Reply(503), says({"access_token": token_of(), "expires_in": 3599}))
    assert client.login.token()
    assert len(clock.slept) == 2
    assert 3 <= clock.slept[0] < 4


def test_the_secret_goes_nowhere_but_to_the_login(wire, client):
    wire.on(
        DISCOVERY,
        says(
            {
                "issuer": "x",
                "authorization_endpoint": f"{wire.url}/a",
                "token_endpoint": f"https://other.localhost:{wire.port}{TOKEN}",
            }
        ),
    )
    with pytest.raises(LoginError, match="was not done"):
        client.login.token()
    assert wire.logins() == []


def test_an_unreachable_login(wire, opened, clock):
    client = opened(connection_to(wire, authority_url="https://localhost:1"))
    with pytest.raises(LoginError, match="cannot be reached") as raised:
        client.login.token()
    assert raised.value.reason == "unreachable"


def test_a_rotated_secret_is_picked_up_without_a_restart(wire, opened):
    """Given a secret that was changed at its source, when the old one is refused, then the new one is used."""
    rotated = connection_to(wire, credential=ClientSecret("new-secret"))
    client = opened(replace(connection_to(wire), source=lambda: rotated))

    def only_the_new_one(request):
        if form(request)["client_secret"] == "new-secret":
            return says({"access_token": token_of(), "expires_in": 3599})
        return entra_error(7000222, 401)

    wire.on(TOKEN, only_the_new_one)
    assert client.login.token()
    assert len(wire.logins()) == 2


def test_an_unchanged_secret_is_not_tried_twice(wire, opened):
    client = opened(replace(connection_to(wire), source=lambda: connection_to(wire)))
    wire.on(TOKEN, entra_error(7000215, 401))
    with pytest.raises(LoginError):
        client.login.token()
    assert len(wire.logins()) == 1


def test_a_correction_in_the_portal_works_at_once(wire, client):
    """MSAL alone would repeat a refusal for a minute without asking."""
    wire.on(TOKEN, entra_error(700016, 400), says({"access_token": token_of(), "expires_in": 3599}))
    with pytest.raises(LoginError):
        client.login.token()
    assert client.login.token()


@pytest.fixture(scope="module")
def certificate():
    return new_certificate()


@pytest.mark.parametrize("ending", [".pem", ".pfx"])
@pytest.mark.parametrize("password", [None, "pass word"])
def test_a_certificate_signs_the_login(wire, opened, tmp_path, certificate, ending, password):
    path = tmp_path / f"app{ending}"
    path.write_bytes(certificate.pem(password).encode() if ending == ".pem" else certificate.pfx(password))
    client = opened(connection_to(wire, credential=ClientCertificate(path, password)))
    assert client.login.token()
    sent = form(wire.logins()[0])
    assert "client_secret" not in sent
    public = certificate.key.public_key()
    claims = jwt.decode(sent["client_assertion"], public, ["PS256"], audience=f"{wire.url}{TOKEN}")
    assert claims["iss"] == CLIENT


def test_a_certificate_that_has_ended_is_told_by_the_day_it_ended(wire, opened, tmp_path):
    path = tmp_path / "app.pem"
    path.write_text(new_certificate(lasts=timedelta(minutes=-5)).pem())
    wire.on(TOKEN, entra_error(700027, 401))
    with pytest.raises(LoginError, match=r"the certificate ended on .* Make a new one, upload it") as raised:
        opened(connection_to(wire, credential=ClientCertificate(path))).login.token()
    assert (raised.value.reason, raised.value.code, raised.value.refused) == ("expired_secret", "AADSTS700027", True)


def test_a_certificate_that_vanished_names_its_setting(wire, opened, tmp_path):
    client = opened(connection_to(wire, credential=ClientCertificate(tmp_path / "gone.pem")))
    with pytest.raises(SettingsError, match="DEFENDER_CLIENT_CERTIFICATE"):
        client.login.token()


def test_a_workload_identity_sends_what_the_file_holds_at_that_moment(wire, opened, tmp_path):
    path = tmp_path / "token"
    path.write_text("assertion-one\n")
    client = opened(connection_to(wire, credential=FederatedToken(path)))
    client.login.invalidate(client.login.token())
    path.write_text("assertion-two\n")
    client.login.token()
    assert [form(request)["client_assertion"] for request in wire.logins()] == ["assertion-one", "assertion-two"]
    assert form(wire.logins()[0])["client_assertion_type"].endswith("jwt-bearer")


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "a.e30.c", "a.W10.c", "..", "a.eyJyb2xlcyI6NX0.c"])
def test_a_token_that_tells_nothing_is_no_error(text):
    assert read_claims(text).roles == ()


def test_the_api_is_asked_with_the_token(wire, client):
    wire.on("/api/machines", page([]))
    client.get("/api/machines", dataset=DATASETS["machines"], quota=DATASETS["machines"].quota)
    assert wire.requests_for("/api/machines")[0].bearer == f"Bearer {client.login.token().bearer}"


def test_a_login_refused_in_mid_walk_is_a_login_error(wire, client):
    wire.on("/api/machines", refusal(401, "Unauthorized", "expired"))
    wire.on(TOKEN, says({"access_token": token_of(), "expires_in": 3599}), entra_error(7000222, 401))
    with pytest.raises(LoginError) as raised:
        client.get("/api/machines", dataset=DATASETS["machines"], quota=DATASETS["machines"].quota)
    assert raised.value.reason == "expired_secret"
