"""A day in fast motion: the daemon with everything switched on, against a tenant that keeps changing (``make day``).

At its end it prints these rules, and whether each was kept:

* every published partition equals what the tenant held when it was observed;
* nothing that a sensor or the automation wrote was written without a reason;
* no quota was exceeded;
* each failure was reported once;
* when nothing changes any more, the lake equals the tenant.

Exit code 0 when all of them were. The clock is the real one, so schedules (and the hourly probe of the exports) are
fired by hand; everything else is the daemon's own doing.
"""

import argparse
import itertools
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
from dagster._core.scheduler.instigation import SensorInstigatorData

from defender_assets.catalog import DATASETS, DERIVED, Days, PerDevice
from defender_assets.lake import Lake
from defender_assets.reference import FEEDS
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape
from defender_assets_tests.contract.oracle import expected_row
from defender_assets_tests.orchestration.notifications.receiver import Receiver, receiving
from defender_assets_tests.serve.local_dagster import LocalDagster, eventually, serving

# A crawl takes minutes and its rows are of as many moments, by design; each carries the time at which it was asked for.
WATCHED = {name: dataset for name, dataset in DATASETS.items() if not isinstance(dataset.fetch, PerDevice)}
LONGEST_PAUSE_SECONDS = 8.0
ROLE_TAKEN_AWAY = "Software.Read.All"


def digest(rows: Iterable[dict[str, Any]]) -> int:
    """A number that is equal for equal rows, whatever their order."""
    return hash(frozenset(json.dumps(row, sort_keys=True, default=str) for row in rows))


NO_ROWS = digest(())


@dataclass
class Contents:
    """What the tenant held from a moment on: the digest by table and day (day "" for state tables)."""

    since: datetime
    digests: dict[tuple[str, str], int]


@dataclass
class ChangingTenant:
    """The tenant, and the history of what it held when."""

    simulator: Simulator
    random: random.Random
    history: list[Contents] = field(default_factory=list)
    alerts_updated_at: list[datetime] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)

    def record(self, tables: Iterable[str] = tuple(WATCHED)) -> None:
        """Notes what the tenant holds now. ``tables`` are those that may have changed since it was noted last."""
        digests = dict(self.history[-1].digests) if self.history else {}
        for name in tables:
            dataset = WATCHED[name]
            rows = [expected_row(dataset, row) for row in self.simulator.tenant.rows(name)]
            digests = {key: value for key, value in digests.items() if key[0] != name}
            if dataset.days is not Days.EVENT or dataset.event_time is None:
                digests[name, ""] = digest(rows)
                continue
            rows_by_day: dict[str, list[dict[str, Any]]] = {}
            for row in rows:
                rows_by_day.setdefault(row[dataset.event_time].date().isoformat(), []).append(row)
            digests |= {(name, day): digest(rows_of_day) for day, rows_of_day in rows_by_day.items()}
        self.history.append(Contents(datetime.now(UTC), digests))

    def change(self) -> None:
        """Changes something in the tenant, at random."""
        control = self.simulator.control
        changes: dict[str, tuple[int, Callable[[], object]]] = {
            "alert updated": (6, self._update_alert),
            "alert created": (4, self._create_alert),
            "devices come": (2, lambda: control.add_devices(self.random.randint(1, 3))),
            "devices go": (1, lambda: control.remove_devices(1)),
            "devices patched": (1, lambda: control.patch_devices(2)),
            "new assessment": (1, control.regenerate_exports),
        }
        [name] = self.random.choices(list(changes), weights=[weight for weight, _ in changes.values()])
        changes[name][1]()
        self.changes[name] += 1
        if name.startswith("alert"):
            self.record(["alerts"])
        else:
            self.record()

    def _update_alert(self, alert: str | None = None) -> None:
        self.simulator.control.update_alert(alert)
        self.alerts_updated_at.append(datetime.now(UTC))

    def _create_alert(self) -> None:
        created_at = datetime.now(UTC) - timedelta(days=self.random.choice([0, 0, 0, 1, 2]))
        for alert in self.simulator.control.create_alerts(1, created_at.isoformat()):
            # Its time of update is that of its creation, so it has to be updated to show as new.
            self._update_alert(alert)

    def digests_between(self, table: str, day: str, first: datetime, last: datetime) -> set[int]:
        """The digests of everything that a partition could rightly hold when it was observed between the two."""
        key = (table, day if WATCHED[table].days is Days.EVENT else "")
        ends = [contents.since for contents in self.history[1:]] + [datetime.now(UTC) + timedelta(days=1)]
        return {
            contents.digests.get(key, NO_ROWS)
            for contents, end in zip(self.history, ends, strict=True)
            # A change happens shortly before it is recorded.
            if contents.since - timedelta(seconds=3) <= last and end + timedelta(seconds=1) >= first
        }


