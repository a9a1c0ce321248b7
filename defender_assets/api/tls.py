"""Which certificate authorities are trusted over TLS.

Here: the TLS context, and recognising a failed verification. Not here: connections (``http.py``). Verification is never
switched off.
"""

import os
import ssl
from pathlib import Path

import certifi

from ..settings import Problem, SettingsError


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


def is_untrusted(error: BaseException) -> bool:
    """Whether a failed connection failed because the certificate could not be verified."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
