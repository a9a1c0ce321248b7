"""The HTTP client for the API, the login, export files, feeds and webhooks.

Here: proxies, timeouts, the User-Agent, and keeping addresses out of logs. Not here: certificates (``tls.py``), what is
sent (``client.py``, ``reference/receive.py``, ``orchestration/notifications/webhook.py``).
"""

import logging
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx

from ..settings import Problem, SettingsError
from ..version import __version__
from .tls import tls_context

_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy")
USER_AGENT = f"defender-assets/{__version__}"
"""Identifies this client to Microsoft's support."""

_CONNECT_TIMEOUT = 10.0
# Seconds between two reads, not for the whole body: the service takes some before it begins a page of 50,000 rows. Two
# attempts at a service that is silent take less than two minutes.
_READ_TIMEOUT = 55.0
# After so many seconds, a body has to have come at this rate at least (bytes a second): a byte now and then, each
# within the time of a read, would go on forever.
_TRICKLE_AFTER = 60.0
_SLOWEST = 1_024


def open_http(ca_bundle: Path | None, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """HTTP/1.1, no redirects, proxies as the environment says. ``transport`` replaces the network in tests.

    Not HTTP/2: for a few large bodies at a time it is slower. Raises SettingsError for an unusable ``ca_bundle`` or
    proxy.
    """
    _keep_addresses_out_of_logs()
    verify = tls_context(ca_bundle) if transport is None else True
    try:
        return httpx.Client(
            verify=verify,
            transport=transport,
            http1=True,
            http2=False,
            follow_redirects=False,
            headers={"User-Agent": USER_AGENT},
            timeout=httpx.Timeout(_READ_TIMEOUT, connect=_CONNECT_TIMEOUT, pool=None),
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=30.0),
        )
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        # Their texts have the proxy's address in them, and it may have a password.
        is_socks = isinstance(error, ImportError)
    what = "names a SOCKS proxy, for which a library is missing" if is_socks else "names no proxy that can be used"
    remedy = "give an address such as http://proxy.contoso.example:8080"
    named = " or ".join(name for name in _PROXIES if os.environ.get(name)) or _PROXIES[0]
    raise SettingsError(Problem(named, what, f"{remedy}, or pip install 'httpx[socks]'" if is_socks else remedy))


def steady(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same chunks. Raises httpx.ReadTimeout when they come so slowly that their end is out of sight."""
    started, received = time.monotonic(), 0
    for chunk in chunks:
        received += len(chunk)
        elapsed = time.monotonic() - started
        if elapsed > _TRICKLE_AFTER and received < elapsed * _SLOWEST:
            raise httpx.ReadTimeout("the body comes too slowly")
        yield chunk


def _keep_addresses_out_of_logs() -> None:
    """httpx logs every address at INFO, signatures included, and httpcore every header at DEBUG."""
    for name in ("httpx", "httpcore", "msal", "urllib3"):
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)
