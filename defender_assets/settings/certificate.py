"""The application's certificate: PEM or PFX, in a file or as a secret store gives it, opened and checked.

Here: reading one. Not here: following a reference to a store (``secrets/``), signing with it, which MSAL does.
"""

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs12

from .credential import ClientCertificate
from .errors import Problem, SettingsError
from .paths import expanded
from .small_files import read_small
from .variables import variable

_SMALLEST_PFX = 512
"""Bytes. A key of 2,048 bits alone has twice as many."""


class UnreadableCertificate(ValueError):
    """The certificate cannot be used; the text says why, and ``remedy`` what to do.

    ``password``: the password is what is wrong.
    """

    def __init__(self, why: str, *, password: bool = False) -> None:
        super().__init__(why)
        self.remedy = "give a PEM or PFX file with the certificate and its private key"
        if password:
            self.remedy += f", and what opens it in {variable('client_certificate_password')}"


@dataclass(frozen=True)
class CertificatePair:
    """Certificate and private key as PEM text. The key is unencrypted, so it never leaves memory. The certificate is
    valid from ``begins`` to ``ends``."""

    certificate: str
    private_key: str = field(repr=False)
    begins: datetime
    ends: datetime


def certificate_source(text: str) -> Path | bytes:
    """The value of ``DEFENDER_CLIENT_CERTIFICATE``: the path of a file, or the certificate itself as a store gives it.

    Stores hold PEM text, or PFX as base64, as Azure Key Vault does with every certificate of its own. In PEM text that
    became one line, \\n stands for the end of a line.
    """
    if "-----BEGIN" in text:
        return text.replace("\\n", "\n").encode()
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return expanded(text)
    # What PFX begins with: a sequence with a length of two bytes. No path of that form is that long.
    return content if content.startswith(b"\x30\x82") and len(content) > _SMALLEST_PFX else expanded(text)


def usable_certificate(credential: ClientCertificate) -> CertificatePair:
    """Certificate and private key of an application. Raises SettingsError."""
    try:
        return read_certificate(credential.source, credential.password)
    except UnreadableCertificate as error:
        raise SettingsError(Problem(variable("client_certificate"), str(error), error.remedy)) from None


def read_certificate(source: Path | bytes, password: str | None) -> CertificatePair:
    """Certificate and private key of a PEM or PFX file, or of what one holds. Raises UnreadableCertificate."""
    if isinstance(source, Path):
        try:
            content = read_small(source)
        except OSError as error:
            raise UnreadableCertificate(f"names a file that cannot be read ({error.strerror})") from None
        return _opened(content, password, "names a file", "names a PEM file")
    return _opened(source, password, "refers to a value", "refers to PEM text")


def _opened(content: bytes, password: str | None, subject: str, pem: str) -> CertificatePair:
    secret = password.encode() if password else None
    is_pem = b"-----BEGIN" in content
    key: PrivateKeyTypes | None
    try:
        if is_pem:
            certificates = x509.load_pem_x509_certificates(content)
            key = serialization.load_pem_private_key(content, secret)
        else:
            bundle = pkcs12.load_pkcs12(content, secret)
            certificates = [entry.certificate for entry in (bundle.cert, *bundle.additional_certs) if entry]
            key = bundle.key
    except TypeError:
        # How cryptography reports an encrypted file without a password, or a password without encryption.
        fault = "needs a password" if not password else "is not encrypted but a password is given"
        raise UnreadableCertificate(f"{subject} that {fault}", password=True) from None
    except (ValueError, UnsupportedAlgorithm):
        if password or not is_pem:
            raise UnreadableCertificate(
                f"{subject} that does not open: the password is wrong, or it is neither PEM nor PFX", password=True
            ) from None
        raise UnreadableCertificate(f"{pem} without a certificate and a private key in it") from None
    if key is None or not certificates:
        raise UnreadableCertificate(f"{subject} without a certificate and its private key")
    if not isinstance(key, RSAPrivateKey):
        raise UnreadableCertificate("holds a key that is not RSA, which Entra does not accept")
    matching = [certificate for certificate in certificates if certificate.public_key() == key.public_key()]
    if not matching:
        raise UnreadableCertificate(f"{subject} whose private key does not belong to its certificate")
    return CertificatePair(
        certificate=matching[0].public_bytes(serialization.Encoding.PEM).decode(),
        private_key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        begins=matching[0].not_valid_before_utc,
        ends=matching[0].not_valid_after_utc,
    )
