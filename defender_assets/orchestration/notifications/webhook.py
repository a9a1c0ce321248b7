"""Posting a message to the webhook of a chat.

Here: the choice of the format, and the POST. Not here: the address (``settings/webhook.py``), the formats
(``slack.py``, ``teams.py``), what the message says (``message.py``), when it is sent (``failed_runs.py``).
"""

from typing import Any
from urllib.parse import urlsplit

import httpx

from ...api.http import open_http
from ...api.retry import RetryPolicy
from ...errors import DefenderAssetsError
from ...settings import Settings, ca_bundle_path, webhook_address
from .message import FailureMessage
from .slack import slack_body
from .teams import TEAMS_DOMAINS, teams_body

_TIMEOUT_SECONDS = 10.0
_RETRY = RetryPolicy(attempts=3)


class WebhookRefused(DefenderAssetsError):
    """The message did not arrive. Says why, without the address."""


def post(message: FailureMessage, settings: Settings, retry: RetryPolicy = _RETRY) -> None:
    """Posts the message to the webhook of the settings; nothing where none is set. Raises SettingsError and
    WebhookRefused."""
    address = webhook_address(settings)
    if address is None:
        return
    body = body_of(message, settings.webhook_format, urlsplit(address).hostname or "")
    with open_http(ca_bundle_path(settings.ca_bundle)) as http:
        retry.run(lambda: _post_once(http, address, body))


def body_of(message: FailureMessage, webhook_format: str, host: str) -> dict[str, Any]:
    """The message in the format of the setting (``slack``, ``teams``, or ``auto``: what the host of the address is)."""
    is_teams = any(host == domain or host.endswith("." + domain) for domain in TEAMS_DOMAINS)
    if webhook_format == "teams" or (webhook_format == "auto" and is_teams):
        return teams_body(message)
    return slack_body(message)


def _post_once(http: httpx.Client, address: str, body: dict[str, Any]) -> None:
    try:
        response = http.post(address, json=body, timeout=_TIMEOUT_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        kind = type(error).__name__
    else:
        if response.is_success:
            return
        if response.status_code == 429 or response.status_code >= 500:
            raise WebhookRefused(f"the webhook answered {response.status_code}", retryable=True)
        raise WebhookRefused(
            f"the webhook answered {response.status_code}; check DEFENDER_WEBHOOK_URL and DEFENDER_WEBHOOK_FORMAT"
        )
    # Outside the handler: httpx's errors have the whole address in them.
    raise WebhookRefused(f"the webhook could not be reached ({kind})", retryable=True)
