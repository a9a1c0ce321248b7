"""Which error an answer of the API is.

Here: one decision, from status, headers, body and the token's claims. Not here: sending, retrying.

Codes and texts: https://learn.microsoft.com/en-us/defender-endpoint/api/common-errors and what was seen on tenants.
Decided by status and ``code`` first; texts may change and are only read where nothing else tells refusals apart.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from defender_assets.settings import Cloud

from ..sanitize import redacted
from .errors import (
    BadRequest,
    BrokenAnswer,
    DefenderError,
    FeatureOff,
    NoLicence,
    NotThere,
    Refused,
    ServiceFault,
    Throttled,
    TokenRejected,
    WrongAudience,
    WrongHost,
)
from .login import Claims
from .retry import retry_after_seconds, server_time

_ROLES = re.compile(
    r"API required roles:\s*(?P<required>.*?)[,;]?\s*application roles:\s*(?P<granted>[^.]*(?:\.\w[^.]*)*)"
)
_INACTIVE = re.compile(r"licen[cs]e|account mode", re.IGNORECASE)


@dataclass(frozen=True)
class Question:
    """What was asked: ``path`` without its query; the roles of which one is needed; the cloud it went to."""

    path: str
    dataset: str
    permissions: tuple[str, ...]
    cloud: Cloud

    def __str__(self) -> str:
        return f"GET {self.path}"


@dataclass(frozen=True)
class ErrorBody:
    """The error of a body: both empty where the body is empty, a web page or something else."""

    code: str = ""
    message: str = ""
    present: bool = False


def read_error_body(body: bytes) -> ErrorBody:
    """``{"error": {"code", "message", "target"}}``, or the same with ``error`` a text; ``target`` can be anything."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ErrorBody()
    error = content.get("error") if isinstance(content, dict) else None
    if isinstance(error, dict):
        return ErrorBody(str(error.get("code") or ""), str(error.get("message") or ""), present=True)
    if isinstance(error, str):
        return ErrorBody(error, str(content.get("error_description") or content.get("message") or ""), present=True)
    if isinstance(content, dict) and content:
        return ErrorBody("", str(content.get("message") or content.get("Message") or ""), present=True)
    return ErrorBody()


def is_final_401(body: bytes) -> bool:
    """A 401 that says no licence or inactive account: a new token would be refused the same way."""
    return bool(_INACTIVE.search(read_error_body(body).message))


def error_of(question: Question, status: int, headers: Mapping[str, str], body: bytes, claims: Claims) -> DefenderError:
    """The error that an answer other than 200 means."""
    said = read_error_body(body)
    made = _error(question, status, headers, said, claims)
    made.dataset = question.dataset
    made.status = status
    made.code = made.code or said.code
    return made


def _error(
    question: Question, status: int, headers: Mapping[str, str], said: ErrorBody, claims: Claims
) -> DefenderError:
    what = f"{question.dataset}: {question} answered {status}" + (f" {said.code}" if said.code else "")
    quoted = f"{what}: {redacted(said.message)}" if said.message else what
    match status:
        case 401:
            if _INACTIVE.search(said.message):
                return NoLicence(quoted)
            return _rejected(question, quoted, claims)
        case 403:
            return _forbidden(question, what, quoted, said, claims)
        case 404 if said.present:
            return NotThere(quoted)
        case 404 | 405 | 410:
            # A wrong route or host answers without a body (or with some web page).
            return WrongHost(f"{what} and no error of the API's: that address is not the API's")
        case 429:
            return Throttled(
                f"{quoted}: the quota of the application in this tenant is spent",
                remedy="Other programs that use the same application id spend the same quota.",
                retry_after=_retry_after(headers),
            )
        case _ if status >= 500:
            return ServiceFault(quoted, retry_after=_retry_after(headers))
        case _ if 300 <= status < 400:
            return WrongHost(f"{what}, a redirect, which is not followed with a token")
        case _ if 400 <= status < 500:
            return BadRequest(quoted)
        case _:
            return BrokenAnswer(f"{what}, which is no answer to a question", retryable=False)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    return retry_after_seconds(headers.get("retry-after"), now=server_time(headers.get("date")))


