"""How the application proves who it is.

Here: the four kinds of credential, as values. Not here: choosing one (``connection.py``), logging in with it
(``api/login.py``).
"""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ClientSecret:
    """A password of the application. It never shows in ``repr``."""

    secret: str = field(repr=False)


@dataclass(frozen=True)
class ClientCertificate:
    """Certificate and private key, PEM or PFX: a file, which is read anew at each login, or what a store holds.

    Neither the content nor the password shows in ``repr``.
    """

    source: Path | bytes = field(repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class FederatedToken:
    """A file whose token a workload identity renews; read anew at each login."""

    path: Path


@dataclass(frozen=True)
class ManagedIdentity:
    """The identity Azure gives to the machine; ``client_id`` names a user-assigned one."""

    client_id: str | None = None


Credential = ClientSecret | ClientCertificate | FederatedToken | ManagedIdentity
