"""How large the fleet is, for what is done in another way, or not at all, where it is large.

Here: one question. Not here: what follows from the answer (``dataset/ways.py``, ``absence.py``).
"""

from contextlib import suppress

from ..api import DefenderClient, Refused
from ..catalog.devices import MACHINES
from ..lake import Lake, UnreadableSnapshot
from .former_rows import rows_read


def has_more_devices_than(number: int, client: DefenderClient, lake: Lake) -> bool:
    """Whether the service lists more devices than that: by the newest machines in the lake, those that a scope left out
    among them; without any, by one call. False where the application may not list machines."""
    if (newest := lake.newest(MACHINES.name)) is not None:
        with suppress(UnreadableSnapshot):
            return rows_read(lake, MACHINES.name, newest) > number
    try:
        return client.has_more_than(number, MACHINES)
    except Refused:
        return False
