"""The day on which the partitions of the UI begin.

Here: the setting, or else the lake's own first day. Not here: what a partition is (``partitions.py``), runs for the
days before it (``run_tags.py``).

What a tenant was like before the first capture nobody can ask for any more, so partitions from before that day could
only stay empty. Event tables reach further back by themselves: their older days are in the lake, and are no partitions
of the UI.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime

from ..catalog import DATASETS, EVENT_TABLES
from ..catalog.devices import MACHINES
from ..lake import Lake, LakeError
from ..refresh import remembered
from ..settings import Settings
from .automation.all_tenants import by_tenant

_log = logging.getLogger(__name__)

_SECONDS = 10.0
"""How long a lake is waited for: definitions load without it too."""


def first_day(settings: Settings, tenants: Sequence[str]) -> date:
    """``DEFENDER_FIRST_DAY``; else the first day on which the machines of any tenant were captured or, of a tenant
    whose machines never were, any other table that tells of a day; else today (UTC)."""
    today = datetime.now(UTC).date()
    if settings.first_day is not None:
        return min(settings.first_day, today)
    try:
        days = by_tenant(tenants, lambda tenant: _first_day_of(Lake(settings.lake, tenant)), seconds=_SECONDS)
    except LakeError as error:
        _log.warning("Partitions begin today in the UI, because the lake cannot be read: %s", error)
        return today
    if len(days) < len(tenants):
        _log.warning("The lake did not answer in time: partitions may begin too late in the UI, until it is reloaded.")
    return min((day for day in days.values() if day is not None and day <= today), default=today)


def first_possible_day(settings: Settings, tenants: Sequence[str]) -> date:
    """The day before which no table can be made: nothing is in the lake, and the service remembers nothing."""
    today = datetime.now(UTC).date()
    remembered_since = (remembered(DATASETS[table], today).first for table in EVENT_TABLES)
    return min(first_day(settings, tenants), *remembered_since)


def _first_day_of(lake: Lake) -> date | None:
    if machines := lake.dates(MACHINES.name):
        return machines[0]
    others = (lake.dates(table) for table in lake.table_names() if table not in EVENT_TABLES)
    return min((days[0] for days in others if days), default=None)