@dataclass
class PublishedPartition:
    table: str
    day: str
    observed_at: datetime
    seen_at: datetime
    digest: int


@dataclass
class LakeWatcher(threading.Thread):
    """Reads every partition as it appears in the lake, to compare it with what the tenant held."""

    folder: Path
    versions: dict[Path, tuple[int, int]] = field(default_factory=dict)
    published: list[PublishedPartition] = field(default_factory=list)

    __hash__ = threading.Thread.__hash__

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            self.read_new_partitions()
            self.stopped.wait(0.3)

    def read_new_partitions(self) -> None:
        for file in self.folder.glob("*/tenant=default/snapshot_date=*/part-00000.parquet"):
            table, day = file.parts[-4], file.parts[-2].partition("=")[2]
            status = file.stat()
            version = (status.st_ino, status.st_mtime_ns)
            if table not in WATCHED or self.versions.get(file) == version:
                continue
            # Opened once: what is read is one version, whatever is published meanwhile.
            with pq.ParquetFile(file) as content:
                metadata = content.schema_arrow.metadata
                rows = content.read(columns=[column.name for column in WATCHED[table].columns]).to_pylist()
            self.versions[file] = version
            observed_at = datetime.fromisoformat(metadata[b"observed_at"].decode())
            self.published.append(PublishedPartition(table, day, observed_at, datetime.now(UTC), digest(rows)))

    def wrong_partitions(self, tenant: ChangingTenant) -> list[str]:
        """Partitions that hold what the tenant never held when they were observed."""
        return [
            f"{partition.table} of {partition.day}, observed {partition.observed_at:%H:%M:%S}"
            for partition in self.published
            if partition.digest
            not in tenant.digests_between(partition.table, partition.day, partition.observed_at, partition.seen_at)
        ]


def needless_materializations(dagster: LocalDagster, tenant: ChangingTenant) -> list[str]:
    """Materializations by sensors and automation for which nothing had changed since the one before."""
    needless: list[str] = []
    history: dict[tuple[str, str], list[tuple[float, str]]] = {}
    runs = {run.run_id: run for run in dagster.runs()}
    for name in (*DATASETS, *DERIVED, *FEEDS):
        result = dagster.instance.fetch_materializations(dg.AssetRecordsFilter(dg.AssetKey(name)), limit=10_000)
        for record in result.records:
            partition = (name, str(record.partition_key))
            history.setdefault(partition, []).append((record.timestamp, record.event_log_entry.run_id))
    for (name, day), materializations in history.items():
        materializations.sort()
        for (earlier, _), (later, run_id) in itertools.pairwise(materializations):
            launched_by = runs[run_id].tags.get("defender/launched_by") if run_id in runs else None
            # A reason counts from shortly before the earlier one: an input may have been read before it was replaced.
            since = earlier - 30
            if name in DERIVED and launched_by == "compliance_automation":
                inputs = (*DERIVED[name].inputs, *DERIVED[name].optional_inputs)
                reasons = [moment for table in inputs for moment, _ in history.get((table, day), ())]
            elif name == "alerts" and launched_by == "alert_changes":
                reasons = [moment.timestamp() for moment in tenant.alerts_updated_at]
            else:
                continue
            if not any(since <= moment <= later for moment in reasons):
                needless.append(f"{name} of {day} at {datetime.fromtimestamp(later, UTC):%H:%M:%S}")
    return needless


