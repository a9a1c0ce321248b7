"""The form of a message in Microsoft Teams.

Here: the body for the workflow "Post to a channel when a webhook request is received", a message with one Adaptive Card
(https://learn.microsoft.com/en-us/connectors/teams/, https://adaptivecards.io/explorer/). Not here: what the message
says (``message.py``), posting it (``webhook.py``).
"""

from typing import Any

from .message import MAX_TABLES, FailureMessage, shortened

TEAMS_DOMAINS = (
    "logic.azure.com", "logic.azure.us", "webhook.office.com", "powerplatform.com", "powerautomate.com",
    "powerplatform.us", "powerautomate.us",
)  # fmt: skip
"""Where the addresses of Teams webhooks lie."""


def teams_body(message: FailureMessage) -> dict[str, Any]:
    """The message with its card."""
    body = [_block(message.title, size="Large", weight="Bolder", color="Attention")]
    for failed in message.tables[:MAX_TABLES]:
        body.append({**_block(f"{failed.table} ({failed.reason})", weight="Bolder"), "separator": True})
        body.append({**_block(shortened(failed.sentence)), "spacing": "None"})
    if (more := len(message.tables) - MAX_TABLES) > 0:
        body.append(_block(f"… and {more} more."))
    if message.partitions:
        body.append(_block(message.partitions, isSubtle=True))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": message.leads_to, "url": message.link}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _block(text: str, **style: str | bool) -> dict[str, Any]:
    # Not a TextBlock, whose text is Markdown: what comes from the service must not become a link.
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}
