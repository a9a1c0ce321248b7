"""The setting ``DEFENDER_SPARK_REMOTE``: the address of a server of Spark Connect.

Here: reading the address, and its form. Not here: connecting to it (``compliance/engine/spark_driver.py``).

The address may hold a token: it is in no message, error or log line. PySpark quotes what it cannot parse, so the form
(https://github.com/apache/spark/blob/master/sql/connect/docs/client-connection-string.md) is checked before it is given
one.
"""

import re

from .connection import ca_bundle_path, resolved_setting
from .errors import Problem, SettingsError
from .variables import Settings, variable

_ADDRESS = re.compile(
    r"(?P<server>sc://(?:\[[0-9A-Fa-f:.]+\]|[^\s/;?#@:\[\]]+)(?::[0-9]+)?)(?:/(?:;[^\s;=?#]+=[^\s;=?#]*)*)?"
)
SPARK_REMOTE_FORM = "give it as sc://HOST:15002, or sc://HOST:443/;NAME=VALUE;…, with = in a value as %3D"


def spark_server(address: str) -> str | None:
    """``sc://HOST:PORT`` of an address of Spark Connect, without what follows; None of anything else."""
    found = _ADDRESS.fullmatch(address)
    return found["server"] if found else None


def spark_remote(settings: Settings) -> str | None:
    """The address, its secret reference followed; None where none is set. Raises SettingsError."""
    if settings.spark_remote is None:
        return None
    text = settings.spark_remote.get_secret_value()
    address = resolved_setting("spark_remote", text, ca_bundle_path(settings.ca_bundle))
    if spark_server(address) is None:
        raise SettingsError(Problem(variable("spark_remote"), "is no address of Spark Connect", SPARK_REMOTE_FORM))
    if settings.spark_master:
        name = variable("spark_remote")
        raise SettingsError(Problem(name, f"contradicts {variable('spark_master')}", "set one of the two"))
    return address
