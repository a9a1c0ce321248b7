"""The login: a token for the application, cached while it is valid, renewed before it expires.

Here: MSAL and its transport, and what is done about a refusal. Not here: what it means (``entra.py``), managed
identities (``managed_identity.py``), using the token (``client.py``).

MSAL (https://learn.microsoft.com/en-us/entra/msal/python/) does the protocol. Each login is a new MSAL application,
because MSAL caches a refusal for a minute and would repeat it after the cause was corrected in the portal. Its
transport is ours: proxies and certificates are handled in one place, and every response that is no success becomes a
LoginError. MSAL itself reports a failed discovery only as a text with the tenant in it. It is imported at the login, as
it takes a tenth of a second and many a process never logs in.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

import base64
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from ..settings import (
    CertificatePair,
    ClientCertificate,
    ClientSecret,
    Connection,
    FederatedToken,
    ManagedIdentity,
    Problem,
    SettingsError,
    usable_certificate,
)
from ..settings.small_files import read_small
from .compression import Damaged, Overlong, decompressed_body
from .entra import refusal_of, refusal_of_ended_certificate
from .errors import LoginError, UntrustedCertificate
from .hosts import host_of, may_get_credential, origin_of
from .http import steady
from .managed_identity import identity_token
from .retry import RetryPolicy, retry_after_seconds, server_time
from .tls import is_untrusted

# MSAL itself treats a token as expired when less than five minutes are left.
_RENEW_BEFORE = 300.0
LARGEST_ANSWER = 1 << 20
"""Bytes. A token with many roles has some kilobytes."""


@dataclass(frozen=True)
class Claims:
    """What a token says about itself. It is read and not verified, which is the service's task."""

    roles: tuple[str, ...] = ()
    audience: str = ""
    tenant_id: str = ""


@dataclass(frozen=True)
class Token:
    """A bearer token. ``renew_at`` is on the monotonic clock."""

    bearer: str = field(repr=False)
    claims: Claims
    renew_at: float


def read_claims(bearer: str) -> Claims:
    """Roles, audience and tenant of a JWT; all empty for anything else."""
    try:
        body = bearer.split(".")[1]
        claims = orjson.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        roles = claims.get("roles") or ()
        return Claims(
            # Without consented roles the claim is absent.
            roles=tuple(_text(role) for role in ([roles] if isinstance(roles, str) else roles)),
            audience=_text(claims.get("aud")),
            tenant_id=_text(claims.get("tid")),
        )
    except (IndexError, ValueError, AttributeError, TypeError):
        return Claims()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


