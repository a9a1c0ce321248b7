"""What a tenant's login depends on, and when that ends.

Here: the end of a certificate and of a federated token, read out of them, and of a secret whose vault tells it. Not
here: opening certificates (``settings/certificate.py``), the end of a client secret that no vault keeps: only Entra
knows it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import jwt

from ..doctor import Inspection, Outcome, inspect_certificate
from ..settings import ClientCertificate, Connection, FederatedToken, usable_certificate

Kind = Literal["certificate", "federated token", "secret in the vault"]

_RENEW_WITHIN = timedelta(days=30)


@dataclass(frozen=True)
class Expiry:
    """Something that ends at a time."""

    kind: Kind
    ends_at: datetime


def expiries_of(connection: Connection, ends: Collection[datetime] = ()) -> list[Expiry]:
    """What the connection's login depends on, as far as it says when it ends; ``ends``: of secrets, as their vault told
    when they were read. Raises SettingsError."""
    of_secrets = [Expiry("secret in the vault", ends_at) for ends_at in sorted(set(ends))]
    return [*of_secrets, *_of_credential(connection)]


def _of_credential(connection: Connection) -> list[Expiry]:
    match connection.credential:
        case ClientCertificate() as credential:
            return [Expiry("certificate", usable_certificate(credential).ends)]
        case FederatedToken() as credential:
            ends_at = _end_of_token(credential)
            return [Expiry("federated token", ends_at)] if ends_at else []
        case _:
            return []


def judge_expiries(connection: Connection, expiries: Collection[Expiry], now: datetime) -> list[Inspection]:
    """What is to be said of them. Raises SettingsError."""
    found = inspect_certificate(connection)
    for expiry in expiries:
        if expiry.kind == "secret in the vault" and expiry.ends_at - now < _RENEW_WITHIN:
            has_ended = expiry.ends_at <= now
            what = f"it {'ended' if has_ended else 'ends'} on {expiry.ends_at:%Y-%m-%d}, as the vault says"
            remedy = "Make a new one (Entra admin center, App registrations), and put it into the vault with its end."
            outcome = Outcome.FAILED if has_ended else Outcome.WARNING
            found.append(Inspection("secret", outcome, what, remedy))
        if expiry.kind == "federated token" and expiry.ends_at <= now:
            what = f"the token in the file ended on {expiry.ends_at:%Y-%m-%d %H:%M} UTC"
            remedy = "Whatever writes DEFENDER_FEDERATED_TOKEN_FILE has stopped: let it write a new one."
            found.append(Inspection("federated token", Outcome.FAILED, what, remedy))
    return found


def _end_of_token(credential: FederatedToken) -> datetime | None:
    """What the token says of its end; None for one that says nothing. Whether it is genuine is for Entra to say."""
    try:
        text = credential.path.read_text(encoding="utf-8").strip()
        claims = jwt.decode(text, options={"verify_signature": False, "verify_exp": False})
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (OSError, UnicodeDecodeError, jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError):
        return None
