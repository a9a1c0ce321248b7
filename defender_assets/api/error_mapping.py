"""Which error a response of the API means.

Here: one decision, from status, headers, body and the token's claims. Not here: sending (``client.py``), retrying
(``retry.py``).

Codes and texts: https://learn.microsoft.com/en-us/defender-endpoint/api/common-errors and what was seen on tenants.
Status and ``code`` decide first. Texts may change, and are only read where nothing else tells refusals apart.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson

from ..sanitize import redacted
from ..settings import Cloud
from .errors import (
    BadRequest,
    BrokenAnswer,
    DefenderError,
    FeatureOff,
    NoLicence,
    NotFound,
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
_LONGEST_CODE = 80
_LONGEST_MESSAGE = 2_000
_MOST_ROLES = 50
_PLAIN_CODE = re.compile(r"[\w.-]+")
_INACTIVE = re.compile(r"(?P<licence>licen[cs]e)|account mode", re.IGNORECASE)


@dataclass(frozen=True)
class ApiRequest:
    """A request, as errors describe it: ``path`` has no query; one of the roles ``permissions`` is needed, and
    ``licence`` beside Defender for Endpoint's own plans. ``quotable``: what the service says of it may be told in its
    own words. Where rows hold what someone logs on with, an error may quote that too."""

    path: str
    dataset: str
    permissions: tuple[str, ...]
    cloud: Cloud
    licence: str | None = None
    quotable: bool = True

    def __str__(self) -> str:
        return f"GET {self.path}"


@dataclass(frozen=True)
class ErrorBody:
    """The error in a body. ``present`` is false where the body is empty, a web page or anything else."""

    code: str = ""
    message: str = ""
    present: bool = False


def read_error_body(body: bytes) -> ErrorBody:
    """Reads ``{"error": {"code", "message", "target"}}``, or the same where ``error`` is a text. ``target`` can be
    anything."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ErrorBody()
    if not isinstance(content, dict) or not content:
        return ErrorBody()
    error = content.get("error")
    if isinstance(error, dict):
        return ErrorBody(_code(error.get("code")), _message(error.get("message")), present=True)
    if isinstance(error, str):
        text = content.get("error_description") or content.get("message")
        return ErrorBody(_code(error), _message(text), present=True)
    return ErrorBody("", _message(content.get("message") or content.get("Message")), present=True)


def _code(value: object) -> str:
    return redacted(str(value), _LONGEST_CODE) if isinstance(value, str | int) and value else ""


def _message(value: object) -> str:
    """A text on one line, cut at the end of a word: the searches through it take time by the square of its length."""
    if not isinstance(value, str):
        return ""
    text = " ".join(value[: _LONGEST_MESSAGE + 1].split())
    return text if len(value) <= _LONGEST_MESSAGE else text.rpartition(" ")[0]


def is_final_401(body: bytes) -> bool:
    """Whether a 401 is about a licence or an inactive account, which no new token cures."""
    return bool(_INACTIVE.search(read_error_body(body).message))


def error_of(
    request: ApiRequest, status: int, headers: Mapping[str, str], body: bytes, claims: Claims
) -> DefenderError:
    """The error that a response other than 200 means."""
    error_body = _tellable(request, read_error_body(body))
    error = _error(request, status, headers, error_body, claims)
    error.dataset = request.dataset
    error.status = status
    error.code = error.code or error_body.code
    return error


def _tellable(request: ApiRequest, error_body: ErrorBody) -> ErrorBody:
    """The error with a code that may be told: where nothing may be quoted, a sentence in its place is none."""
    if request.quotable or _PLAIN_CODE.fullmatch(error_body.code):
        return error_body
    return replace(error_body, code="")


def _error(
    request: ApiRequest, status: int, headers: Mapping[str, str], error_body: ErrorBody, claims: Claims
) -> DefenderError:
    what = f"{request.dataset}: {request} answered {status}" + (f" {error_body.code}" if error_body.code else "")
    quoted = f"{what}: {redacted(error_body.message)}" if error_body.message and request.quotable else what
    match status:
        case 401:
            if why := _INACTIVE.search(error_body.message):
                return _no_licence(request, quoted, why)
            return _rejected(request, quoted, claims)
        case 403:
            return _forbidden(request, what, quoted, error_body, claims)
        case 404 if error_body.present:
            return NotFound(quoted)
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


def _no_licence(request: ApiRequest, quoted: str, why: re.Match[str]) -> NoLicence:
    return NoLicence(quoted, remedy=_licence_remedy(request.licence) if request.licence and why["licence"] else None)


def _licence_remedy(licence: str) -> str:
    return f"The tenant needs a licence beside those of Defender for Endpoint's own plans: {licence}."


def _retry_after(headers: Mapping[str, str]) -> float | None:
    return retry_after_seconds(headers.get("retry-after"), now=server_time(headers.get("date")))


