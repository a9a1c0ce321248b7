"""Certificates of an application, as tests make them.

Here: one certificate with its key, and the forms in which people keep it. Not here: what is tested with it.
"""

import base64
import datetime as dt
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class ApplicationCertificate:
    """A certificate and its private key."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    def pem(self, password: str | None = None) -> str:
        """Key and certificate as text."""
        return self._key(password) + self.public_pem

    @property
    def public_pem(self) -> str:
        """The certificate alone, as it is uploaded to an app registration."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def pfx(self, password: str | None = None) -> bytes:
        """Both as PFX, with which Azure Key Vault keeps a certificate."""
        return pkcs12.serialize_key_and_certificates(b"x", self.key, self.certificate, None, _encryption(password))

    def pfx_text(self) -> str:
        """The same as text, which is what Azure Key Vault gives as a secret."""
        return base64.b64encode(self.pfx()).decode()

    def secrets(self) -> list[str]:
        """Pieces of the private key in the spellings of its forms; none of them may be found anywhere."""
        lines = self._key(None).splitlines()[1:-1]
        return [lines[5], lines[9], self.pfx_text()[200:260]]

    def _key(self, password: str | None) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, _encryption(password)
        ).decode()


def _encryption(password: str | None) -> serialization.KeySerializationEncryption:
    return serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()


def new_certificate(serial: int = 1, lasts: dt.timedelta = dt.timedelta(days=1)) -> ApplicationCertificate:
    """A new key, and a certificate that began an hour ago and is valid for a day from now, or as long as it
    ``lasts``."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "defender-assets")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + lasts)
        .sign(key, hashes.SHA256())
    )
    return ApplicationCertificate(key, certificate)
