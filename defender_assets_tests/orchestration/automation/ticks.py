"""Schedules and sensors ticked in process, and the runs they request executed in process."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from defender_assets.definitions import build_defs
from defender_assets.orchestration.run_tags import FIRST_OF_RUN, LAST_OF_RUN, PARTITION, RANGE_END, RANGE_START

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def execute(defs: dg.Definitions, tables: Iterable[str | dg.AssetKey], **options: Any) -> dg.ExecuteInProcessResult:
    """One run over these tables, to its end. Its events are kept in memory unless an ``instance`` is given."""
    return defs.resolve_implicit_global_asset_job_def().execute_in_process(
        asset_selection=[dg.AssetKey.from_coercible(table) for table in tables], run_config=QUIET,
        raise_on_error=False, **options,
    )  # fmt: skip


@dataclass
class Daemon:
    """What the daemon does, a step at a time: tick, remember the cursor, start what was requested under a run key that
    was not seen before."""

    instance: dg.DagsterInstance
    defs: dg.Definitions = field(default_factory=build_defs)
    cursors: dict[str, str | None] = field(default_factory=dict)
    started: set[str | None] = field(default_factory=set)

    def tick(self, sensor: str) -> dg.SensorResult:
        definition = self.defs.resolve_sensor_def(sensor)
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursors.get(sensor), definitions=self.defs
        )
        result = definition.evaluate_tick(context)
        self.cursors[sensor] = result.cursor
        return result

    def clock(self, schedule: str, at: datetime | None = None) -> Any:
        definition = self.defs.resolve_schedule_def(schedule)
        context = dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=at or datetime.now(UTC),
            repository_def=self.defs.get_repository_def(),
        )
        return definition.evaluate_tick(context)

    def launch(self, requests: Iterable[dg.RunRequest] | None) -> list[dg.ExecuteInProcessResult]:
        """The requested runs, to their end."""
        results = []
        for request in requests or ():
            if request.run_key in self.started:
                continue
            self.started.add(request.run_key)
            results.append(self.run(request, instance=None))
        return results

    def run(self, request: dg.RunRequest, **options: Any) -> dg.ExecuteInProcessResult:
        """The requested run, to its end, in the history of ``instance``."""
        options = {"instance": self.instance} | options
        run = {"tags": dict(request.tags), "partition_key": request.partition_key}
        return execute(self.defs, request.asset_selection or (), **run, **options)

    def queue(self, request: dg.RunRequest) -> dg.DagsterRun:
        """The run as it stands while it waits: created, not executed."""
        from dagster._core.test_utils import create_run_for_test

        partition = {PARTITION: request.partition_key} if request.partition_key else {}
        return create_run_for_test(
            self.instance, job_name="__ASSET_JOB", status=dg.DagsterRunStatus.STARTED,
            tags=dict(request.tags) | partition, asset_selection=frozenset(request.asset_selection or ()),
        )  # fmt: skip


def tables_of(request: dg.RunRequest) -> set[str]:
    return {key.to_user_string() for key in request.asset_selection or ()}


def days_of(request: dg.RunRequest) -> tuple[str, str]:
    """First and last day that a run is requested for."""
    if request.partition_key:
        return request.partition_key, request.partition_key
    if FIRST_OF_RUN in request.tags:
        return request.tags[FIRST_OF_RUN], request.tags[LAST_OF_RUN]
    return request.tags[RANGE_START], request.tags[RANGE_END]
