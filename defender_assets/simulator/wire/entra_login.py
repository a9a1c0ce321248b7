"""The login: OpenID configuration and the token endpoint for client credentials.

Here: client secrets, tokens, and the refusals of Entra ID in their own form (``error`` is a text). Not here: client
assertions (``app_registration.py``), what a token allows (``api_service.py``).

The token has version 1.0; its audience is the resource of the scope; ``roles`` is absent where none was granted.
"""

import secrets
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import jwt

from ..tenant.randomness import guid
from ..tenant.shape import TenantShape
from .app_registration import AppRegistration, LoginRefusal, check_assertion
from .http_messages import Request, ServerResponse, json_response

DEFENDER = "https://api.securitycenter.microsoft.com"
AUDIENCES = frozenset(
    {
        DEFENDER,
        "https://securitycenter.onmicrosoft.com/windowsatpservice",
        "https://api-gcc.securitycenter.microsoft.us",
        "https://api-gov.securitycenter.microsoft.us",
    }
)
"""Audiences that the API accepts; a token for any other resource is refused with 403."""
OTHER_RESOURCES = frozenset(
    {"https://api.security.microsoft.com", "https://graph.microsoft.com", "https://management.azure.com"}
)
_LIFETIME = 3_599
"""Seconds that a token is valid."""


