"""Which host may receive what: the bearer token the API, a plain GET the storage, the credential the login.

Here: the rules, as pure decisions. Not here: the table of clouds (``settings/cloud.py``), sending (``client.py``,
``export_storage.py``, ``login.py``).
"""

from functools import lru_cache
from typing import NamedTuple

import httpx

from ..settings import Cloud, Connection, is_loopback

_HTTPS = 443
# Characters, RFC 1035 2.3.4. Nothing longer is shown.
_LONGEST_NAME = 253


class _Origin(NamedTuple):
    """Where an https address leads. The host is in lower case."""

    host: str
    port: int


def _parsed_origin(address: str) -> _Origin | None:
    """None for anything that is not a plain https address."""
    try:
        # Parsed by the library that sends the request: where two parsers differ about an address, a rule can be evaded.
        url = httpx.URL(address)
    except (httpx.InvalidURL, UnicodeError):
        return None
    # A user name before the host can disguise the host.
    if url.scheme != "https" or url.userinfo:
        return None
    host = url.raw_host.decode("ascii").lower().rstrip(".")
    port = _HTTPS if url.port is None else url.port
    return _Origin(host, port) if host else None


@lru_cache(maxsize=16)
def _origin(address: str) -> _Origin | None:
    """The same, remembered: every call asks several times about its own address and the API's."""
    return _parsed_origin(address)


def _https_host(address: str) -> str | None:
    origin = _origin(address)
    return origin.host if origin else None


def path_of(address: str) -> str:
    """The path for a message: without the query, where signatures and continuation tokens are."""
    return httpx.URL(address).raw_path.decode("ascii").partition("?")[0][:_LONGEST_NAME]


def host_of(address: str) -> str:
    """The host for a message."""
    return (_https_host(address) or "an address that is not https")[:_LONGEST_NAME]


def origin_of(address: str) -> str:
    """The host for a message, with the port where it is not that of https: a foreign port is as foreign as a host."""
    origin = _origin(address)
    return host_of(address) if origin is None or origin.port == _HTTPS else f"{host_of(address)}:{origin.port}"


def _below(host: str, suffixes: tuple[str, ...]) -> bool:
    return any(host.endswith("." + suffix) for suffix in suffixes)


def _is_local(host: str) -> bool:
    # Names below localhost are good enough for https, whose certificate proves them, but not for plain http.
    return is_loopback(host) or _below(host, ("localhost",))


def is_clouds_own(api_url: str, cloud: Cloud) -> bool:
    """Whether the API is one of the cloud's own hosts, and not a test tenant."""
    return _below(_https_host(api_url) or "", cloud.api_suffixes)


def may_get_bearer(address: str, connection: Connection) -> bool:
    """Https, and the configured API (host and port), or a host of the configured cloud on 443.

    What listens on another port of the API's host may belong to somebody else.
    """
    origin = _origin(address)
    return origin is not None and (
        origin == _origin(connection.api_url) or _is_clouds(origin, connection.cloud.api_suffixes)
    )


def may_hold_parts(address: str, connection: Connection) -> bool:
    """Https and the cloud's storage on 443; with a test tenant also its own host, and loopback if it is on loopback,
    on any port."""
    origin = _parsed_origin(address)  # signed, and so not to be remembered
    if origin is None:
        return False
    if _is_clouds(origin, connection.cloud.blob_suffixes):
        return True
    if is_clouds_own(connection.api_url, connection.cloud):
        return False
    api_host = _https_host(connection.api_url) or ""
    return origin.host == api_host or (_is_local(api_host) and _is_local(origin.host))


def may_get_credential(address: str, connection: Connection) -> bool:
    """Https, and the configured login (host and port), or a login host of the configured cloud on 443.

    The address of the token endpoint comes from the login's own discovery document.
    """
    origin = _origin(address)
    suffixes = connection.cloud.login_suffixes
    return origin is not None and (
        origin == _origin(connection.authority_url)
        or (origin.host in suffixes and origin.port == _HTTPS)
        or _is_clouds(origin, suffixes)
    )


def _is_clouds(origin: _Origin, suffixes: tuple[str, ...]) -> bool:
    return origin.port == _HTTPS and _below(origin.host, suffixes)