def wrongly_reported_failures(dagster: LocalDagster, receiver: Receiver) -> list[str]:
    """Failed runs without exactly one message. Those that are retried, or were launched again, may have none."""
    runs = dagster.runs()
    messages = [json.dumps(message) for message in receiver.messages]
    counts = Counter(run.run_id for message in messages for run in runs if run.run_id in message)
    wrong = [f"run {run_id[:8]} was told {count} times" for run_id, count in counts.items() if count > 1]
    for run in failed_runs(dagster):
        is_retried = run.tags.get("dagster/will_retry") == "true" or int(run.tags.get("defender/attempt", "1")) > 1
        if not counts[run.run_id] and not is_retried:
            wrong.append(f"run {run.run_id[:8]} was not told of")
    return wrong


def stale_tables(lake: Lake, tenant: ChangingTenant) -> list[str]:
    """Tables that differ from what the tenant holds now."""
    tenant.record()
    stale = []
    for (table, day), tenant_digest in tenant.history[-1].digests.items():
        dates = {date.isoformat(): date for date in lake.dates(table)}
        date = dates.get(day) if day else max(dates.values(), default=None)
        if date is None:
            if not day:
                stale.append(f"{table} is not there")
            continue
        columns = [column.name for column in DATASETS[table].columns]
        if digest(lake.read(table, date, columns=columns).to_pylist()) != tenant_digest:
            stale.append(f"{table} of {date}")
    return stale


def failed_runs(dagster: LocalDagster) -> list[dg.DagsterRun]:
    return list(dagster.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])))


def grant_role_again(dagster: LocalDagster, simulator: Simulator) -> None:
    """Grants the role once a refresh has failed without it."""
    eventually(lambda: failed_runs(dagster), 180, "a refresh without the role fails", every=1)
    simulator.control.grant_roles(ROLE_TAKEN_AWAY)
    simulator.control.expire_tokens()


def fire_sensor(dagster: LocalDagster, name: str) -> None:
    """Makes a sensor with a long interval tick now."""
    for state in dagster.instance.all_instigator_state():
        if state.name == name and isinstance(state.instigator_data, SensorInstigatorData):
            data = state.instigator_data._replace(last_tick_timestamp=None, last_tick_start_timestamp=None)
            dagster.instance.update_instigator_state(state.with_data(data))


def is_idle(dagster: LocalDagster) -> bool:
    """Whether no run is under way, and none was created in the last 45 seconds."""
    for record in dagster.instance.get_run_records(limit=1):
        if datetime.now(UTC) - record.create_timestamp.replace(tzinfo=UTC) < timedelta(seconds=45):
            return False
    return all(run.is_finished for run in dagster.runs())


