"""Which host may receive what: the bearer token the API, a plain GET the storage, the credential the login.

Here: the rules, as pure decisions. Not here: the table of clouds (``settings/cloud.py``), sending (``client.py``,
``export_storage.py``, ``login.py``).
"""

import ipaddress

import httpx

from ..settings import Cloud, Connection


def _https_host(address: str) -> str | None:
    """The host in lower case, or None for anything that is not a plain https address."""
    try:
        # Parsed by the library that sends the request: where two parsers differ about an address, a rule can be evaded.
        url = httpx.URL(address)
    except (httpx.InvalidURL, UnicodeError):
        return None
    # A user name before the host can disguise the host.
    if url.scheme != "https" or url.userinfo:
        return None
    return url.raw_host.decode("ascii").lower().rstrip(".") or None


def path_of(address: str) -> str:
    """The path for a message: without the query, where signatures and continuation tokens are."""
    return httpx.URL(address).raw_path.decode("ascii").partition("?")[0]


def host_of(address: str) -> str:
    """The host for a message."""
    return _https_host(address) or "an address that is not https"


def _below(host: str, suffixes: tuple[str, ...]) -> bool:
    return any(host.endswith("." + suffix) for suffix in suffixes)


def is_loopback(host: str) -> bool:
    """Whether the host is this machine: ``localhost``, or an address of 127.0.0.0/8 or ::1."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_local(host: str) -> bool:
    # Names below localhost are good enough for https, whose certificate proves them, but not for plain http.
    return is_loopback(host) or _below(host, ("localhost",))


def is_clouds_own(api_url: str, cloud: Cloud) -> bool:
    """Whether the API is one of the cloud's own hosts, and not a test tenant."""
    return _below(_https_host(api_url) or "", cloud.api_suffixes)


def may_get_bearer(address: str, connection: Connection) -> bool:
    """Https, and the configured API host (any port) or a host of the configured cloud."""
    host = _https_host(address)
    return host is not None and (host == _https_host(connection.api_url) or _below(host, connection.cloud.api_suffixes))


def may_hold_parts(address: str, connection: Connection) -> bool:
    """Https and the cloud's storage; with a test tenant also its own host, and loopback if it is on loopback."""
    host = _https_host(address)
    if host is None:
        return False
    if _below(host, connection.cloud.blob_suffixes):
        return True
    if is_clouds_own(connection.api_url, connection.cloud):
        return False
    api_host = _https_host(connection.api_url) or ""
    return host == api_host or (_is_local(api_host) and _is_local(host))


def may_get_credential(address: str, connection: Connection) -> bool:
    """Https, and the configured login host (any port) or a login host of the configured cloud.

    The address of the token endpoint comes from the login's own discovery document.
    """
    host = _https_host(address)
    suffixes = connection.cloud.login_suffixes
    return host is not None and (
        host == _https_host(connection.authority_url) or host in suffixes or _below(host, suffixes)
    )