def _audience_fits(request: ApiRequest, claims: Claims) -> bool:
    """Whether the token is for Defender for Endpoint. One without a readable audience gets the benefit of the doubt."""
    audience = claims.audience.lower().rstrip("/")
    return not audience or audience in {known.lower() for known in request.cloud.audiences}


def _rejected(request: ApiRequest, quoted: str, claims: Claims) -> DefenderError:
    if not _audience_fits(request, claims):
        return WrongAudience(f"{quoted}; the token is not one for Defender for Endpoint")
    return TokenRejected(f"{quoted}; a token that was just issued is not taken")


def _forbidden(request: ApiRequest, what: str, quoted: str, error_body: ErrorBody, claims: Claims) -> DefenderError:
    if error_body.code == "DisabledFeature" or "feature is not enabled" in error_body.message.lower():
        return FeatureOff(quoted)
    roles = _ROLES.search(error_body.message)
    if roles is None and not _audience_fits(request, claims):
        return WrongAudience(f"{quoted}; the token is not one for Defender for Endpoint")
    listed = roles if request.quotable else None
    required = _listed(listed["required"]) if listed else request.permissions
    granted = _listed(listed["granted"]) if listed else claims.roles
    if roles is None and (why := _INACTIVE.search(error_body.message)):
        return _no_licence(request, quoted, why)
    if roles is None and (held := [role for role in request.permissions if role in granted]):
        error = Refused(
            f"{quoted}; the application has the role {held[0]} and is refused all the same",
            reason="unexpected",
            remedy="Check that the tenant is active in Defender for Endpoint and that no proxy answers in its place.",
        )
    else:
        wanted = next((role for role in request.permissions if role in required), None) or next(iter(required), "")
        remedy = remedy_for(wanted, licence=request.licence)
        error = Refused(f"{what}: the application lacks the role {wanted}", remedy=remedy)
    error.required = tuple(required)
    error.granted = tuple(granted)
    return error


def remedy_for(*permissions: str, licence: str | None = None) -> str:
    """What an administrator has to do so that the application gets these roles, and the tenant a licence."""
    those = f"permission {permissions[0]}" if len(permissions) == 1 else f"permissions {', '.join(permissions)}"
    remedy = (
        f'Add the application {those} of "WindowsDefenderATP" to the app registration '
        "(API permissions, APIs my organization uses) and grant admin consent."
    )
    return f"{remedy} {_licence_remedy(licence)}" if licence else remedy


def _listed(roles: str) -> tuple[str, ...]:
    names = [redacted(part.strip(" ."), _LONGEST_CODE) for part in roles.split(",")[:_MOST_ROLES]]
    return tuple(name for name in names if name)


_LONGEST_ERROR = 10_000


def _check_is_no_error(request: ApiRequest, body: bytes) -> None:
    """An error can come with a status of 200; taken for data, it would be an empty table, or half of one.

    Larger bodies are searched for it by whoever reads their rows (``decode/``).
    """
    if len(body) > _LONGEST_ERROR or b'error"' not in body.lower():
        return
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    if not isinstance(content, dict) or not any(_tells_error(name, value) for name, value in content.items()):
        return
    error_body = _tellable(request, read_error_body(body))
    said = f"{error_body.code} {error_body.message}" if request.quotable else error_body.code
    quotation = redacted(said.strip()) or "it does not say which"
    raise BrokenAnswer(
        f"{request.dataset}: {request} answered 200 with an error inside: {quotation}",
        dataset=request.dataset,
        status=200,
        code=error_body.code,
    )


def _tells_error(name: str, value: object) -> bool:
    """``error``, ``odata.error`` and the like; null says that there is none."""
    return value is not None and name.lower().lstrip("@").rpartition(".")[2] == "error"


def check_is_json(request: ApiRequest, status: int, content_type: str, body: bytes) -> None:
    """Raises WrongHost for a web page, and BrokenAnswer for anything else that is no JSON.

    The media type comes with varying parameters, so only its beginning counts.
    """
    media = content_type.split(";")[0].strip().lower()
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    end = body[-64:].rstrip()[-1:]
    if start + end in (b"{}", b"[]") and "html" not in media:
        _check_is_no_error(request, body)
        return
    what = f"{request.dataset}: {request} answered {status} with "
    if start == b"<" or "html" in media:
        raise WrongHost(
            what + "a web page in place of data",
            dataset=request.dataset,
            status=status,
            remedy="Check DEFENDER_API_URL, and whether a proxy wants a login of its own here.",
        )
    # The service streams its responses: when it fails half-way, the body ends there, although the status is 200.
    content = "a body that ends too early" if start in (b"{", b"[") else "something that is no JSON"
    if not body:
        content = "an empty body"
    raise BrokenAnswer(what + content, dataset=request.dataset, status=status)
