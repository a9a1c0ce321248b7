"""A double of Azure Key Vault and of the login before it, behind a proxy that inspects TLS.

Here: the protocol: CONNECT, the vault's challenge, the login's token, secrets. Not here: what is tested with it
(``test_key_vault.py``). Azure's client libraries are used as they are, with the hosts' real names.

https://learn.microsoft.com/en-us/azure/key-vault/general/authentication-requests-and-responses
https://learn.microsoft.com/en-us/rest/api/keyvault/secrets/get-secret
"""

import json
import secrets
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import trustme

VAULT = "team.vault.azure.net"
LOGIN = "login.microsoftonline.com"
TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-000000000000"
SECRET = "canary-azure-Zx8Q~secret"
ASSERTION = "canary-workload-assertion"
_SCOPE = "https://vault.azure.net/.default"


@dataclass
class KeyVault:
    """``kept`` has the secrets by name, ``ends`` when those end that do. ``status`` is answered in their place where it
    is set. ``asked`` has method, host and path of each request; ``issued`` the tokens."""

    ca_bundle: Path
    proxy: str
    kept: dict[str, str] = field(default_factory=dict)
    ends: dict[str, datetime] = field(default_factory=dict)
    status: int | None = None
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    issued: set[str] = field(default_factory=set)

    @property
    def reference(self) -> str:
        """What the reference to a secret begins with."""
        return f"keyvault:https://{VAULT}/secrets/"

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """What the login answers."""
        proof = form.get("client_secret") == SECRET or form.get("client_assertion") == ASSERTION
        if form.get("client_id") != CLIENT or not proof:
            text = "AADSTS7000215: Invalid client secret provided."
            return 401, {"error": "invalid_client", "error_description": text, "error_codes": [7000215]}
        if _SCOPE not in form.get("scope", ""):
            return 400, {"error": "invalid_scope", "error_description": f"AADSTS70011: {form.get('scope')}"}
        return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": self.issue()}

    def issue(self) -> str:
        """A token that the vault accepts."""
        bearer = f"canary-bearer-{secrets.token_hex(8)}"
        self.issued.add(bearer)
        return bearer

    def secret(self, path: str, bearer: str | None) -> tuple[int, dict[str, Any]]:
        """What the vault answers to whoever is logged in, 401 to others."""
        if bearer is None or bearer.removeprefix("Bearer ") not in self.issued:
            return 401, _error("Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
        if self.status is not None:
            return self.status, _error(
                "Forbidden", f"The user {CLIENT} does not have secrets get permission on {VAULT}"
            )
        name = path.split("/")[2]
        if name not in self.kept:
            return 404, _error("SecretNotFound", f"A secret with (name/id) {name} was not found in this key vault.")
        attributes = {"enabled": True} | ({"exp": int(self.ends[name].timestamp())} if name in self.ends else {})
        return 200, {"value": self.kept[name], "id": f"https://{VAULT}{path}", "attributes": attributes}


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


@contextmanager
def open_key_vault(folder: Path) -> Iterator[KeyVault]:
    """The proxy and what is behind it, as long as the context."""
    authority = trustme.CA()
    bundle = folder / "inspecting-proxy.pem"
    authority.cert_pem.write_to_path(str(bundle))
    contexts = {}
    for host in (VAULT, LOGIN):
        contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host).configure_cert(contexts[host])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        host = ""

        def do_CONNECT(self) -> None:
            self.host = self.path.partition(":")[0]
            if self.host not in contexts:
                self.send_error(502)
                return
            self.send_response_only(200, "Connection established")
            self.end_headers()
            try:
                self.connection = contexts[self.host].wrap_socket(self.connection, server_side=True)
            except OSError:
                self.close_connection = True  # whoever connects does not trust the authority
                return
            self.rfile = self.connection.makefile("rb")
            self.wfile = self.connection.makefile("wb", buffering=0)
            self.close_connection = False

        def finish(self) -> None:
            super().finish()
            self.connection.close()

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            double.asked.append(("GET", self.host, path))
            if self.host == VAULT:
                self._answer(*double.secret(path, self.headers["Authorization"]))
                return
            base = f"https://{LOGIN}"
            if path == "/common/discovery/instance":
                alias = {"preferred_network": LOGIN, "preferred_cache": LOGIN, "aliases": [LOGIN]}
                endpoint = f"{base}/{TENANT}/v2.0/.well-known/openid-configuration"
                self._answer(200, {"tenant_discovery_endpoint": endpoint, "metadata": [alias]})
                return
            login = f"{base}/{TENANT}"
            endpoints = {
                "authorization_endpoint": f"{login}/oauth2/v2.0/authorize",
                "token_endpoint": f"{login}/oauth2/v2.0/token",
            }
            self._answer(200, {"issuer": f"{login}/v2.0", **endpoints})

        def do_POST(self) -> None:
            double.asked.append(("POST", self.host, self.path))
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(*double.token({name: values[0] for name, values in parse_qs(body).items()}))

        def _answer(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            if status == 401 and self.host == VAULT:
                authorization = f"https://{LOGIN}/{TENANT}"
                self.send_header(
                    "WWW-Authenticate", f'Bearer authorization="{authorization}", resource="https://vault.azure.net"'
                )
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    double = KeyVault(bundle, f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True).start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
