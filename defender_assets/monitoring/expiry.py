"""What a tenant's login depends on, and when that ends.

Here: the end of a certificate and of a federated token, read out of them, and of what a store tells: a secret, and the
token that opens it. Not here: opening certificates (``settings/certificate.py``), asking stores
(``settings/secrets/``). Of a client secret that no store keeps with its end only Entra knows it: that is said.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import jwt

from ..doctor import Inspection, Outcome, inspect_certificate
from ..settings import ClientCertificate, ClientSecret, Connection, FederatedToken, NotedEnd, usable_certificate

Kind = Literal["certificate", "federated token", "client secret", "secret in the vault", "vault token"]

_RENEW_WITHIN = timedelta(days=30)
_RENEW_TOKEN_WITHIN = timedelta(days=7)
"""Vault gives a token 32 days by default."""


@dataclass(frozen=True)
class Expiry:
    """Something that ends at a time; ``ends_at`` None: nobody here can know when. ``is_renewable``: it may last longer
    without being replaced."""

    kind: Kind
    ends_at: datetime | None
    is_renewable: bool = False


def expiries_of(connection: Connection, noted: Collection[NotedEnd] = ()) -> list[Expiry]:
    """What the connection's login depends on and may end; ``noted``: what stores said when they were read. Raises
    SettingsError."""
    of_stores = {Expiry(end.kind, end.ends_at, end.is_renewable): end.ends_at for end in noted if end.ends_at}
    told = sorted(of_stores, key=lambda expiry: of_stores[expiry])
    match connection.credential:
        case ClientCertificate() as credential:
            told.append(Expiry("certificate", usable_certificate(credential).ends))
        case FederatedToken() as credential:
            told.append(Expiry("federated token", _end_of_token(credential)))
        case ClientSecret() if not any(expiry.kind == "secret in the vault" for expiry in told):
            told.append(Expiry("client secret", None))
    return told


def judge_expiries(connection: Connection, expiries: Collection[Expiry], now: datetime) -> list[Inspection]:
    """What is to be said of them. Raises SettingsError."""
    judged = (_judged(expiry, expiry.ends_at, now) for expiry in expiries)
    return [*inspect_certificate(connection), *(inspection for inspection in judged if inspection is not None)]


def _judged(expiry: Expiry, ends_at: datetime | None, now: datetime) -> Inspection | None:
    area = "secret" if expiry.kind in ("client secret", "secret in the vault") else expiry.kind
    if ends_at is None:
        return Inspection(area, Outcome.NOT_USED, *_UNKNOWN[expiry.kind])
    has_ended = ends_at <= now
    outcome = Outcome.FAILED if has_ended else Outcome.WARNING
    on = f"{'ended' if has_ended else 'ends'} on {ends_at:%Y-%m-%d}"
    left = ends_at - now
    match expiry.kind:
        case "secret in the vault" if left < _RENEW_WITHIN and (has_ended or not expiry.is_renewable):
            remedy = "Make a new one (Entra admin center, App registrations), and put it into the vault with its end."
            return Inspection(area, outcome, f"it {on}, as the vault says", remedy)
        case "vault token" if left < _RENEW_TOKEN_WITHIN and (has_ended or not expiry.is_renewable):
            remedy = "Set VAULT_TOKEN to a new one, or let VAULT_AUTH_METHOD log in each time (docs/secrets.md)."
            return Inspection(area, outcome, f"the token that opens the vault {on}, and cannot be renewed", remedy)
        case "federated token" if has_ended:
            what = f"the token in the file ended on {ends_at:%Y-%m-%d %H:%M} UTC"
            remedy = "Whatever writes DEFENDER_FEDERATED_TOKEN_FILE has stopped: let it write a new one."
            return Inspection(area, outcome, what, remedy)
    return None


_UNKNOWN = {
    "client secret": (
        "when it ends is not known: only Entra knows it",
        "Kept in an Azure Key Vault with its end, or replaced by a certificate, it is watched (docs/monitor.md).",
    ),
    "federated token": ("when the token in the file ends is not known: it does not say", ""),
}


def _end_of_token(credential: FederatedToken) -> datetime | None:
    """What the token says of its end; None for one that says nothing. Whether it is genuine is for Entra to say."""
    try:
        text = credential.path.read_text(encoding="utf-8").strip()
        claims = jwt.decode(text, options={"verify_signature": False, "verify_exp": False})
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (OSError, UnicodeDecodeError, jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError):
        return None
