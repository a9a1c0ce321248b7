"""HashiCorp Vault and OpenBao: a member of a secret in a key-value engine.

Here: finding the engine that a path is in, and reading from it. Not here: logging in (``vault_login.py``).

https://developer.hashicorp.com/vault/api-docs/secret/kv
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ..addresses import is_loopback
from .client_library import client_library
from .errors import UnresolvedSecret, no_tls, sentence, text_of
from .expiry import NotedEnd, are_ends_wanted, note_expiry
from .local import store_variable, store_variables
from .trust import trusted_authorities
from .vault_login import logged_in, logs_in

_SERVICE = "HashiCorp Vault"
_TIMEOUT = 20.0
# A new leader is found within seconds, and nothing is changed by asking twice.
_RETRIES = {
    "total": 3,
    "connect": 1,
    "other": 0,
    "backoff_factor": 0.5,
    "status_forcelist": (412, 429, 473, 502, 503, 504),
}


class _Place(NamedTuple):
    """Where a secret is. ``version`` of the engine is None where it is not known."""

    mount: str
    path: str
    version: int | None = None


def from_hashicorp_vault(reference: str, ca_bundle: Path | None) -> str:
    """``mount/path#key`` of a key-value engine, version 2 or 1. ``VAULT_ADDR``, ``VAULT_NAMESPACE`` and
    ``VAULT_CACERT`` select the Vault.

    A mount may have slashes in it: Vault is asked where it ends. Where the token may not ask that, the mount is what
    stands before the first slash, and its own slashes are written %2F.
    """
    where, _, key = reference.partition("#")
    where = where.strip("/")
    if "/" not in where or not key:
        raise UnresolvedSecret("a HashiCorp Vault reference reads vault:mount/path#key")
    hvac = client_library("hvac", _SERVICE, "vault")
    errors = client_library("hvac.exceptions", _SERVICE, "vault")
    requests = client_library("requests", _SERVICE, "vault")
    adapters = client_library("requests.adapters", _SERVICE, "vault")
    retries = client_library("urllib3.util", _SERVICE, "vault")
    address = _address()
    secret, failure = None, ""
    with trusted_authorities(ca_bundle, "VAULT_CACERT", "VAULT_CAPATH") as authorities, requests.Session() as session:
        session.verify = authorities
        # Of whoever connects a Vault may want a certificate: two files.
        session.cert = store_variables("VAULT_CLIENT_CERT", "VAULT_CLIENT_KEY")
        # Also a login is tried again, which is a POST.
        again = adapters.HTTPAdapter(max_retries=retries.Retry(**_RETRIES, allowed_methods=None, raise_on_status=False))
        session.mount("https://", again)
        session.mount("http://", again)
        client = hvac.Client(
            url=address, session=session, namespace=store_variable("VAULT_NAMESPACE"), timeout=_TIMEOUT, token=""
        )
        try:
            with logged_in(client, errors):
                secret = _read(client, where, errors)
                if are_ends_wanted() and not logs_in():
                    _note_end_of_token(client, errors)
        except (errors.VaultError, requests.RequestException) as error:
            failure = no_tls(_SERVICE, error, "DEFENDER_CA_BUNDLE", "VAULT_CACERT") or sentence(
                _SERVICE, _MEANINGS, type(error).__name__
            )
    if failure:
        raise UnresolvedSecret(failure)
    return text_of(secret.get(key) if isinstance(secret, dict) else None, _SERVICE)


def _address() -> str:
    address = store_variable("VAULT_ADDR") or "https://127.0.0.1:8200"
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https"):
        raise UnresolvedSecret("VAULT_ADDR is malformed: give an address such as https://vault.contoso.example:8200")
    if parts.scheme == "http" and not is_loopback(host):
        raise UnresolvedSecret(
            "VAULT_ADDR is not an https address: secrets and tokens go over plain HTTP to this machine only (an agent)"
        )
    return address.rstrip("/")


def _read(client: Any, where: str, errors: Any) -> object:
    """The members of a secret."""
    place = _place(client, where, errors)
    engines = client.secrets.kv
    if place.version != 1:
        try:
            answer = engines.v2.read_secret_version(
                path=place.path, mount_point=place.mount, raise_on_deleted_version=True
            )
            if ends_at := _time(answer["data"]["metadata"].get("deletion_time")):
                note_expiry(NotedEnd("secret in the vault", ends_at))
            return answer["data"]["data"]
        except errors.InvalidPath:
            if place.version == 2:
                raise
    # Version 1 of the engine has no "data/" level. Where Vault did not say, only a request shows which version it is.
    answer = engines.v1.read_secret(path=place.path, mount_point=place.mount)
    if answer.get("lease_id"):  # made for this reading, by an engine for Azure for instance
        ends_at = datetime.now(UTC) + timedelta(seconds=answer.get("lease_duration", 0))
        note_expiry(NotedEnd("secret in the vault", ends_at, is_renewable=True))
    return answer["data"]


def _note_end_of_token(client: Any, errors: Any) -> None:
    """Of a token that nobody makes anew at each reading. One may not be allowed to ask about itself."""
    with suppress(errors.VaultError, OSError):
        found: Mapping[str, Any] = client.auth.token.lookup_self()["data"]
        note_expiry(NotedEnd("vault token", _time(found.get("expire_time")), bool(found.get("renewable"))))


def _time(text: str | None) -> datetime | None:
    """A time as Vault writes it, with nanoseconds; None for none."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _place(client: Any, where: str, errors: Any) -> _Place:
    first, _, rest = where.partition("/")
    by_rule = _Place(unquote(first), unquote(rest))
    if by_rule.mount != first:
        return by_rule
    try:
        # As Vault's own command line does.
        answer = client.read(f"sys/internal/ui/mounts/{quote(unquote(where))}")
    except (errors.Forbidden, errors.InvalidPath, errors.InvalidRequest, errors.UnsupportedOperation):
        return by_rule
    engine = answer["data"] if answer else {}
    mount, path = str(engine.get("path", "")), unquote(where)
    if not mount or not path.startswith(mount) or path == mount:
        return by_rule
    version = 2 if (engine.get("options") or {}).get("version") == "2" else 1
    return _Place(mount.strip("/"), path.removeprefix(mount), version)


_MEANINGS = {
    "Forbidden": ("refused it", "the token may not read that, or has ended"),
    "Unauthorized": ("refused it", "the token may not read that, or has ended"),
    "InvalidRequest": ("refused the request", "check VAULT_AUTH_METHOD and what it logs in with"),
    "InvalidPath": ("has nothing there", "check the path, and VAULT_NAMESPACE where namespaces are used"),
    "VaultDown": ("does not work", "it is sealed, in standby or in maintenance"),
    "VaultNotInitialized": ("does not work", "it is not initialized"),
    "ConnectionError": ("cannot be reached", "check VAULT_ADDR and the network"),
    "ConnectTimeout": ("cannot be reached", "check VAULT_ADDR and the network"),
    "ReadTimeout": ("did not answer in time", "check what is the matter with it"),
}