def _audience_fits(question: Question, claims: Claims) -> bool:
    """Whether the token is for Defender for Endpoint; a token that tells nothing is given the benefit of the doubt."""
    audience = claims.audience.lower().rstrip("/")
    return not audience or audience in {known.lower() for known in question.cloud.audiences}


def _rejected(question: Question, quoted: str, claims: Claims) -> DefenderError:
    if not _audience_fits(question, claims):
        return WrongAudience(f"{quoted}; the token is not one for Defender for Endpoint")
    return TokenRejected(f"{quoted}; a token that was just issued is not taken")


def _forbidden(question: Question, what: str, quoted: str, said: ErrorBody, claims: Claims) -> DefenderError:
    if said.code == "DisabledFeature" or "feature is not enabled" in said.message.lower():
        return FeatureOff(quoted)
    named = _ROLES.search(said.message)
    if named is None and not _audience_fits(question, claims):
        return WrongAudience(f"{quoted}; the token is not one for Defender for Endpoint")
    required = _listed(named["required"]) if named else question.permissions
    granted = _listed(named["granted"]) if named else claims.roles
    if named is None and (held := [role for role in question.permissions if role in granted]):
        error = Refused(
            f"{quoted}; the application has the role {held[0]} and is refused all the same",
            reason="unexpected",
            remedy="Check that the tenant is active in Defender for Endpoint and that no proxy answers in its place.",
        )
    else:
        wanted = next((role for role in question.permissions if role in required), None) or next(iter(required), "")
        error = Refused(f"{what}: the application lacks the role {wanted}", remedy=remedy_for(wanted))
    error.required = tuple(required)
    error.granted = tuple(granted)
    return error


def remedy_for(permission: str) -> str:
    """What an administrator has to do so that the application gets a role."""
    return (
        f'Add the application permission {permission} of "WindowsDefenderATP" to the app registration '
        "(API permissions, APIs my organization uses) and grant admin consent."
    )


def _listed(roles: str) -> tuple[str, ...]:
    return tuple(role for role in (part.strip(" .") for part in roles.split(",")) if role)


_LONGEST_ERROR = 10_000


def _check_is_no_error(question: Question, body: bytes) -> None:
    """An error can come under a status of 200 too; taken for data it would be an empty table."""
    if len(body) > _LONGEST_ERROR or b'"error"' not in body or b'"value"' in body:
        return
    said = read_error_body(body)
    if said.code or said.message:
        words = redacted(f"{said.code} {said.message}")
        raise BrokenAnswer(
            f"{question.dataset}: {question} answered 200 with an error inside: {words}",
            dataset=question.dataset,
            status=200,
            code=said.code,
        )


def check_is_json(question: Question, status: int, content_type: str, body: bytes) -> None:
    """Raises WrongHost for a web page, BrokenAnswer for anything else that is no JSON, where JSON was asked for.

    The media type comes with a varying set of parameters, so only its beginning counts.
    """
    media = content_type.split(";")[0].strip().lower()
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    end = body[-64:].rstrip()[-1:]
    if start + end in (b"{}", b"[]") and "html" not in media:
        _check_is_no_error(question, body)
        return
    what = f"{question.dataset}: {question} answered {status} with "
    if start == b"<" or "html" in media:
        raise WrongHost(
            what + "a web page in place of data",
            dataset=question.dataset,
            status=status,
            remedy="Check DEFENDER_API_URL, and whether a proxy wants a login of its own here.",
        )
    # The service streams its answers: when it fails in the middle, the body ends there, under a status of 200.
    found = "a body that ends too early" if start in (b"{", b"[") else "something that is no JSON"
    if not body:
        found = "an empty body"
    raise BrokenAnswer(what + found, dataset=question.dataset, status=status)
