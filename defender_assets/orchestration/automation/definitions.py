"""Everything that starts runs without a person, put together.

Here: the one list of schedules and the one list of sensors for ``definitions.py``. Not here: any of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import dagster as dg

from ...catalog import Group
from ...settings import Settings
from ..notifications.failed_runs import refresh_failures
from ..resources import DefenderApplication, ParquetLake
from .conditions import NAME as AUTOMATION
from .conditions import compliance_automation
from .default_status import switched_on
from .probe import Looker
from .schedules import schedules
from .sensors import change_sensors

_FETCHED = (Group.DEFENDER.value, Group.REFERENCE.value)


@dataclass(frozen=True)
class ByItself:
    """Schedules and sensors, as ``dg.Definitions`` takes them."""

    schedules: list[dg.ScheduleDefinition]
    sensors: list[dg.SensorDefinition]


def by_itself(
    assets: Iterable[dg.AssetsDefinition], application: DefenderApplication, lake: ParquetLake, settings: Settings
) -> ByItself:
    """The schedules and sensors over these assets. Raises SettingsError for a wrong ``DEFENDER_RUNNING``."""
    running = switched_on(settings)
    looker = Looker(application, lake)
    fetched = [spec.key.to_user_string() for asset in assets for spec in asset.specs if spec.group_name in _FETCHED]
    return ByItself(
        schedules=schedules(fetched, looker, settings, running),
        sensors=[
            *change_sensors(looker, settings, running),
            compliance_automation(running=AUTOMATION in running),
            refresh_failures(settings, running),
        ],
    )
