"""Which certificate authorities are trusted of a store: those of every other connection, and the store's own.

Here: one file of them, which is what the vendors' libraries take. Not here: the connections to Microsoft
(``api/tls.py``, which trusts the same).
"""

import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import certifi

from ..paths import expanded
from .errors import UnresolvedSecret
from .local import store_variable
from .schemes import needs_network

# How OpenSSL names the certificates of a folder.
_HASHED_NAME = re.compile(r"[0-9a-f]{8}\.\d+")


@contextmanager
def trusted_authorities(ca_bundle: Path | None, *variables: str) -> Iterator[str]:
    """The path of a PEM file that exists as long as the context: the system's authorities and certifi's, or those of
    ``SSL_CERT_FILE`` / ``SSL_CERT_DIR`` where set; in addition ``ca_bundle`` (None: the general
    ``DEFENDER_CA_BUNDLE``), and the files and folders that the ``variables`` name. Raises UnresolvedSecret where one
    cannot be read."""
    added = {name: store_variable(name) for name in ("REQUESTS_CA_BUNDLE", *variables)}
    added["DEFENDER_CA_BUNDLE"] = str(ca_bundle) if ca_bundle else _general_bundle()
    certificates = [*_general(), *(_read(name, expanded(path)) for name, path in added.items() if path)]
    try:
        folder = TemporaryDirectory(prefix="defender-assets-")
    except OSError as error:
        raise UnresolvedSecret(
            f"no temporary file can be written ({error.strerror}), which its client library needs: let TMPDIR name a "
            "folder that can be written"
        ) from None
    with folder as name:
        path = Path(name, "authorities.pem")
        path.write_bytes(b"\n".join(certificates))
        yield str(path)


def _general_bundle() -> str | None:
    path = store_variable("DEFENDER_CA_BUNDLE")
    # One that a store leads to is not there yet when that store is asked for it.
    return None if path and needs_network(path) else path


def _general() -> list[bytes]:
    named = {name: path for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if (path := os.environ.get(name))}
    if named:
        return [_read(name, Path(path)) for name, path in named.items()]
    paths = ssl.get_default_verify_paths()
    systems = [Path(path) for path in (paths.cafile, paths.capath) if path]
    return [_read("the system's authorities", path) for path in (*systems, Path(certifi.where()))]


def _read(name: str, path: Path) -> bytes:
    """A file of certificates, or all of a folder of hashed names."""
    try:
        if not path.is_dir():
            return path.read_bytes()
        return b"\n".join(file.read_bytes() for file in sorted(path.iterdir()) if _HASHED_NAME.fullmatch(file.name))
    except OSError as error:
        raise UnresolvedSecret(f"{name} names certificate authorities that cannot be read ({error.strerror})") from None