class Login:
    """One application's login, shared by all threads. ``token`` is one of an earlier login of the same application."""

    def __init__(
        self, connection: Connection, http: httpx.Client, *, retry: RetryPolicy, token: Token | None = None
    ) -> None:
        self.connection = connection
        self._transport = _Transport(http, retry)
        self._lock = threading.Lock()
        self._token = token
        self._refused = False

    def __repr__(self) -> str:
        return f"Login({self.connection.tenant_name!r})"

    def token(self) -> Token:
        """A token that is valid for some minutes. Raises LoginError, and SettingsError where a reference fails."""
        with self._lock:
            if self._token is None or time.monotonic() >= self._token.renew_at:
                self._token = self._log_in()
            return self._token

    @property
    def last_token(self) -> Token | None:
        """The token of the last login; None before the first, and once the service has rejected it."""
        return self._token

    def invalidate(self, token: Token) -> None:
        """The service rejected this token: the next call of ``token`` logs in anew, and follows references again."""
        with self._lock:
            # Another thread may have renewed it in the meantime.
            if self._token is token:
                self._token = None
                self._refused = True

    def _log_in(self) -> Token:
        if self._refused:
            # Where the references cannot be followed just now, the login tells whether what is at hand still works.
            with suppress(SettingsError):
                self.connection = self.connection.renewed()
            self._refused = False
        proof = _proof(self.connection)
        try:
            return self._request_token(self.connection, proof)
        except LoginError as error:
            if not error.refused:
                raise
            refusal = error
        # What was refused may have been rotated since it was read. Once: what is there then counts.
        renewed = renewed_proof = None
        try:
            renewed = self.connection.renewed()
            renewed_proof = _proof(renewed)
        except SettingsError as error:
            refusal.remedy = f"{refusal.remedy} Reading it again failed: {error}"
        if renewed is None or renewed_proof is None or (renewed, renewed_proof) == (self.connection, proof):
            raise refusal
        self.connection = renewed
        return self._request_token(renewed, renewed_proof)

    def _request_token(self, connection: Connection, proof: "_Proof") -> Token:
        try:
            return self._requested(connection, proof)
        except LoginError as error:
            error.remedy = connection.as_written(error.remedy)
            raise

    def _requested(self, connection: Connection, proof: "_Proof") -> Token:
        import requests

        requested_at = time.monotonic()
        if isinstance(proof, ManagedIdentity):
            return _token(self._transport.retry.run(lambda: identity_token(connection)), requested_at)
        try:
            answer = self._msal(connection, proof)
        except LoginError as error:
            if error.refused and isinstance(proof, CertificatePair) and proof.ends <= datetime.now(UTC):
                raise refusal_of_ended_certificate(error, proof.ends) from None
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, requests.RequestException) as error:
            kind = type(error).__name__
        else:
            return _token(answer, requested_at)
        raise _unexpected(f"The login at {host_of(connection.authority_url)} did not go as it should ({kind})")

    def _msal(self, connection: Connection, proof: "ClientSecret | CertificatePair | _Assertion") -> Mapping[str, Any]:
        import msal

        application = msal.ConfidentialClientApplication(
            connection.client_id,
            client_credential=_for_msal(proof),
            authority=f"{connection.authority_url}/{connection.tenant_id}",
            # The authority is a setting: MSAL need not ask login.microsoftonline.com whether it exists.
            instance_discovery=False,
            validate_authority=False,
            azure_region=False,
            http_client=self._transport.to(connection),
        )
        answer: Mapping[str, Any] = application.acquire_token_for_client(scopes=[connection.scope])
        return answer


def _token(answer: Mapping[str, Any], requested_at: float) -> Token:
    bearer = answer.get("access_token")
    if not isinstance(bearer, str) or not bearer:
        description = _text(answer.get("error_description")) or _text(answer.get("error")) or "no reason given"
        raise refusal_of(400, {"error": answer.get("error", ""), "error_description": description})
    lifetime = float(answer.get("expires_in") or 0)
    return Token(
        bearer=bearer,
        claims=read_claims(bearer),
        # A token that lives for less than ten minutes is used for half of its life.
        renew_at=requested_at + max(lifetime - _RENEW_BEFORE, lifetime / 2),
    )


@dataclass(frozen=True)
class _Assertion:
    """What the file of a workload identity held when it was read."""

    text: str = field(repr=False)


_Proof = ClientSecret | CertificatePair | _Assertion | ManagedIdentity
"""What a login presents, files read: two that are equal are refused alike."""


def _proof(connection: Connection) -> _Proof:
    """Raises SettingsError where a file cannot be read."""
    credential = connection.credential
    if isinstance(credential, ClientCertificate):
        return usable_certificate(credential)
    if isinstance(credential, FederatedToken):
        return _Assertion(_federated_assertion(credential))
    return credential


def _for_msal(proof: ClientSecret | CertificatePair | _Assertion) -> Any:
    match proof:
        case ClientSecret():
            return proof.secret
        case CertificatePair():
            return {"private_key": proof.private_key, "public_certificate": proof.certificate}
        case _Assertion():
            return {"client_assertion": lambda: proof.text}


def _federated_assertion(credential: FederatedToken) -> str:
    try:
        return read_small(credential.path).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(
            Problem(
                "DEFENDER_FEDERATED_TOKEN_FILE",
                "names a file that cannot be read",
                "give the file that the workload identity writes",
            )
        ) from None


@dataclass(frozen=True)
class _MsalResponse:
    """The members of a response that MSAL reads."""

    status_code: int
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def raise_for_status(self) -> None:
        """MSAL calls this; only successes get here."""


