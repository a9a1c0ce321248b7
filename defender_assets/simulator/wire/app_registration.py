"""The registered application, and the assertions it may log in with in place of a secret.

Here: certificates and workload identity tokens. Not here: the token endpoint (``entra_login.py``).
"""

import base64
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class AppRegistration:
    """The registered application. ``federated_tokens`` are workload identity tokens that are accepted as they are."""

    client_id: str
    secret: str
    secret_expired: bool = False
    roles: set[str] = field(default_factory=set)
    certificates: list[x509.Certificate] = field(default_factory=list)
    federated_tokens: set[str] = field(default_factory=set)


class LoginRefusal(Exception):
    """The token endpoint refuses: an AADSTS number and its text."""

    def __init__(self, status: int, error: str, number: int, text: str) -> None:
        super().__init__(text)
        self.status, self.error, self.number, self.text = status, error, number, text


def check_assertion(registration: AppRegistration, form: Mapping[str, str], audience: str) -> None:
    """Raises LoginRefusal unless the form has an assertion by which the application may log in.

    ``audience`` is the address of the token endpoint, which an assertion signed with a certificate must name.
    """
    assertion = form["client_assertion"]
    not_registered = LoginRefusal(
        401,
        "invalid_client",
        700027,
        "The certificate with identifier used to sign the client assertion is not registered.",
    )
    if form.get("client_assertion_type") != _ASSERTION_TYPE:
        raise not_registered
    if assertion in registration.federated_tokens:
        return
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.InvalidTokenError:
        raise LoginRefusal(401, "invalid_client", 50027, "JWT token is invalid or malformed.") from None
    for certificate in registration.certificates:
        if not _is_named_by(header, certificate):
            continue
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            continue
        try:
            claims = jwt.decode(
                assertion, key, algorithms=["RS256", "PS256"], options={"verify_aud": False, "require": ["exp"]}
            )
        except jwt.ExpiredSignatureError:
            raise LoginRefusal(
                401, "invalid_client", 700024, "Client assertion is not within its valid time range."
            ) from None
        except jwt.InvalidTokenError:
            raise not_registered from None
        client_id = registration.client_id
        if claims.get("iss") != client_id or claims.get("sub") != client_id or claims.get("aud") != audience:
            raise LoginRefusal(401, "invalid_client", 700023, "Client assertion audience claim does not match.")
        return
    raise not_registered


def _is_named_by(header: Mapping[str, Any], certificate: x509.Certificate) -> bool:
    """Whether the assertion's header names the certificate by one of its thumbprints."""
    for member, algorithm in (("x5t", hashes.SHA1()), ("x5t#S256", hashes.SHA256())):
        if member in header:
            thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(algorithm)).rstrip(b"=").decode()
            return str(header[member]).rstrip("=") == thumbprint
    return False


def workload_token(tenant_id: str, client_id: str) -> str:
    """A workload identity token as a Kubernetes cluster projects it into a pod."""
    now = int(time.time())
    claims = {
        "aud": ["api://AzureADTokenExchange"],
        "iss": "https://oidc.cluster.example/",
        "sub": f"system:serviceaccount:defender:{client_id}",
        "exp": now + 86_400,
        "iat": now,
        "tenant": tenant_id,
    }
    return jwt.encode(claims, secrets.token_hex(32), algorithm="HS256")