def run_day(machines: int, minutes: float, seed: int, folder: Path) -> dict[str, list[str]]:
    """Runs everything; returns rule -> what broke it."""
    with (
        receiving() as receiver,
        Simulator(SimulatedTenant(TenantShape(machines=machines)), enforce_quotas=True, latency=0.02) as simulator,
    ):
        tenant = ChangingTenant(simulator, random.Random(seed))
        tenant.record()
        lake = Lake(str(folder / "lake"))
        watcher = LakeWatcher(folder / "lake")
        settings = simulator.settings | {
            "DEFENDER_LAKE": str(folder / "lake"),
            "DEFENDER_BUDGET_FILE": str(folder / "calls.sqlite"),
            "DEFENDER_PACING": "documented",
            "DEFENDER_RUNNING": "all",
            "DEFENDER_REFRESH_HOUR": str(datetime.now(UTC).hour),
            "DEFENDER_ALERT_INTERVAL_SECONDS": "5",
            "DEFENDER_WEBHOOK_URL": receiver.address,
        }
        with serving(folder, **settings) as dagster:
            watcher.start()
            print_line(f"{machines} machines, {minutes:g} minutes; the UI is at {dagster.address}")
            dagster.fire("daily_refresh")
            incidents = incidents_of_the_day(dagster, simulator)
            incident = next(incidents, None)
            started = time.monotonic()
            while (elapsed := (time.monotonic() - started) / (60 * minutes)) < 1:
                if incident and elapsed >= incident[0]:
                    print_line(f"{elapsed:4.0%}  {incident[1]}")
                    incident[2]()
                    incident = next(incidents, None)
                tenant.change()
                time.sleep(tenant.random.uniform(1, LONGEST_PAUSE_SECONDS))
            print_line("nothing changes any more")
            simulator.control.clear_faults()
            fire_sensor(dagster, "export_changes")
            dagster.launch(*(name for name, dataset in WATCHED.items() if dataset.days is Days.STATE))
            eventually(lambda: is_idle(dagster), 400, "the daemon comes to rest", every=3)
            watcher.stopped.set()
            watcher.join()
            watcher.read_new_partitions()
            refused = simulator.control.counters()["refused"]
            verdicts = {
                "every published partition equals what the tenant held when it was observed": (
                    watcher.wrong_partitions(tenant)
                ),
                "the lake equals the tenant": stale_tables(lake, tenant),
                "nothing was written in vain": needless_materializations(dagster, tenant),
                "quotas were kept": [f"429: {refused}"] if any(refused.values()) else [],
                "each failure was told once": wrongly_reported_failures(dagster, receiver),
            }
            print_summary(dagster, receiver, tenant, watcher)
    return verdicts


def incidents_of_the_day(
    dagster: LocalDagster, simulator: Simulator
) -> Iterator[tuple[float, str, Callable[[], object]]]:
    """What happens besides the changes: after which part of the day, what, and the call that brings it about."""
    control = simulator.control
    yield 0.25, "two answers 503", lambda: control.fault("status", "alerts", status=503, times=2)
    yield 0.40, "role taken away", lambda: control.revoke_roles(ROLE_TAKEN_AWAY)
    yield 0.42, "a person refreshes", lambda: dagster.launch("software", "software_inventory")
    yield 0.65, "role given back", lambda: grant_role_again(dagster, simulator)
    yield 0.70, "look at exports", lambda: fire_sensor(dagster, "export_changes")


def print_summary(dagster: LocalDagster, receiver: Receiver, tenant: ChangingTenant, watcher: LakeWatcher) -> None:
    runs = Counter((run.tags.get("defender/launched_by", "a person"), run.status.value) for run in dagster.runs())
    partitions = Counter(partition.table for partition in watcher.published)
    changes = ", ".join(f"{count} × {change}" for change, count in tenant.changes.items())
    launched = ", ".join(f"{launched_by} {status} {count}" for (launched_by, status), count in sorted(runs.items()))
    print_line(f"what happened:   {changes}")
    print_line(f"runs:            {launched}")
    print_line(f"partitions read: {partitions.total()} ({dict(partitions)})")
    print_line(f"messages:        {len(receiver.messages)}")
    print_line(f"calls:           {tenant.simulator.control.counters()['calls']}")


def print_line(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    with tempfile.TemporaryDirectory(prefix="defender-day-") as folder:
        verdicts = run_day(options.machines, options.minutes, options.seed, Path(folder))
    for rule, violations in verdicts.items():
        print_line(f"{'BROKEN' if violations else 'held  '} {rule}")
        for violation in violations[:10]:
            print_line(f"       {violation}")
    return 1 if any(verdicts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
