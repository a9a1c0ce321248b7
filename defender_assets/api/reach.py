"""Whether a host answers at all: one request without credentials, of whose answer only the beginning is read.

Here: asking, and why nothing came. Not here: what is asked with a token (``client.py``), who wants to know
(``doctor/``).
"""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from .clock import Clock, SystemClock
from .errors import UntrustedCertificate
from .http import open_http
from .tls import is_untrusted

_TIMEOUT_SECONDS = 10.0
_REDIRECTS = 5
_BEGINNING = 512
# Not by the content type: some data come as text/html.
_WEB_PAGES = (b"<!doctype html", b"<html")


@dataclass(frozen=True)
class Reached:
    """What came of asking. ``status`` is None without an answer; ``trouble`` and ``remedy`` then say why, without the
    address. ``is_web_page``: what came is meant for a browser. ``ahead``: seconds by which
    this machine's clock is ahead of the host's, negative where it is behind, None where the host did not tell its
    time."""

    status: int | None = None
    is_web_page: bool = False
    ahead: float | None = None
    trouble: str = ""
    remedy: str = ""


def reach(
    address: str,
    ca_bundle: Path | None,
    *,
    method: str = "GET",
    follow: bool = False,
    clock: Clock | None = None,
) -> Reached:
    """Asks once, for ten seconds at most; with ``follow``, also where an https redirect leads. Raises SettingsError for
    certificates that cannot be used."""
    clock = clock or SystemClock()
    with open_http(ca_bundle) as http:
        try:
            url = httpx.URL(address)
            for _ in range(_REDIRECTS + 1):
                sent_at = clock.now()
                with http.stream(method, url, timeout=_TIMEOUT_SECONDS) as response:
                    ahead = _ahead(response.headers.get("Date"), sent_at, clock.now())
                    target = response.next_request.url if response.next_request and follow else None
                    if target is None:
                        start = next(response.iter_bytes(_BEGINNING), b"").lstrip(b"\xef\xbb\xbf \t\r\n").lower()
                        return Reached(response.status_code, start.startswith(_WEB_PAGES), ahead)
                if target.scheme != "https":
                    return Reached(
                        trouble="the host redirects to an address that is not https", remedy="Correct the address."
                    )
                url = target
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
            return _nothing(error)
    return Reached(trouble="the host redirects in a circle", remedy="Correct the address.")


def _nothing(error: Exception) -> Reached:
    """The kind of error alone: httpx's texts have the whole address in them."""
    if is_untrusted(error):
        return Reached(trouble="the certificate of the host is not trusted", remedy=UntrustedCertificate.remedy)
    return Reached(
        trouble=f"the host cannot be reached ({type(error).__name__})",
        remedy="Check the address, the network and the proxy (HTTPS_PROXY, NO_PROXY).",
    )


def _ahead(date: str | None, sent_at: float, received_at: float) -> float | None:
    """By how much this clock is ahead, as little as the time under way and the header's whole seconds allow."""
    try:
        theirs = parsedate_to_datetime(date or "").timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
    if sent_at > theirs + 1:
        return sent_at - theirs - 1
    return min(0.0, received_at - theirs)
