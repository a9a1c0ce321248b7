"""Rows of the certificates per device.

Here: certificates in the stores of the devices, in both sets of names that the service's documentation has: pages are
served with those of its example, files with those of its table. Not here: which devices there are (``fleet.py``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from .device_assessment import DeviceAssessment, in_each_group
from .fleet import Device
from .formats import UNSET, Row, file_row, iso_seconds
from .installed_software import InstalledSoftware
from .randomness import digest, rng_for
from .state import Assessment

_IN_FILES = {
    "keyLength": "keySize",
    "notAfter": "expirationDate",
    "notBefore": "issueDate",
    "subjectObject": "issuedTo",
    "issuerObject": "issuedBy",
    "keyUsageArray": "keyUsage",
    "extendedKeyUsageArray": "extendedKeyUsage",
}
_SIGNING = ("Certificate Signing", "CRL Signing")
_SERVER, _CLIENT = "Server Authentication", "Client Authentication"
_YEAR = 365


@dataclass(frozen=True)
class _Root:
    """A certificate that many devices trust. Days are counted from the tenant's beginning."""

    subject: str
    bits: int
    algorithm: str
    issued_days: int
    valid_days: int


_ROOTS = (
    _Root("CN=Contoso Root CA, O=Contoso", 4096, "sha256RSA", -2_000, 20 * _YEAR),
    _Root("CN=Contoso Issuing CA 1, O=Contoso", 2048, "sha256RSA", -900, 5 * _YEAR),
    _Root("CN=Größenwahn Test CA", 1024, "sha1RSA", -3_000, 8 * _YEAR),
)
_ROOT, _ISSUER, _WEAK = _ROOTS


class Certificates(DeviceAssessment):
    """The certificates of a tenant."""

    def __init__(self, software: InstalledSoftware) -> None:
        self.software = software
        self.seed = software.shape.seed
        self.epoch = software.shape.as_of

    def rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        if not self.software.is_assessed(device) or device.platform.kind == "phone":
            return
        found = [*self._trusted(device), *self._own(device)]
        yield from in_each_group(device, found, platform=False)

    def file_rows(self, device: Device, assessment: Assessment) -> Iterator[Row]:
        # The names of the documentation's table, and a single use as a text.
        for row in self.rows(device, assessment):
            renamed = {_IN_FILES.get(member, member): value for member, value in row.items()}
            for member in ("keyUsage", "extendedKeyUsage"):
                if renamed[member] and len(renamed[member]) == 1:
                    renamed[member] = renamed[member][0]
            yield file_row(renamed)

    def _trusted(self, device: Device) -> Iterator[Row]:
        for root in _ROOTS:
            if root is _WEAK and device.number % 7:
                continue
            issued = self.epoch + timedelta(days=root.issued_days)
            yield self._row(
                device,
                store="CA" if root is _ISSUER else "Root",
                subject=root.subject,
                issuer=_ROOT.subject if root is _ISSUER else root.subject,
                bits=root.bits,
                algorithm=root.algorithm,
                validity=(issued, issued + timedelta(days=root.valid_days)),
                is_authority=True,
            )

    def _own(self, device: Device) -> Iterator[Row]:
        """Its own certificate: valid for a year, of some devices over or about to be."""
        rng = rng_for(self.seed, "certificate", device.number)
        issued = self.epoch - timedelta(days=int(400 * rng.random()), hours=3)
        yield self._row(
            device,
            store="My",
            subject=f"CN={device.name}",
            issuer=_ISSUER.subject if rng.random() < 0.8 else f"CN={device.name}",
            bits=2048,
            algorithm="sha256RSA",
            validity=(issued, issued + timedelta(days=_YEAR)),
            is_authority=False,
        )

    def _row(
        self,
        device: Device,
        *,
        store: str,
        subject: str,
        issuer: str,
        bits: int,
        algorithm: str,
        validity: tuple[datetime, datetime],
        is_authority: bool,
    ) -> Row:
        thumbprint = digest(self.seed, "thumbprint", subject, size=20).hex().upper()
        at = f"LocalMachine\\{store}\\{thumbprint}"
        if not device.platform.is_windows:
            at = f"/etc/ssl/certs/{thumbprint.lower()}.pem"
        # Of some self-signed ones the service does not know the validity.
        unset = subject == issuer and not is_authority and device.number % 3 == 0
        issued, expires = (UNSET, UNSET) if unset else (f"{iso_seconds(moment)}Z" for moment in validity)
        return {
            "thumbprint": thumbprint,
            "path": at,
            "signatureAlgorithm": algorithm,
            "keyLength": bits,
            "notAfter": expires,
            "notBefore": issued,
            "subjectType": "CA" if is_authority else "End entity",
            "serialNumber": thumbprint[:16],
            "subjectObject": subject,
            "issuerObject": issuer,
            "keyUsageArray": list(_SIGNING) if is_authority else ["Digital Signature"],
            "extendedKeyUsageArray": None if is_authority else [_CLIENT, _SERVER][: 1 + device.number % 2],
            "isSelfSigned": subject == issuer,
        }
