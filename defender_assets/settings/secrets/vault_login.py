"""Logging in to HashiCorp Vault or OpenBao: by token, AppRole, Kubernetes or JWT.

Here: choosing the method and what it needs; hvac logs in. Not here: reading a secret (``hashicorp_vault.py``).

https://developer.hashicorp.com/vault/docs/auth
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import UnresolvedSecret
from .local import from_file, store_variable

_TOKEN_FILE = Path("~/.vault-token")
_SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/token"


@contextmanager
def logged_in(client: Any, errors: Any) -> Iterator[None]:
    """The hvac client with a token: ``VAULT_TOKEN`` or ``~/.vault-token``, else one that ``VAULT_AUTH_METHOD`` gets,
    which is revoked at the end. Raises UnresolvedSecret, and what hvac raises at a refusal."""
    method = _method()
    if method == "token":
        client.token = _token()
        yield
        return
    log_in = _METHODS.get(method)
    if log_in is None:
        raise UnresolvedSecret(f"VAULT_AUTH_METHOD is none that is known: say one of token, {', '.join(_METHODS)}")
    log_in(client, store_variable("VAULT_AUTH_MOUNT") or method)
    try:
        yield
    finally:
        # It ends by itself too; a batch token cannot be revoked.
        with suppress(errors.VaultError, OSError):
            client.auth.token.revoke_self()


def logs_in() -> bool:
    """Whether each reading logs in for a token of its own."""
    return _method() != "token"


def _method() -> str:
    return (store_variable("VAULT_AUTH_METHOD") or "token").lower()


def _token() -> str:
    token = store_variable("VAULT_TOKEN")
    if token is None and _TOKEN_FILE.expanduser().is_file():
        token = from_file(str(_TOKEN_FILE))
    if token is None:
        others = f"one of {', '.join(_METHODS)}"
        raise UnresolvedSecret(f"HashiCorp Vault needs a login: set VAULT_TOKEN, or VAULT_AUTH_METHOD to {others}")
    return token


def _needed(name: str) -> str:
    value = store_variable(name)
    if value is None:
        raise UnresolvedSecret(f"{name} is not set, which VAULT_AUTH_METHOD needs")
    return value


def _assertion(default: str | None = None) -> str:
    path = store_variable("VAULT_JWT_FILE") or default
    if path is None:
        raise UnresolvedSecret("VAULT_JWT_FILE is not set, which VAULT_AUTH_METHOD needs")
    try:
        return from_file(path)
    except UnresolvedSecret as error:
        raise UnresolvedSecret(f"VAULT_JWT_FILE: {error}") from None


def _by_approle(client: Any, mount: str) -> None:
    client.auth.approle.login(
        role_id=_needed("VAULT_ROLE_ID"), secret_id=store_variable("VAULT_SECRET_ID"), mount_point=mount
    )


def _by_kubernetes(client: Any, mount: str) -> None:
    client.auth.kubernetes.login(role=_needed("VAULT_ROLE"), jwt=_assertion(_SERVICE_ACCOUNT), mount_point=mount)


def _by_jwt(client: Any, mount: str) -> None:
    client.auth.jwt.jwt_login(role=store_variable("VAULT_ROLE"), jwt=_assertion(), path=mount)


_METHODS: dict[str, Callable[[Any, str], None]] = {
    "approle": _by_approle,
    "kubernetes": _by_kubernetes,
    "jwt": _by_jwt,
}
