"""Where everything meets: what ``dagster dev`` loads.

Here: assembling. Not here: anything else.
"""

import os

import dagster as dg

from .catalog import DATASETS
from .orchestration.jobs import asset_jobs, test_connection
from .orchestration.partitions import partitions
from .orchestration.raw_assets import raw_asset
from .orchestration.resources import DefenderApplication, ParquetLake
from .settings import Settings, tenant_names


def executor() -> dg.ExecutorDefinition:
    """In-process by default: 30 ms a step, one login, one budget and one connection pool a run.
    ``DEFENDER_EXECUTOR=forkserver`` gives every step a process, for tenants whose datasets are big."""
    if os.environ.get("DEFENDER_EXECUTOR", "in_process") == "forkserver":
        return dg.multiprocess_executor.configured({"start_method": {"forkserver": {}}, "max_concurrent": 2})
    return dg.in_process_executor


def build_defs(**resources: object) -> dg.Definitions:
    """All definitions; ``resources`` replace the ones of the same name."""
    days = partitions(tenant_names(Settings.load()))
    return dg.Definitions(
        assets=[raw_asset(dataset, days) for dataset in DATASETS.values()],
        jobs=[*asset_jobs(), test_connection],
        resources={"application": DefenderApplication(), "lake": ParquetLake()} | resources,
        executor=executor(),
    )


@dg.definitions
def defs() -> dg.Definitions:
    return build_defs()
