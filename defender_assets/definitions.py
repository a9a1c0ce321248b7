"""Where everything meets: what ``dagster dev`` loads.

Here: assembling. Not here: anything else.
"""

from typing import Any

import dagster as dg

from .monitoring import start_log_lines, start_telemetry
from .orchestration.assets import table_asset
from .orchestration.automation.definitions import build_automation
from .orchestration.executor import executor
from .orchestration.first_day import first_day
from .orchestration.freshness import with_freshness
from .orchestration.jobs import REFRESH_JOBS, test_connection
from .orchestration.log_lines_of_dagster import write_dagsters_log_as_json
from .orchestration.memory import give_memory_back
from .orchestration.partitions import TenantDays
from .orchestration.pruning import prune_job
from .orchestration.resources import DefenderApplication, ParquetLake
from .refresh import left_out_by_choice, table_refreshes
from .settings import Settings, tenant_names


def build_defs(**resources: Any) -> dg.Definitions:
    """All definitions; ``resources`` replace the ones of the same name."""
    give_memory_back()
    settings = Settings.load()
    start_log_lines(settings)
    if settings.log_format == "json":
        write_dagsters_log_as_json()
    start_telemetry()
    tenants = tenant_names(settings)
    partitions = TenantDays(first_day(settings, tenants), tenants)
    all_resources: dict[str, Any] = {"application": DefenderApplication(), "lake": ParquetLake()} | resources
    left_out = left_out_by_choice(settings)
    tables = [
        table_asset(source, partitions, left_out_because=left_out.get(name, ""), engine=settings.engine)
        for name, source in table_refreshes().items()
    ]
    assets = with_freshness(tables, settings, left_out=left_out)
    automation = build_automation(assets, all_resources["application"], all_resources["lake"], settings)
    return dg.Definitions(
        assets=assets,
        jobs=[*REFRESH_JOBS, prune_job, test_connection],
        schedules=automation.schedules,
        sensors=automation.sensors,
        resources=all_resources,
        executor=executor(),
        loggers={"console": dg.json_console_logger} if settings.log_format == "json" else None,
    )


@dg.definitions
def defs() -> dg.Definitions:
    return build_defs()
