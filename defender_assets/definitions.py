"""Where everything meets: what ``dagster dev`` loads.

Here: assembling. Not here: anything else.
"""

import os
from typing import Any

import dagster as dg

from .orchestration.assets import table_asset
from .orchestration.automation.definitions import by_itself
from .orchestration.freshness import with_freshness
from .orchestration.jobs import asset_jobs, test_connection
from .orchestration.partitions import partitions
from .orchestration.resources import DefenderApplication, ParquetLake
from .refresh import table_refreshes
from .settings import Settings, tenant_names


def executor() -> dg.ExecutorDefinition:
    """In-process by default: 30 ms a step, one login, one budget and one connection pool a run.
    ``DEFENDER_EXECUTOR=forkserver`` gives every step a process, for tenants whose datasets are big."""
    if os.environ.get("DEFENDER_EXECUTOR", "in_process") == "forkserver":
        return dg.multiprocess_executor.configured({"start_method": {"forkserver": {}}, "max_concurrent": 2})
    return dg.in_process_executor


def build_defs(**resources: Any) -> dg.Definitions:
    """All definitions; ``resources`` replace the ones of the same name."""
    settings = Settings.load()
    days = partitions(tenant_names(settings))
    given = {"application": DefenderApplication(), "lake": ParquetLake()} | resources
    tables = [table_asset(source, days) for source in table_refreshes().values()]
    assets = with_freshness(tables, settings)
    automatic = by_itself(assets, given["application"], given["lake"], settings)
    return dg.Definitions(
        assets=assets,
        jobs=[*asset_jobs(), test_connection],
        schedules=automatic.schedules,
        sensors=automatic.sensors,
        resources=given,
        executor=executor(),
    )


@dg.definitions
def defs() -> dg.Definitions:
    return build_defs()
