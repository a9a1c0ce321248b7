"""Partitions that the lake holds and Dagster has not heard of: told to it, so that the UI shows what there is.

A refresh on another machine, a lake that was restored or moved, a new DAGSTER_HOME: in each case the lake is as full as
before, and every table would count as never made.

Here: finding them, and recording one event for each. Not here: when (``automation/lake_watch.py``), what a run records
of the partitions it makes (``assets.py``).
"""

from __future__ import annotations  # dagster.RawMetadataValue is a type that only a type checker sees

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day

import dagster as dg
from dagster._core.events import StepMaterializationData
from dagster._core.instance.utils import RUNLESS_JOB_NAME, RUNLESS_RUN_ID

from ..lake import Lake, LakeError, PartFile
from ..lake.facts import time_in
from ..refresh import table_refreshes
from ..report.publishing import COMPLIANCE_REPORT
from ..tenant import DEFAULT_TENANT
from .partitions import TenantDays

_AT_A_TIME = 32
_SETTLED_AFTER = timedelta(minutes=2)
"""How long after its first request a partition is left alone: ``defender-assets refresh`` begins to fetch before there
is the run that records what was fetched."""
_OBSERVED_AT = "observed at"
RECORDED = "recorded"
"""The metadata that says that no run of this Dagster made the partition."""


@dataclass(frozen=True)
class LakePartition:
    """A partition of the lake; ``parts`` are its files, none of a report."""

    table: str
    key: str
    day: date
    parts: tuple[PartFile, ...] = ()


def unrecorded(
    instance: dg.DagsterInstance,
    lake: Lake,
    *,
    partitions: TenantDays,
    being_made: Callable[[str, str], Collection[date]] = lambda table, tenant: (),
) -> list[LakePartition]:
    """The partitions of a tenant's lake that the instance records as never made, the oldest first.
    ``being_made`` names the days of a table and tenant that a run is about to record. Raises LakeError."""
    tenant = lake.tenant or DEFAULT_TENANT
    found: list[LakePartition] = []
    for table in table_refreshes():
        held: dict[date, list[PartFile]] = {}
        if table == COMPLIANCE_REPORT:
            held = {day: [] for day in lake.files.days(table) if day >= partitions.first}
        else:
            for part in lake.parts(table, partitions.first):
                held.setdefault(part.date, []).append(part)
        if held:
            known = instance.get_materialized_partitions(dg.AssetKey(table))
            busy = being_made(table, tenant)
            found += [
                LakePartition(table, partitions.key(tenant, day), day, tuple(parts))
                for day, parts in held.items()
                if partitions.key(tenant, day) not in known and day not in busy
            ]
    # The newest last: Dagster takes the last event of a table for its state. Of a day the inputs before what is made
    # from them, or the automation would make that again.
    return sorted(found, key=lambda partition: partition.day)


@dataclass(frozen=True)
class Recorded:
    """How many partitions were recorded; how many were not, because a file is damaged; and how many are still to
    come."""

    recorded: int = 0
    unreadable: int = 0
    to_come: int = 0

    def __add__(self, other: Recorded) -> Recorded:
        return Recorded(
            self.recorded + other.recorded, self.unreadable + other.unreadable, self.to_come + other.to_come
        )


def record(
    instance: dg.DagsterInstance, lake: Lake, partitions: Sequence[LakePartition], *, seconds: float
) -> Recorded:
    """Records the partitions in their order, for so many seconds, and up to the first one that a run may yet record:
    were those after it recorded before it, the automation would take them for outdated."""
    deadline = time.monotonic() + seconds
    recorded = unreadable = 0
    with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="lake-partitions") as pool:
        for start in range(0, len(partitions), _AT_A_TIME):
            if time.monotonic() >= deadline:
                return Recorded(recorded, unreadable, len(partitions) - start)
            together = partitions[start : start + _AT_A_TIME]
            for partition, facts in zip(together, pool.map(lambda each: _facts(lake, each), together), strict=True):
                if facts is None:
                    unreadable += 1
                elif _OBSERVED_AT in facts[1] and datetime.now(UTC) - facts[0] < _SETTLED_AFTER:
                    return Recorded(recorded, unreadable, len(partitions) - recorded - unreadable)
                else:
                    _report(instance, partition, *facts)
                    recorded += 1
    return Recorded(recorded, unreadable)


def _facts(lake: Lake, partition: LakePartition) -> tuple[datetime, dict[str, dg.RawMetadataValue]] | None:
    """When the partition was made, and what is told of it; None for one that cannot be read."""
    now = datetime.now(UTC)
    made_at = min(now, datetime.combine(partition.day + timedelta(days=1), time_of_day(), UTC))
    told: dict[str, dg.RawMetadataValue] = {RECORDED: "found in the lake; no run of this Dagster made it"}
    if not partition.parts:
        return made_at, told
    rows = 0
    for part in partition.parts:
        try:
            rows_of_part, metadata = lake.part_facts(part)
        except LakeError:
            return None
        rows += rows_of_part
        if observed_at := time_in(metadata, "observed_at"):
            made_at = min(now, observed_at)
            told[_OBSERVED_AT] = dg.MetadataValue.timestamp(observed_at)
    told["dagster/partition_row_count"] = rows
    told["dagster/uri"] = lake.storage.address(partition.parts[-1].path)
    told["bytes written"] = sum(part.size for part in partition.parts)
    return made_at, told


def _report(
    instance: dg.DagsterInstance,
    partition: LakePartition,
    made_at: datetime,
    metadata: dict[str, dg.RawMetadataValue],
) -> None:
    """One event, at the time of the partition: ``report_runless_asset_event`` would make an old one count as fresh."""
    materialization = dg.AssetMaterialization(partition.table, partition=partition.key, metadata=metadata)
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
        event_specific_data=StepMaterializationData(materialization),
        job_name=RUNLESS_JOB_NAME,
    )
    instance.report_dagster_event(event, run_id=RUNLESS_RUN_ID, timestamp=made_at.timestamp())
