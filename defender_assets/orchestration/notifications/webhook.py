"""Messages to a chat: the formats of Slack and Teams, and posting them.

Here: one message in each format, and one POST. Not here: when something is said (``notices.py``).

The webhook's address is a secret (whoever has it can post): it is in no message, error or log line.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from ...api.http import open_http
from ...api.retry import RetryPolicy
from ...errors import DefenderAssetsError
from ...sanitize import redacted
from ...settings import Problem, Settings, SettingsError, UnresolvedSecret, resolve

_TEAMS_HOSTS = (
    "logic.azure.com", "logic.azure.us", "webhook.office.com", "powerplatform.com", "powerautomate.com",
    "powerplatform.us", "powerautomate.us",
)  # fmt: skip
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ATTEMPTS, _TIMEOUT = 3, 10.0
_LONGEST = 2_500
"""Slack refuses a section of more than 3,000 characters (https://docs.slack.dev/reference/block-kit/blocks)."""
_MOST = 10
"""Troubles that are spelled out; Slack takes 50 blocks, Teams some 28 KB."""


class WebhookRefused(DefenderAssetsError):
    """The message did not arrive. Says why, without the address."""


@dataclass(frozen=True)
class Trouble:
    """One table that could not be refreshed."""

    dataset: str
    reason: str
    what: str
    remedy: str = ""

    @property
    def sentence(self) -> str:
        # Worded by us already; once more, as this leaves the machine.
        return " ".join(redacted(part, _LONGEST) for part in (self.what, self.remedy) if part)


@dataclass(frozen=True)
class Notice:
    """A message about one failed run."""

    title: str
    days: str
    troubles: tuple[Trouble, ...]
    link: str

    @property
    def text(self) -> str:
        """The message as plain text."""
        lines = [self.title + (f" ({self.days})" if self.days else "")]
        lines += [f"{trouble.dataset} ({trouble.reason}): {trouble.sentence}" for trouble in self.troubles]
        return "\n".join([*lines, f"Run: {self.link}"])


def post(notice: Notice, settings: Settings) -> None:
    """Posts the message where the settings say, if they do. Raises SettingsError and WebhookRefused."""
    if settings.webhook_url is None:
        return
    address = _address(settings.webhook_url.get_secret_value())
    body = _body(notice, settings.webhook_format, urlsplit(address).hostname or "")
    ca_bundle = _ca_bundle(settings)
    with open_http(ca_bundle) as http:
        RetryPolicy(attempts=_ATTEMPTS).run(lambda: _post_once(http, address, body))


def _post_once(http: httpx.Client, address: str, body: dict[str, Any]) -> None:
    try:
        answer = http.post(address, json=body, timeout=_TIMEOUT)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        kind = type(error).__name__
    else:
        if answer.is_success:
            return
        if answer.status_code == 429 or answer.status_code >= 500:
            raise WebhookRefused(f"the webhook answered {answer.status_code}", retryable=True)
        raise WebhookRefused(
            f"the webhook answered {answer.status_code}; check DEFENDER_WEBHOOK_URL and DEFENDER_WEBHOOK_FORMAT"
        )
    # Outside the handler: httpx's errors have the whole address in them.
    raise WebhookRefused(f"the webhook could not be reached ({kind})", retryable=True)


def _address(written: str) -> str:
    try:
        address = resolve(written.strip())
        parts = urlsplit(address)
        host = parts.hostname
    except UnresolvedSecret as error:
        raise _wrong("is a secret reference that cannot be followed", str(error)) from None
    except ValueError:
        host = None
    if not host:
        raise _wrong("is malformed", "give the address that Slack or Teams shows for the webhook")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        raise _wrong("is not an https address", "give the address that Slack or Teams shows for the webhook")
    return address


def _wrong(what: str, remedy: str) -> SettingsError:
    return SettingsError(Problem("DEFENDER_WEBHOOK_URL", what, remedy))


def _ca_bundle(settings: Settings) -> Path | None:
    if not settings.ca_bundle:
        return None
    try:
        return Path(resolve(settings.ca_bundle)).expanduser()
    except UnresolvedSecret as error:
        raise SettingsError(
            Problem("DEFENDER_CA_BUNDLE", "is a secret reference that cannot be followed", str(error))
        ) from None


def _body(notice: Notice, written: str, host: str) -> dict[str, Any]:
    teams = any(host == known or host.endswith("." + known) for known in _TEAMS_HOSTS)
    if written == "teams" or (written == "auto" and teams):
        return teams_body(notice)
    return slack_body(notice)


def slack_body(notice: Notice) -> dict[str, Any]:
    """Slack's incoming webhooks: blocks, and the text that notifications show
    (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks)."""

    def section(text: str) -> dict[str, Any]:
        return {"type": "section", "text": {"type": "mrkdwn", "text": text}}

    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(notice.title, 150), "emoji": False}}
    ]
    for trouble in notice.troubles[:_MOST]:
        blocks.append(
            section(f"*{_escaped(trouble.dataset)}* `{_escaped(trouble.reason)}`\n{_escaped(_cut(trouble.sentence))}")
        )
    if more := len(notice.troubles) - _MOST:
        blocks += [section(f"… and {more} more.")] if more > 0 else []
    link = f"<{_escaped(notice.link)}|Open the run>"
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": _joined(_escaped(notice.days), link)}]})
    return {"text": _escaped(_cut(notice.text)), "blocks": blocks}


def teams_body(notice: Notice) -> dict[str, Any]:
    """A Teams workflow ("Post to a channel when a webhook request is received") takes a message with an Adaptive Card
    (https://learn.microsoft.com/en-us/connectors/teams/, https://adaptivecards.io/explorer/)."""

    def block(text: str, **style: Any) -> dict[str, Any]:
        # Not a TextBlock, whose text is Markdown: what comes from the service must not become a link.
        return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}

    body: list[dict[str, Any]] = [block(notice.title, size="Large", weight="Bolder", color="Attention")]
    for trouble in notice.troubles[:_MOST]:
        body.append({**block(f"{trouble.dataset} ({trouble.reason})", weight="Bolder"), "separator": True})
        body.append({**block(_cut(trouble.sentence)), "spacing": "None"})
    if (more := len(notice.troubles) - _MOST) > 0:
        body.append(block(f"… and {more} more."))
    if notice.days:
        body.append(block(notice.days, isSubtle=True))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": "Open the run", "url": notice.link}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _cut(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _escaped(text: str) -> str:
    """Slack's three characters (https://docs.slack.dev/messaging/formatting-message-text#escaping)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