class EntraLogin:
    """The login of one tenant with one application."""

    def __init__(self, shape: TenantShape, registration: AppRegistration) -> None:
        self._shape = shape
        self.registration = registration
        self._key = secrets.token_hex(32)
        self._lock = threading.Lock()
        self._generation = 0
        self.issued: set[str] = set()
        self.assertions: set[str] = set()
        self.logins = 0

    def respond(self, request: Request) -> ServerResponse | None:
        """The response to a login request, None for a path that is not the login's."""
        parts = request.path.strip("/").split("/")
        if request.path == "/common/discovery/instance":
            return self._instance(request)
        if len(parts) < 2:
            return None
        tenant, rest = parts[0], "/".join(parts[1:])
        if rest in ("v2.0/.well-known/openid-configuration", ".well-known/openid-configuration"):
            return self._configuration(tenant, request)
        if rest in ("oauth2/v2.0/token", "oauth2/token"):
            return self._token(tenant, request) if request.method == "POST" else ServerResponse(405)
        if rest == "discovery/v2.0/keys":
            return json_response(200, {"keys": []})
        return None

    def claims(self, token: str) -> dict[str, Any] | None:
        """The claims of a valid token, None for any other."""
        try:
            claims = jwt.decode(token, self._key, algorithms=["HS256"], options={"verify_aud": False})
        except jwt.InvalidTokenError:
            return None
        return claims if claims.get("gen") == self._generation else None

    def expire_tokens(self) -> None:
        """Makes every token that was issued so far invalid."""
        with self._lock:
            self._generation += 1

    def _is_this_tenant(self, tenant: str) -> bool:
        return tenant.lower() in (self._shape.tenant_id, "contoso.onmicrosoft.example")

    def _configuration(self, tenant: str, request: Request) -> ServerResponse:
        if not self._is_this_tenant(tenant):
            return self._refused(_unknown_tenant(tenant))
        base = f"{request.base_url}/{self._shape.tenant_id}"
        return json_response(
            200,
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "tenant_region_scope": "EU",
                "cloud_instance_name": "microsoftonline.com",
            },
        )

    def _instance(self, request: Request) -> ServerResponse:
        endpoint = f"{request.base_url}/{self._shape.tenant_id}/v2.0/.well-known/openid-configuration"
        return json_response(200, {"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": []})

    def _token(self, tenant: str, request: Request) -> ServerResponse:
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        self.logins += 1
        try:
            if not self._is_this_tenant(tenant):
                raise _unknown_tenant(tenant)
            audience = self._audience(form)
            self._authenticate(form, request)
        except LoginRefusal as refusal:
            return self._refused(refusal)
        token = self._issue(audience)
        content: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": _LIFETIME,
            "ext_expires_in": _LIFETIME,
            "access_token": token,
        }
        return json_response(200, content, headers=(("Cache-Control", "no-store, no-cache"), ("Pragma", "no-cache")))

    def _authenticate(self, form: Mapping[str, str], request: Request) -> None:
        registration = self.registration
        if form.get("grant_type") != "client_credentials":
            raise LoginRefusal(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if form.get("client_id") != registration.client_id:
            raise LoginRefusal(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{form.get('client_id', '')}' was not found in the directory 'Contoso'.",
            )
        if "client_assertion" in form:
            self.assertions.add(form["client_assertion"])
            check_assertion(registration, form, f"{request.base_url}{request.path}")
        elif not secrets.compare_digest(form.get("client_secret", "").encode(), registration.secret.encode()):
            raise LoginRefusal(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                f"value, not the client secret ID, for a secret added to app '{registration.client_id}'.",
            )
        elif registration.secret_expired:
            raise LoginRefusal(
                401,
                "invalid_client",
                7000222,
                f"The provided client secret keys for app '{registration.client_id}' are expired. Visit the Azure "
                "portal to create new keys for your app.",
            )

    @staticmethod
    def _audience(form: Mapping[str, str]) -> str:
        """The resource of the scope (version 2) or the resource itself (version 1)."""
        scope = form.get("scope", "")
        if "resource" in form:
            resource = form["resource"].rstrip("/")
        elif scope.endswith("/.default") and " " not in scope:
            resource = scope.removesuffix("/.default").rstrip("/")
        else:
            raise LoginRefusal(
                400,
                "invalid_scope",
                1002012,
                f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value "
                "with /.default suffixed to the resource identifier (application ID URI).",
            )
        if resource not in AUDIENCES | OTHER_RESOURCES:
            raise LoginRefusal(
                400,
                "invalid_resource",
                500011,
                f"The resource principal named {resource} was not found in the tenant named Contoso.",
            )
        return resource

    def _issue(self, audience: str) -> str:
        now = int(time.time())
        registration, tenant = self.registration, self._shape.tenant_id
        service_principal = guid(self._shape.seed, "service principal")
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{tenant}/",
            "idp": f"https://sts.windows.net/{tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + _LIFETIME,
            "appid": registration.client_id,
            "appidacr": "1",
            "oid": service_principal,
            "sub": service_principal,
            "tid": tenant,
            "tenant_region_scope": "EU",
            "uti": secrets.token_urlsafe(16),
            "ver": "1.0",
            "gen": self._generation,
        }
        if registration.roles and audience in AUDIENCES:
            claims["roles"] = sorted(registration.roles)
        token = jwt.encode(claims, self._key, algorithm="HS256")
        self.issued.add(token)
        return token

    def _refused(self, refusal: LoginRefusal) -> ServerResponse:
        stamp = datetime.now(UTC)
        trace, correlation = (guid(self._shape.seed, name, self.logins) for name in ("trace", "correlation"))
        # Entra ID writes "\r\n" and the blank before Z like this.
        text = (
            f"AADSTS{refusal.number}: {refusal.text} Trace ID: {trace}\r\nCorrelation ID: {correlation}\r\n"
            f"Timestamp: {stamp:%Y-%m-%d %H:%M:%SZ}"
        )
        return json_response(
            refusal.status,
            {
                "error": refusal.error,
                "error_description": text,
                "error_codes": [refusal.number],
                "timestamp": f"{stamp:%Y-%m-%d %H:%M:%SZ}",
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": f"https://login.microsoftonline.com/error?code={refusal.number}",
            },
        )


def _unknown_tenant(tenant: str) -> LoginRefusal:
    return LoginRefusal(
        400,
        "invalid_tenant" if tenant else "invalid_request",
        90002,
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud.",
    )
