"""The setting ``DEFENDER_WEBHOOK_URL``: where messages about failed runs go.

Here: reading and checking the address. Not here: what is posted there (``orchestration/notifications/``).

The address is a secret (whoever has it can post): it is in no message, error or log line.
"""

from urllib.parse import urlsplit

from .addresses import is_loopback
from .connection import ca_bundle_path, resolved_setting
from .errors import Problem, SettingsError
from .variables import Settings

_REMEDY = "give the address that Slack or Teams shows for the webhook"


def webhook_address(settings: Settings) -> str | None:
    """The address, its secret reference followed; None where none is set. Raises SettingsError."""
    if settings.webhook_url is None:
        return None
    address = resolved_setting(
        "webhook_url", settings.webhook_url.get_secret_value(), ca_bundle_path(settings.ca_bundle)
    )
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        host = None
    if not host:
        raise SettingsError(Problem("DEFENDER_WEBHOOK_URL", "is malformed", _REMEDY))
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise SettingsError(Problem("DEFENDER_WEBHOOK_URL", "is not an https address", _REMEDY))
    return address
