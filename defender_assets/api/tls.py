"""Whom we trust over TLS, and the one HTTP client that everything goes through.

Here: certificates, proxies, timeouts. Not here: what is sent. Verification is never switched off.
"""

import logging
import os
import ssl
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import certifi
import httpx

from defender_assets.settings import Problem, SettingsError

CONNECT_TIMEOUT = 10.0
# A page of 50,000 rows takes the service seconds to begin with; this is between two reads, not for the whole body.
READ_TIMEOUT = 120.0


def tls_context(ca_bundle: Path | None = None) -> ssl.SSLContext:
    """The system's authorities and certifi's, or those of SSL_CERT_FILE / SSL_CERT_DIR where set; ``ca_bundle``
    in addition. Raises SettingsError."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if (path := os.environ.get(name)) and not Path(path).exists():
            raise SettingsError(Problem(name, "names something that does not exist", "correct it or unset it"))
    try:
        # OpenSSL itself reads both variables in place of the system's authorities.
        context = ssl.create_default_context()
        if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
            context.load_verify_locations(cafile=certifi.where())
        if ca_bundle is not None:
            context.load_verify_locations(cafile=ca_bundle)
    except OSError as error:
        raise SettingsError(
            Problem(
                "DEFENDER_CA_BUNDLE",
                f"names a file that cannot be used ({error.strerror or 'no certificates in it'})",
                "give a readable file of CA certificates in PEM form",
            )
        ) from None
    return context


def user_agent() -> str:
    """Who asks, for Microsoft's support. A checkout that was never installed has no version."""
    try:
        return f"defender-assets/{version('defender-assets')}"
    except PackageNotFoundError:
        return "defender-assets"


def open_http(ca_bundle: Path | None, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """HTTP/1.1, no redirects, proxies as the environment says. ``transport`` replaces the network in tests.

    Not HTTP/2: for a few large bodies at a time it is slower.
    """
    _keep_addresses_out_of_logs()
    return httpx.Client(
        verify=tls_context(ca_bundle) if transport is None else True,
        transport=transport,
        http1=True,
        http2=False,
        follow_redirects=False,
        headers={"User-Agent": user_agent()},
        timeout=httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT, pool=None),
        limits=httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=30.0),
    )


def _keep_addresses_out_of_logs() -> None:
    """httpx logs every address at INFO, signatures included, and httpcore every header at DEBUG."""
    for name in ("httpx", "httpcore", "msal", "urllib3"):
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)


def is_untrusted(error: BaseException) -> bool:
    """Whether a failed connection failed because the certificate could not be verified."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
