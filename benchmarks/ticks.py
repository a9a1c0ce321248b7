"""``python -m benchmarks.ticks --latency SECONDS``: what each tick costs with the tenants of the environment, as JSON.

Here: evaluating the ticks as Dagster's daemon and code server do, in one process. Not here: the tenants
(``tenants.py``), the table (``orchestration.py``).

Every tick is evaluated when nothing has changed. ``first`` is the first of a process, which logs in.
"""

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import dagster as dg
import httpx

from defender_assets.definitions import build_defs
from defender_assets.orchestration.partitions import TenantDays
from defender_assets.settings import tenant_names

_Result = TypeVar("_Result")

_costs: dict[str, tuple[float, float]] = {}


def clocked(name: str, tick: Callable[[], _Result]) -> _Result:
    """Notes wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = tick()
    _costs[name] = time.perf_counter() - wall, time.process_time() - cpu
    return result


def slow_down(seconds: float) -> None:
    """Every answer takes so long: as far away as the service is."""
    send = httpx.Client.send

    def slowed(self: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        time.sleep(seconds)
        return send(self, request, **options)

    httpx.Client.send = slowed  # type: ignore[method-assign]


def sensors(defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
    for name in ("export_changes", "alert_changes"):
        sensor, cursor = defs.resolve_sensor_def(name), None
        for label in (f"{name}, first", name):
            context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=defs)
            cursor = clocked(label, lambda context=context, sensor=sensor: sensor.evaluate_tick(context)).cursor


def schedules(defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
    repository = defs.get_repository_def()
    for name in ("daily_refresh", "hourly_inventory"):
        schedule = defs.resolve_schedule_def(name)
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=datetime.now(UTC), repository_def=repository
        )
        clocked(name, lambda context=context, schedule=schedule: schedule.evaluate_tick(context))


def automation(defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
    graph = defs.resolve_asset_graph()
    keys = graph.materializable_asset_keys
    computed = {key for key in keys if graph.get(key).automation_condition is not None}

    def made(tables: Iterable[dg.AssetKey]) -> None:
        partitions = TenantDays(datetime.now(UTC).date(), tenant_names())
        for key in tables:
            for tenant in partitions.tenants:
                partition = partitions.key(tenant, partitions.first)
                instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=partition))

    def evaluate(name: str, cursor: Any) -> Any:
        return clocked(
            name, lambda: dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=cursor)
        ).cursor

    cursor = evaluate("compliance_automation, first", None)
    made(keys - computed)
    cursor = evaluate("compliance_automation, inputs of all tenants are new", cursor)
    made(computed)
    for _ in range(3):  # until nothing is requested any more
        cursor = evaluate("compliance_automation", cursor)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ticks")
    parser.add_argument("--latency", type=float, metavar="SECONDS", help="before every answer; sensors and schedules")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["DEFENDER_RUNNING"] = "all"
    if options.latency:
        slow_down(options.latency)
    defs = build_defs()
    with dg.instance_for_test() as instance:
        sensors(defs, instance)
        schedules(defs, instance)
        if not options.latency:
            automation(defs, instance)
    json.dump(_costs, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
