"""The setting ``DEFENDER_BUDGET_REDIS``: where several machines count their calls together.

Here: reading the address. Not here: connecting to it (``api/redis_counts.py``).

The address holds a password: it is in no message, error or log line.
"""

from .connection import ca_bundle_path, resolved_setting
from .variables import Settings


def budget_redis(settings: Settings) -> str | None:
    """The address, its secret reference followed; None where none is set. Raises SettingsError."""
    if settings.budget_redis is None:
        return None
    text = settings.budget_redis.get_secret_value()
    return resolved_setting("budget_redis", text, ca_bundle_path(settings.ca_bundle))
