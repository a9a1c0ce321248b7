"""The form of a message in Slack.

Here: the body for an incoming webhook
(https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks). Not here: what the message says
(``message.py``), posting it (``webhook.py``).
"""

from typing import Any

from .message import MAX_TABLES, FailureMessage, shortened

_LONGEST_HEADER = 150


def slack_body(message: FailureMessage) -> dict[str, Any]:
    """Blocks for the channel, and the plain text that notifications show."""
    header = {"type": "plain_text", "text": shortened(message.title, _LONGEST_HEADER), "emoji": False}
    blocks: list[dict[str, Any]] = [{"type": "header", "text": header}]
    for failed in message.tables[:MAX_TABLES]:
        heading = f"*{_escaped(failed.table)}* `{_escaped(failed.reason)}`"
        blocks.append(_section(f"{heading}\n{_escaped(shortened(failed.sentence))}"))
    if (more := len(message.tables) - MAX_TABLES) > 0:
        blocks.append(_section(f"… and {more} more."))
    link = f"<{_escaped(message.link)}|{_escaped(message.leads_to)}>"
    footer = f"{_escaped(message.partitions)} · {link}" if message.partitions else link
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": footer}]})
    return {"text": _escaped(shortened(message.text)), "blocks": blocks}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _escaped(text: str) -> str:
    """The three characters that Slack reads (https://docs.slack.dev/messaging/formatting-message-text#escaping)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
