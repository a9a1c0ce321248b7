"""What a refusal by Entra means, and what to do about it.

Here: the AADSTS codes that applications get. Not here: logging in (``login.py``).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..sanitize import redacted
from .errors import LoginError

# Entra's own descriptions have some hundred characters.
_LONGEST_DESCRIPTION = 2_000
_MOST_CODES = 10
_LONGEST_CODE = 12
_APP_REGISTRATION = "Entra admin center, App registrations"
_MEANINGS: dict[int, tuple[str, str, str]] = {
    # https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
    7000215: (
        "bad_secret",
        "the client secret is wrong",
        "Set DEFENDER_CLIENT_SECRET to the secret's value, not its id; it is shown only when it is made "
        f"({_APP_REGISTRATION}, Certificates & secrets).",
    ),
    7000222: (
        "expired_secret",
        "the client secret has expired",
        f"Make a new one ({_APP_REGISTRATION}, Certificates & secrets) and set DEFENDER_CLIENT_SECRET to its value.",
    ),
    700016: (
        "unknown_application",
        "the application is not known in the tenant",
        "Check DEFENDER_CLIENT_ID and DEFENDER_TENANT_ID, and that an administrator of the tenant has consented.",
    ),
    7000112: (
        "unknown_application",
        "the application is disabled in the tenant",
        "Enable it in Entra admin center, Enterprise applications, Properties.",
    ),
    90002: (
        "unknown_tenant",
        "the tenant does not exist",
        "Check DEFENDER_TENANT_ID, and that DEFENDER_CLOUD is the cloud the tenant is in.",
    ),
    900023: (
        "unknown_tenant",
        "the tenant id is not one",
        "Check DEFENDER_TENANT_ID: the tenant's GUID or one of its verified domains.",
    ),
    500011: (
        "unexpected",
        "the tenant does not know the service the token is for",
        "Check DEFENDER_SCOPE and DEFENDER_CLOUD, and that Defender for Endpoint is set up in the tenant "
        "(WindowsDefenderATP among the enterprise applications).",
    ),
    1002012: (
        "unexpected",
        "the scope is not one for an application",
        "Check DEFENDER_SCOPE: it ends in /.default.",
    ),
    70011: ("unexpected", "the scope is not valid", "Check DEFENDER_SCOPE: it ends in /.default."),
    700027: (
        "unexpected",
        "the certificate is not one of the application's",
        f"Upload it ({_APP_REGISTRATION}, Certificates & secrets) or correct DEFENDER_CLIENT_CERTIFICATE.",
    ),
    700024: (
        "unexpected",
        "the signed assertion is not within its time",
        "Check this machine's clock, and that the workload identity's token file is kept fresh.",
    ),
    700211: (
        "unexpected",
        "no federated credential of the application fits the token's issuer",
        f"Add one ({_APP_REGISTRATION}, Certificates & secrets, Federated credentials).",
    ),
    700213: (
        "unexpected",
        "no federated credential of the application fits the token's subject",
        f"Add one ({_APP_REGISTRATION}, Certificates & secrets, Federated credentials).",
    ),
    53003: (
        "unexpected",
        "a Conditional Access policy blocks the application",
        "Allow this machine's address for the workload identity, or exclude the application.",
    ),
}


def refusal_of(status: int, content: Mapping[str, Any]) -> LoginError:
    """The error that Entra's body means. Unlike in the API's bodies, ``error`` is a text."""
    text = content.get("error_description") or content.get("message")
    description = text[:_LONGEST_DESCRIPTION] if isinstance(text, str) else ""
    listed = content.get("error_codes")
    codes = [code for code in listed if type(code) is int] if isinstance(listed, list) else []
    codes = codes[:_MOST_CODES] or _codes_in(description)
    known = next((code for code in codes if code in _MEANINGS), None)
    name = content.get("error")
    if known is not None:
        reason, meaning, remedy = _MEANINGS[known]
        what = f"The login was refused: {meaning} (AADSTS{known})"
    elif name == "invalid_tenant":
        reason, meaning, remedy = _MEANINGS[90002]
        what = f"The login was refused: {meaning}"
    else:
        reason, remedy = "unexpected", "Look the code up at https://login.microsoftonline.com/error."
        quotation = redacted(description) or (redacted(name) if isinstance(name, str) else "no reason given")
        what = f"The login was refused ({status}): {quotation}"
    error = LoginError(what, reason=reason, remedy=remedy, status=status, code=f"AADSTS{codes[0]}" if codes else "")
    error.refused = True
    return error


def refusal_of_ended_certificate(refusal: LoginError, ends: datetime) -> LoginError:
    """The same refusal where the certificate has ended, as can be read in it: Entra has one code for such a certificate
    and for one that it does not know."""
    error = LoginError(
        f"The login was refused: the certificate ended on {ends:%Y-%m-%d} ({refusal.code})",
        reason="expired_secret",
        remedy=f"Make a new one, upload it ({_APP_REGISTRATION}, Certificates & secrets) and let "
        "DEFENDER_CLIENT_CERTIFICATE name it.",
        status=refusal.status,
        code=refusal.code,
    )
    error.refused = True
    return error


def _codes_in(description: str) -> list[int]:
    start = description.partition("AADSTS")[2]
    digits = start[: len(start) - len(start.lstrip("0123456789"))]
    return [int(digits)] if 0 < len(digits) <= _LONGEST_CODE else []
