"""What can go wrong in calls to the service, as a tree of errors.

::

    DefenderError
    ├── LoginError              no token was given (reason: a login reason of the doctor)
    ├── Refused                 403: the application lacks a role, or is refused for another reason
    ├── WrongAudience           401 or 403: the token was issued for another service
    ├── TokenRejected           401 with a fresh token, for no reason that could be read
    ├── NoLicence               401: the tenant has no licence, or Defender for Endpoint is not active in it
    ├── FeatureOff              403: a feature of the tenant is switched off
    ├── BadRequest              400: the service did not understand the request
    ├── NotFound                404 with an error body: what was requested does not exist (see ``code``)
    ├── WrongHost               404 without one, a redirect, a web page: this is not the API
    ├── Throttled               429: the quota is spent (see ``retry_after``)
    ├── Unreachable             no connection, or it broke
    ├── UntrustedCertificate    TLS could not be verified
    ├── ServiceFault            5xx
    ├── BrokenAnswer            the body is cut off or not what it should be
    ├── TooLarge                the body is larger than anything that the service sends
    ├── StorageRefused          the storage behind export files does not hand them out
    ├── ForeignHost             a link leads to a host that gets nothing from us
    ├── IncompleteWalk          not every row was read, so none may be published
    └── BudgetUnusable          where calls are counted cannot be used

Here: the errors. Not here: deciding which error a response means (``error_mapping.py``), what may be shown of the
service's own words (``sanitize.py``).

Every text is built from the method, the path without its query, the status, and at most 200 redacted characters of the
service's message. Errors are raised outside the handler of the error that they replace: httpx puts whole addresses,
signatures included, into its texts, and a chained exception would carry them into every log.
"""

from typing import Unpack

from ..errors import DefenderAssetsError, ErrorFields

MISSING_ROLE = "missing_role"
LACKS = frozenset({MISSING_ROLE, "no_licence", "feature_off"})
"""Reasons of a refusal for what the application or the tenant lacks. Asking again does not help, and an administrator
may have meant it so."""


class DefenderError(DefenderAssetsError):
    """Something went wrong with the service; the text says what happened and what to do.

    ``reason`` is a reason code of the doctor, ``status`` the HTTP status if there was one, ``code`` the service's error
    code.
    """

    reason = "unexpected"
    connected: bool = True
    """False: nothing answered at all."""
    silent: bool = False
    """The request was taken, and no answer came in time."""

    def __init__(
        self,
        what: str,
        *,
        status: int | None = None,
        code: str = "",
        **fields: Unpack[ErrorFields],
    ) -> None:
        super().__init__(what, **fields)
        self.status = status
        self.code = code


class LoginError(DefenderError):
    """No token. ``reason`` is one of bad_secret, expired_secret, unknown_application, unknown_tenant, unreachable,
    tls_untrusted, unexpected; ``code`` the AADSTS number where there was one."""

    refused: bool = False
    """Entra refused the credential. One that was rotated in the meantime may be accepted."""


class Refused(DefenderError):
    """403. ``required`` are the roles of which one would do, ``granted`` those the token has, where known."""

    reason = MISSING_ROLE
    required: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()


class WrongAudience(DefenderError):
    """The token is for another service, whatever roles it has."""

    reason = "wrong_audience"
    remedy = (
        "Remove DEFENDER_SCOPE, or set it to the scope of Defender for Endpoint in this cloud "
        "(commercial: https://api.securitycenter.microsoft.com/.default)."
    )


class TokenRejected(DefenderError):
    """401, even with a token that was just issued."""

    remedy = "Check that DEFENDER_CLOUD, DEFENDER_API_URL and DEFENDER_SCOPE belong together."


class NoLicence(DefenderError):
    """401 that no token cures."""

    reason = "no_licence"
    remedy = (
        "Check that the tenant has a Defender for Endpoint licence that includes this (vulnerability data needs "
        "Plan 2 or Defender Vulnerability Management) and that its onboarding is finished."
    )


class FeatureOff(DefenderError):
    """403 DisabledFeature."""

    reason = "feature_off"
    remedy = "Switch the feature on in the Defender portal: Settings, Endpoints, Advanced features."


class BadRequest(DefenderError):
    """400, and any 4xx that is nothing else."""


class NotFound(DefenderError):
    """404 with an error body. ``code`` is NotFound or ResourceNotFound. An empty machine list is answered like that."""


class WrongHost(DefenderError):
    """What answered is not the API."""

    reason = "wrong_host"
    remedy = "Check DEFENDER_API_URL and DEFENDER_CLOUD."


class Throttled(DefenderError):
    """429."""

    reason = "throttled"
    retryable = True


class Unreachable(DefenderError):
    """No connection, or it broke in the middle, or it is silent."""

    reason = "unreachable"
    retryable = True
    connected = False
    remedy = "Check DEFENDER_API_URL, the network and the proxy (HTTPS_PROXY, NO_PROXY)."


class UntrustedCertificate(DefenderError):
    """The server's certificate does not lead to a trusted authority, or is for another name."""

    reason = "unreachable"
    remedy = "If a proxy inspects TLS here, put its CA certificate into a PEM file and name it in DEFENDER_CA_BUNDLE."


class ServiceFault(DefenderError):
    """5xx."""

    retryable = True
    remedy = "The service has a problem of its own; try again later."


class BrokenAnswer(DefenderError):
    """The body ends too early, does not unpack, or is not what was requested."""

    retryable = True


class TooLarge(DefenderError):
    """A body, a list, a file or a line is larger than anything that the service sends. It was not read to its end."""

    remedy = "Check that nothing between here and the service answers in its place; if not, report it."


class StorageRefused(DefenderError):
    """The storage behind export files refuses its own signed addresses."""

    remedy = "Check that this machine's clock is right and that nothing between it and the storage rewrites addresses."


class ForeignHost(DefenderError):
    """The address is not on a host of the configured cloud. Nothing was sent to it."""

    remedy = (
        "If that host is Microsoft's, DEFENDER_CLOUD or DEFENDER_API_URL does not fit the tenant; if not, report it."
    )


class IncompleteWalk(DefenderError):
    """It is not proven that every row was read. The walk has to start over."""

    retryable = True


class BudgetUnusable(DefenderError):
    """What calls are counted in, a file or a Redis, cannot be read or written."""

    remedy = "Check the permissions of its folder, or delete the file: it is created again."
