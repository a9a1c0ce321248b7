"""All schedules and sensors, put together for ``definitions.py``.

Here: assembling. Not here: any schedule or sensor.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import dagster as dg

from ...catalog import Group
from ...settings import Settings, switched_on
from ..notifications.failed_runs import refresh_failures
from ..notifications.failed_ticks import tick_failures
from ..partitions import TenantDays
from ..resources import DefenderApplication, ParquetLake
from .conditions import compliance_automation
from .lake_watch import lake_watch
from .metrics_file import metrics_sensors
from .probe import TenantProbes
from .pruning import dagster_history, daily_pruning
from .report_of_all import report_sensors
from .schedules import schedules
from .sensors import change_sensors

_FETCHED = (Group.DEFENDER.value, Group.REFERENCE.value)


@dataclass(frozen=True)
class Automation:
    """Schedules and sensors, as ``dg.Definitions`` takes them."""

    schedules: list[dg.ScheduleDefinition]
    sensors: list[dg.SensorDefinition]


def build_automation(
    assets: Iterable[dg.AssetsDefinition], application: DefenderApplication, lake: ParquetLake, settings: Settings
) -> Automation:
    """The schedules and sensors over these assets. Raises SettingsError for a wrong ``DEFENDER_RUNNING``."""
    running = switched_on(settings)
    assets = list(assets)
    partitions = TenantDays.of(assets[0].partitions_def)  # the same of every table
    probes = TenantProbes(application, lake)
    fetched = [spec.key.to_user_string() for asset in assets for spec in asset.specs if spec.group_name in _FETCHED]
    return Automation(
        schedules=[
            *schedules(fetched, probes, settings, running, partitions),
            daily_pruning(settings, running),
        ],
        sensors=[
            *change_sensors(probes, settings, running, partitions),
            compliance_automation(running),
            lake_watch(probes, partitions, running),
            dagster_history(running),
            refresh_failures(settings, running),
            tick_failures(settings, running),
            *metrics_sensors(settings),
            *report_sensors(settings, lake),
        ],
    )