@dataclass(frozen=True)
class _Transport:
    """MSAL's ``http_client``: returns successes, and turns everything else into LoginErrors."""

    http: httpx.Client
    retry: RetryPolicy
    connection: Connection | None = None

    def to(self, connection: Connection) -> "_Transport":
        return _Transport(self.http, self.retry, connection)

    def get(self, url: str, params: Any = None, headers: Any = None, **_: Any) -> _MsalResponse:
        return self.retry.run(lambda: self._send("GET", url, params=params, headers=headers))

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_: Any) -> _MsalResponse:
        assert self.connection is not None
        if not may_get_credential(url, self.connection):
            raise _unexpected(f"The login wants the credential sent to {origin_of(url)}, which was not done")
        # MSAL's signed assertions are bytes, which httpx would send as Python writes them: b'…'.
        content = urlencode(data or {}).encode("ascii")
        form_headers = {**(headers or {}), "Content-Type": "application/x-www-form-urlencoded"}
        return self.retry.run(lambda: self._send("POST", url, params=params, content=content, headers=form_headers))

    def close(self) -> None:
        """MSAL calls this; the HTTP client is closed by its owner."""

    def _send(self, method: str, url: str, **content: Any) -> _MsalResponse:
        host = host_of(url)
        failure: LoginError
        parts = {name: value for name, value in content.items() if value}
        parts["headers"] = {**parts.get("headers", {}), "Accept-Encoding": "gzip"}
        try:
            with self.http.stream(method, url, **parts) as response:
                encoding = response.headers.get("Content-Encoding", "")
                body = decompressed_body(steady(response.iter_raw()), encoding, at_most=LARGEST_ANSWER)
            return self._success(response, body, host)
        except httpx.TransportError as error:
            failure = _broken_connection(error, host)
        except (httpx.InvalidURL, httpx.StreamError, Damaged, Overlong):
            failure = LoginError(f"What {host} answered to the login cannot be read", remedy=_CHECK_AUTHORITY)
        raise failure

    def _success(self, response: httpx.Response, body: bytes, host: str) -> _MsalResponse:
        status = response.status_code
        try:
            # MSAL parses it again, by a parser that fails at deep nesting; this one refuses that.
            content = orjson.loads(body) if len(body) <= LARGEST_ANSWER else None
        except orjson.JSONDecodeError:
            content = None
        if status == 200 and isinstance(content, dict):
            return _MsalResponse(status, body.decode("utf-8"), dict(response.headers))
        if status == 429 or status >= 500:
            now = server_time(response.headers.get("Date"))
            raise LoginError(
                f"The login at {host} answered {status}",
                remedy="Entra has a problem or wants fewer logins; try again later.",
                status=status,
                retryable=True,
                retry_after=retry_after_seconds(response.headers.get("Retry-After"), now=now),
            )
        if isinstance(content, dict) and status >= 400:
            raise refusal_of(status, content)
        raise LoginError(
            f"The login at {host} answered {status} with something that is no login answer",
            remedy=_CHECK_AUTHORITY,
            status=status,
        )


_CHECK_AUTHORITY = "Check DEFENDER_AUTHORITY_URL and DEFENDER_CLOUD, and that no proxy answers in the login's place."


def _broken_connection(error: httpx.TransportError, host: str) -> LoginError:
    if is_untrusted(error):
        return LoginError(
            f"The certificate of the login at {host} is not trusted",
            reason="tls_untrusted",
            remedy=UntrustedCertificate.remedy,
        )
    unreachable = LoginError(
        f"The login at {host} cannot be reached ({type(error).__name__})",
        reason="unreachable",
        remedy="Check DEFENDER_AUTHORITY_URL, the network and the proxy (HTTPS_PROXY, NO_PROXY).",
        retryable=True,
    )
    unreachable.connected = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError)
    unreachable.silent = isinstance(error, httpx.ReadTimeout)
    return unreachable


def _unexpected(what: str) -> LoginError:
    return LoginError(what, remedy=_CHECK_AUTHORITY)
