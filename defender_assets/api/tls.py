"""Which certificate authorities are trusted over TLS.

Here: the TLS context, and recognising a failed verification. Not here: connections (``http.py``). Verification is never
switched off.
"""

import os
import ssl
from functools import lru_cache
from pathlib import Path

import certifi

from ..settings import Problem, SettingsError


def tls_context(ca_bundle: Path | None = None) -> ssl.SSLContext:
    """The system's authorities and certifi's, or those of SSL_CERT_FILE / SSL_CERT_DIR where set; ``ca_bundle``
    in addition. Raises SettingsError."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if (path := os.environ.get(name)) and not Path(path).exists():
            raise SettingsError(Problem(name, "names something that does not exist", "correct it or unset it"))
    paths = ssl.get_default_verify_paths()
    trusted = (paths.cafile, paths.capath, ca_bundle, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    try:
        return _context(ca_bundle, tuple(map(_version, trusted)))
    except OSError as error:
        raise SettingsError(
            Problem(
                "DEFENDER_CA_BUNDLE",
                f"names a file that cannot be used ({error.strerror or 'no certificates in it'})",
                "give a readable file of CA certificates in PEM form",
            )
        ) from None


@lru_cache(maxsize=8)
def _context(ca_bundle: Path | None, _versions: tuple[object, ...]) -> ssl.SSLContext:
    """Kept, because reading all authorities takes 40 ms, and a tick opens a client for each tenant."""
    # OpenSSL itself reads both variables in place of the system's authorities.
    context = ssl.create_default_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        context.load_verify_locations(cafile=certifi.where())
    if ca_bundle is not None:
        context.load_verify_locations(cafile=ca_bundle)
    return context


def _version(path: str | Path | None) -> tuple[str, int, int] | None:
    """Another one once a file or folder of authorities has changed."""
    if not path:
        return None
    try:
        status = os.stat(path)
    except OSError:
        return None  # reading it tells what is wrong
    return str(path), status.st_mtime_ns, status.st_size


def is_untrusted(error: BaseException) -> bool:
    """Whether a failed connection failed because the certificate could not be verified."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
