"""MSAL itself logs in, and every refusal of the login has Entra ID's own form."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msal
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from defender_assets.simulator import Simulator

from .conftest import SCOPE, claims_of, client_of, token_of


@pytest.fixture
def session(own: Simulator) -> Iterator[requests.Session]:
    with requests.Session() as session:
        # REQUESTS_CA_BUNDLE of the environment would win over ``verify``.
        session.trust_env = False
        session.verify = str(own.ca_bundle)
        yield session


@pytest.fixture
def login(own: Simulator, session: requests.Session) -> Callable[..., dict[str, Any]]:
    """Logs in with MSAL; whatever is not given is right."""

    def log_in(credential: Any = None, *, client: str | None = None, tenant: str | None = None, scope: str = SCOPE):
        settings = own.settings
        application = msal.ConfidentialClientApplication(
            client or settings["DEFENDER_CLIENT_ID"],
            authority=f"{settings['DEFENDER_AUTHORITY_URL']}/{tenant or settings['DEFENDER_TENANT_ID']}",
            client_credential=credential or settings["DEFENDER_CLIENT_SECRET"],
            http_client=session,
            instance_discovery=False,
        )
        return application.acquire_token_for_client([scope])

    return log_in


def certificate() -> tuple[str, str, str]:
    """A self-signed certificate: key and certificate (PEM), SHA-1 thumbprint."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "defender-assets")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return pem, signed.public_bytes(serialization.Encoding.PEM).decode(), signed.fingerprint(hashes.SHA1()).hex()


def test_a_client_secret_gives_a_token_with_the_claims_of_the_real_one(own, login):
    answer = login()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3_599)
    claims = claims_of(answer["access_token"])
    assert claims["aud"] == SCOPE.removesuffix("/.default")
    assert claims["tid"] == own.tenant.shape.tenant_id
    assert claims["appid"] == own.tenant.shape.client_id
    assert claims["ver"] == "1.0"
    assert claims["roles"] == own.control.roles()
    assert claims["exp"] - claims["iat"] == 3_599


def test_the_claim_is_absent_where_no_role_was_granted(own, login):
    own.control.revoke_roles(*own.control.roles())
    assert "roles" not in claims_of(login()["access_token"])


@pytest.mark.parametrize("by", ["sha1", "sha256"])
def test_a_certificate_logs_in_once_it_is_registered(by, own, login):
    key, public, thumbprint = certificate()
    credential = {"private_key": key} | ({"thumbprint": thumbprint} if by == "sha1" else {"public_certificate": public})
    assert login(credential)["error_codes"] == [700027]
    own.control.register_certificate(public)
    assert "access_token" in login(credential)
    other, _, _ = certificate()
    forged = {"private_key": other, "thumbprint": thumbprint}
    assert login(forged)["error_codes"] == [700027]


def test_a_workload_identity_token_logs_in_once_it_is_trusted(own, login):
    with Simulator() as elsewhere:
        token = elsewhere.control.trust_token()
    assert login({"client_assertion": lambda: token})["error_codes"] == [700027]
    assert own.control.trust_token(token) == token
    assert "access_token" in login({"client_assertion": lambda: token})
    assert login({"client_assertion": lambda: "no token"})["error_codes"] == [50027]


@pytest.mark.parametrize(
    ("how", "code", "error"),
    [
        ({"credential": "wrong"}, 7000215, "invalid_client"),
        ({"client": "11111111-1111-1111-1111-111111111111"}, 700016, "unauthorized_client"),
        ({"scope": "https://api.securitycenter.microsoft.com/Machine.Read.All"}, 1002012, "invalid_scope"),
        ({"scope": "https://nothing.example/.default"}, 500011, "invalid_resource"),
    ],
)
def test_refusals_have_their_numbers(how, code, error, login):
    answer = login(**how)
    assert answer["error_codes"] == [code]
    assert answer["error"] == error
    assert answer["error_description"].startswith(f"AADSTS{code}: ")
    assert "\r\nCorrelation ID: " in answer["error_description"]
    assert answer["timestamp"][10] == " "
    assert answer["timestamp"].endswith("Z")


def test_an_unknown_tenant_is_refused_before_the_token(own, login):
    unknown = "22222222-2222-2222-2222-222222222222"
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        login(tenant=unknown)
    address = f"{own.url}/{unknown}/v2.0/.well-known/openid-configuration"
    answer = httpx.get(address, verify=own.ssl_context)
    assert answer.status_code == 400
    assert (answer.json()["error"], answer.json()["error_codes"]) == ("invalid_tenant", [90002])


def test_a_secret_expires_and_is_rotated(own, login):
    own.control.expire_secret()
    assert login()["error_codes"] == [7000222]
    former = own.settings["DEFENDER_CLIENT_SECRET"]
    own.control.rotate_secret("new secret of the test")
    assert login(former)["error_codes"] == [7000215]
    assert "access_token" in login()


def test_tokens_expire(own):
    with client_of(own) as client:
        assert client.get("/api/machines?$top=1").status_code == 200
        own.control.expire_tokens()
        assert client.get("/api/machines?$top=1").status_code == 401
        client.headers["Authorization"] = f"Bearer {token_of(own)}"
        assert client.get("/api/machines?$top=1").status_code == 200


def test_a_role_that_is_taken_away_is_gone_at_once_and_named(own, own_api):
    assert own_api.get("/api/alerts?$top=1").status_code == 200
    kept = ["Software.Read.All", "Vulnerability.Read.All"]
    own.control.revoke_roles(*(role for role in own.control.roles() if role not in kept))
    refused = own_api.get("/api/alerts?$top=1")
    assert refused.status_code == 403
    assert refused.json()["error"]["message"] == (
        "Missing application roles. API required roles: Alert.Read.All,Alert.ReadWrite.All, "
        "application roles: Software.Read.All,Vulnerability.Read.All."
    )
    assert own_api.get("/api/Software?$top=1").status_code == 200
    own.control.grant_roles("Alert.ReadWrite.All")
    assert own_api.get("/api/alerts?$top=1").status_code == 403, "a token that is out does not have the role"
    own_api.headers["Authorization"] = f"Bearer {token_of(own)}"
    assert own_api.get("/api/alerts?$top=1").status_code == 200


def test_without_any_role_the_refusal_has_an_empty_list(own, own_api):
    own.control.revoke_roles(*own.control.roles())
    assert own_api.get("/api/alerts").json()["error"]["message"].endswith("application roles: .")


def test_the_older_token_endpoint_takes_a_resource(own):
    settings = own.settings
    answer = httpx.post(
        f"{own.url}/contoso.onmicrosoft.example/oauth2/token",
        data={
            "grant_type": "client_credentials",
            "client_id": settings["DEFENDER_CLIENT_ID"],
            "client_secret": settings["DEFENDER_CLIENT_SECRET"],
            "resource": "https://api.securitycenter.microsoft.com",
        },
        verify=own.ssl_context,
    )
    assert claims_of(answer.json()["access_token"])["aud"] == "https://api.securitycenter.microsoft.com"


def test_the_certificate_is_of_no_authority_that_anybody_trusts(own):
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(own.url)
