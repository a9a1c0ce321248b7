"""The setting ``DEFENDER_SPARK_REMOTE``: the address of a server of Spark Connect.

Here: reading the address. Not here: connecting to it (``compliance/engine/spark_driver.py``).

The address may hold a token: it is in no message, error or log line.
"""

from .connection import ca_bundle_path, resolved_setting
from .errors import Problem, SettingsError
from .variables import Settings, variable


def spark_remote(settings: Settings) -> str | None:
    """The address, its secret reference followed; None where none is set. Raises SettingsError."""
    if settings.spark_remote is None:
        return None
    text = settings.spark_remote.get_secret_value()
    address = resolved_setting("spark_remote", text, ca_bundle_path(settings.ca_bundle))
    if not address.startswith("sc://") or address == "sc://":
        name = variable("spark_remote")
        raise SettingsError(Problem(name, "is no address of Spark Connect", "give it as sc://HOST:15002"))
    if settings.spark_master:
        name = variable("spark_remote")
        raise SettingsError(Problem(name, f"contradicts {variable('spark_master')}", "set one of the two"))
    return address
