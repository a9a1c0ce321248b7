"""A day in fast motion: the daemon with everything on, against a tenant that changes as it runs. ``make day``

At its end it prints the law and whether it held:

* every published partition equals what the tenant held when it was observed;
* nothing that a sensor or the automation wrote was written in vain;
* no quota was exceeded;
* each failure was told once;
* when nothing changes any more, the lake equals the tenant.

Exit code 0 when all of it held. The services' clock is the real one, so schedules (and the hourly look at exports) are
made to fire by hand; everything else is the daemon's own doing.
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
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq

from defender_assets.catalog import DATASETS, Days, PerDevice
from defender_assets.catalog.derived import DERIVED
from defender_assets.lake import Lake
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape
from defender_assets_tests.contract.oracle import expected_row
from defender_assets_tests.orchestration.receiver import Receiver, receiving
from defender_assets_tests.serve.local_dagster import LocalDagster, eventually, serving

# A crawl is a moving picture of many moments, by design; its rows carry the time at which each was asked for.
WATCHED = {name: dataset for name, dataset in DATASETS.items() if not isinstance(dataset.fetch, PerDevice)}
LONGEST_PAUSE = 8.0


@dataclass
class Truth:
    """What the tenant held from a moment on: by table (and day, for events) the rows, as a digest."""

    since: datetime
    held: dict[tuple[str, str], int]


def digest(rows: Iterator[dict]) -> int:
    return hash(frozenset(json.dumps(row, sort_keys=True, default=str) for row in rows))


@dataclass
class World:
    """The tenant, and the record of what it held when."""

    simulator: Simulator
    chance: random.Random
    truths: list[Truth] = field(default_factory=list)
    touched: list[tuple[datetime, str]] = field(default_factory=list)
    happened: Counter = field(default_factory=Counter)

    def record(self, *, only: set[str] | None = None) -> None:
        """Writes down what the tenant holds now; ``only`` these tables can have changed."""
        held = dict(self.truths[-1].held) if self.truths else {}
        for name, dataset in WATCHED.items():
            if self.truths and only is not None and name not in only:
                continue
            rows = [expected_row(dataset, row) for row in self.simulator.tenant.rows(name)]
            if dataset.days is not Days.EVENT:
                held[name, ""] = digest(rows)
                continue
            held = {key: value for key, value in held.items() if key[0] != name}
            by_day: dict[str, list[dict]] = {}
            for row in rows:
                by_day.setdefault(row[dataset.event_time].date().isoformat(), []).append(row)
            held |= {(name, day): digest(found) for day, found in by_day.items()}
        self.truths.append(Truth(datetime.now(UTC), held))

    def happen(self) -> None:
        """Something in the tenant changes."""
        control = self.simulator.control
        what = self.chance.choices(
            ["alert updated", "alert created", "devices come", "devices go", "devices patched", "new assessment"],
            weights=[6, 4, 2, 1, 1, 1],
        )[0]
        match what:
            case "alert updated":
                alert = control.update_alert()
                self.touched.append((datetime.now(UTC), alert))
            case "alert created":
                at = datetime.now(UTC) - timedelta(days=self.chance.choice([0, 0, 0, 1, 2]))
                for alert in control.create_alerts(1, at.isoformat()):
                    # Its time of update is that of its creation, so it has to be touched to show as new.
                    control.update_alert(alert)
                    self.touched.append((datetime.now(UTC), alert))
            case "devices come":
                control.add_devices(self.chance.randint(1, 3))
            case "devices go":
                control.remove_devices(1)
            case "devices patched":
                control.patch_devices(2)
            case "new assessment":
                control.regenerate_exports()
        self.happened[what] += 1
        self.record(only={"alerts"} if what.startswith("alert") else None)

    def held(self, table: str, day: str, first: datetime, last: datetime) -> set[int]:
        """The digests that were true at some moment between the two."""
        key = (table, day if WATCHED[table].days is Days.EVENT else "")
        found = set()
        for at, truth in enumerate(self.truths):
            until = self.truths[at + 1].since if at + 1 < len(self.truths) else datetime.now(UTC) + timedelta(days=1)
            # A change happens shortly before it is recorded.
            if truth.since - timedelta(seconds=3) <= last and until + timedelta(seconds=1) >= first:
                found.add(truth.held.get(key, digest(iter(()))))
        return found


@dataclass
class Watcher(threading.Thread):
    """Looks at the lake all the time: every partition that appears is compared with what the tenant held."""

    folder: Path
    world: World
    seen: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    published: Counter = field(default_factory=Counter)
    pending: list[tuple[str, str, datetime, datetime, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.stopped = threading.Event()

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        while not self.stopped.is_set():
            self.look()
            self.stopped.wait(0.3)

    def look(self) -> None:
        for file in self.folder.glob("*/tenant=default/snapshot_date=*/part-00000.parquet"):
            table, day = file.parts[-4], file.parts[-2].partition("=")[2]
            status = file.stat()
            version = (status.st_ino, status.st_mtime_ns)
            if table not in WATCHED or self.seen.get((table, day)) == version:
                continue
            # Opened once: what is read is one version, whatever is published meanwhile.
            with pq.ParquetFile(file) as content:
                facts = content.schema_arrow.metadata
                names = [column.name for column in WATCHED[table].columns]
                rows = content.read(columns=names).to_pylist()
            self.seen[table, day] = version
            observed = datetime.fromisoformat(facts[b"observed_at"].decode())
            self.pending.append((table, day, observed, datetime.now(UTC), digest(iter(rows))))
            self.published[table] += 1

    def judge(self) -> list[str]:
        return [
            f"{table} of {day}, observed {observed:%H:%M:%S}"
            for table, day, observed, seen, found in self.pending
            if found not in self.world.held(table, day, observed, seen)
        ]


def in_vain(served: LocalDagster, world: World) -> list[str]:
    """Materializations by sensors and automation without a reason since the one before."""
    found: list[str] = []
    times: dict[tuple[str, str], list[tuple[float, str]]] = {}
    runs = {run.run_id: run for run in served.instance.get_runs()}
    for name in (*DATASETS, *DERIVED, "kev", "epss", "ssvc", "agent_releases"):
        records = served.instance.fetch_materializations(dg.AssetRecordsFilter(dg.AssetKey(name)), limit=10_000).records
        for record in records:
            key = (name, str(record.partition_key))
            times.setdefault(key, []).append((record.timestamp, record.event_log_entry.run_id))
    for (name, day), made in times.items():
        made.sort()
        for (former, _), (later, run_id) in itertools.pairwise(made):
            by = runs[run_id].tags.get("defender/launched_by") if run_id in runs else None
            if name in DERIVED:
                inputs = (*DERIVED[name].inputs, *DERIVED[name].optional_inputs)
                replaced = [at for source in inputs for at, _ in times.get((source, day), ())]
                # An input counts from shortly before the table was made: it may have been read before it came.
                if by == "compliance_automation" and not any(former - 30 <= at <= later for at in replaced):
                    found.append(f"{name} of {day} at {datetime.fromtimestamp(later, UTC):%H:%M:%S}")
            elif name == "alerts" and by == "alert_changes":
                since, until = (datetime.fromtimestamp(at, UTC) for at in (former - 30, later))
                if not any(since <= at <= until for at, _ in world.touched):
                    found.append(f"{name} of {day} at {until:%H:%M:%S}")
    return found


def told_once(served: LocalDagster, receiver: Receiver) -> list[str]:
    """Failed runs without exactly one message (those that were started again, or asked for again, may have none)."""
    told = Counter(
        run.run_id
        for message in receiver.taken
        for run in served.instance.get_runs()
        if run.run_id in json.dumps(message)
    )
    wrong = [f"run {run_id[:8]} was told {count} times" for run_id, count in told.items() if count > 1]
    for run in served.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])):
        again = run.tags.get("dagster/will_retry") == "true" or int(run.tags.get("defender/attempt", "1")) > 1
        if not told[run.run_id] and not again:
            wrong.append(f"run {run.run_id[:8]} was not told of")
    return wrong


def give_back(served: LocalDagster, simulator: Simulator) -> None:
    """The role is granted again, once somebody has noticed that it is gone."""
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])
    eventually(lambda: served.instance.get_runs(failed), 180, "a refresh without the role fails", every=1)
    simulator.control.grant_roles("Software.Read.All")
    simulator.control.expire_tokens()


def fire_sensor(served: LocalDagster, name: str) -> None:
    """Makes a sensor with a long interval tick now."""
    for state in served.instance.all_instigator_state():
        if state.name == name and state.instigator_data is not None:
            data = state.instigator_data._replace(last_tick_timestamp=None, last_tick_start_timestamp=None)
            served.instance.update_instigator_state(state.with_data(data))


def quiet(served: LocalDagster) -> bool:
    """No run goes on, and none was started in the last ten seconds."""
    records = served.instance.get_run_records(limit=1)
    fresh = records and (datetime.now(UTC) - records[0].create_timestamp.replace(tzinfo=UTC)).total_seconds() < 45
    return not fresh and all(run.is_finished for run in served.instance.get_runs())


def day(machines: int, minutes: float, seed: int, folder: Path) -> int:
    world_chance = random.Random(seed)
    with (
        receiving() as receiver,
        Simulator(SimulatedTenant(TenantShape(machines=machines)), enforce_quotas=True, latency=0.02) as simulator,
    ):
        world = World(simulator, world_chance)
        world.record()
        lake = Lake(str(folder / "lake"))
        watcher = Watcher(folder / "lake", world)
        settings = simulator.settings | {
            "DEFENDER_LAKE": str(folder / "lake"),
            "DEFENDER_BUDGET_FILE": str(folder / "calls.sqlite"),
            "DEFENDER_PACING": "documented",
            "DEFENDER_RUNNING": "all",
            "DEFENDER_REFRESH_HOUR": str(datetime.now(UTC).hour),
            "DEFENDER_ALERT_INTERVAL_SECONDS": "5",
            "DEFENDER_WEBHOOK_URL": receiver.address,
        }
        with serving(folder, **settings) as served:
            watcher.start()
            say(f"{machines} machines, {minutes:g} minutes; the UI is at {served.address}")
            served.fire("daily_refresh")
            began = time.monotonic()
            faults = iter(
                [
                    (0.25, "two answers 503", lambda: simulator.control.fault("status", "alerts", status=503, times=2)),
                    (0.40, "role taken away", lambda: simulator.control.revoke_roles("Software.Read.All")),
                    (0.42, "a person refreshes", lambda: served.launch("software", "software_inventory")),
                    (0.65, "role given back", lambda: give_back(served, simulator)),
                    (0.70, "look at exports", lambda: fire_sensor(served, "export_changes")),
                ]
            )
            upcoming = next(faults)
            while (part := (time.monotonic() - began) / (60 * minutes)) < 1:
                if upcoming and part >= upcoming[0]:
                    say(f"{part:4.0%}  {upcoming[1]}")
                    upcoming[2]()
                    upcoming = next(faults, None)
                world.happen()
                time.sleep(world_chance.uniform(1, LONGEST_PAUSE))
            say("nothing changes any more")
            simulator.control.clear_faults()
            fire_sensor(served, "export_changes")
            served.launch(*(name for name in WATCHED if DATASETS[name].days is Days.STATE))
            eventually(lambda: quiet(served), 400, "the daemon comes to rest", every=3)
            watcher.stopped.set()
            watcher.join()
            watcher.look()
            verdicts = {
                "every published partition equals what the tenant held when it was observed": watcher.judge(),
                "the lake equals the tenant": behind(lake, world),
                "nothing was written in vain": in_vain(served, world),
                "quotas were kept": [f"429: {simulator.control.counters()['refused']}"]
                if any(simulator.control.counters()["refused"].values())
                else [],
                "each failure was told once": told_once(served, receiver),
            }
            report(served, receiver, simulator, world, watcher)
    held = True
    for law, broken in verdicts.items():
        say(f"{'held  ' if not broken else 'BROKEN'} {law}" + "".join(f"\n       {what}" for what in broken[:10]))
        held = held and not broken
    return 0 if held else 1


def behind(lake: Lake, world: World) -> list[str]:
    """Tables that differ from the tenant now."""
    world.record()
    wrong = []
    for (table, day), truth in world.truths[-1].held.items():
        dates = {known.isoformat(): known for known in lake.dates(table)}
        known = dates.get(day) if day else (max(dates.values()) if dates else None)
        if known is None:
            if not day:
                wrong.append(f"{table} is not there")
            continue
        columns = [column.name for column in DATASETS[table].columns]
        if digest(iter(lake.read(table, known, columns=columns).to_pylist())) != truth:
            wrong.append(f"{table} of {known}")
    return wrong


def report(served: LocalDagster, receiver: Receiver, simulator: Simulator, world: World, watcher: Watcher) -> None:
    runs = served.instance.get_runs()
    by = Counter((run.tags.get("defender/launched_by", "a person"), run.status.value) for run in runs)
    say("what happened:   " + ", ".join(f"{count} × {what}" for what, count in world.happened.items()))
    say("runs:            " + ", ".join(f"{who} {status} {count}" for (who, status), count in sorted(by.items())))
    say(f"partitions read: {sum(watcher.published.values())} ({dict(watcher.published)})")
    say(f"messages:        {len(receiver.taken)}")
    say(f"calls:           {simulator.control.counters()['calls']}")


def say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    with tempfile.TemporaryDirectory(prefix="defender-day-") as folder:
        return day(options.machines, options.minutes, options.seed, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
