"""The suite ``ingest``: findings by pages and by files, and machines, beside peers and floors; memory, calls, latency.

Here: what is run, in which turn, and the tables. Not here: the service (``service/``), the peers (``peers/``), the
floors (``floors.py``), the ingest room without Dagster (``room.py``).
"""

import shutil
import ssl
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pyarrow.dataset as ds

from defender_assets.demo.tenant import simulated_tenant
from defender_assets.orchestration.dagster_home import open_home

from .measure import PROGRAM, Command, Measured, in_turn, run, say, service
from .peers import AIRBYTE, DLT, FILES, MDE_CLIENT, PAGES, PANDAS, SINGER, Peer, command
from .service.bodies import MACHINES_A_PAGE, PAGE_ROWS, PART_ROWS
from .suites import Options
from .tables import Table

ROWS, MACHINES = 1_000_037, 100_037
FEWER_ROWS = 200_037
"""For peers that take longest, unless ``--full``."""
MANY_ROWS = 10_000_037
LATENCY = 0.4
_TENANT = 600
_FINDINGS, _LIST = "software_vulnerabilities", "machines"
_COLUMNS = ("", "rows", "s", "rows/s", "CPU s", "MiB", "ours is faster")

FIRST, DAILY, ALONE = "ours: `refresh`, first", "ours: `refresh`, daily", "ours: the ingest room alone, daily"
_FLOORS = {
    "download": "floor: download, and drop it",
    "decode": "floor: unpack, decode and write, from memory",
}


@dataclass
class _Bench:
    """The service of a size, a lake and a budget of this project for each way, and what the service was asked."""

    rows: int
    machines: int
    settings: Mapping[str, str]
    bodies: Path
    """Where the service keeps its bodies."""
    scratch: Path
    asked: dict[str, dict[str, int]] = field(default_factory=dict)
    """Measurement -> calls by path."""

    def environment(self, way: str) -> dict[str, str]:
        return {
            **self.settings,
            "DEFENDER_LAKE": str(self.scratch / f"lake-{way}"),
            "DEFENDER_EXPORT_FILES": "always" if way == FILES else "never",
            "DEFENDER_BUDGET_FILE": str(self.scratch / "budget.sqlite"),
        }

    def count(self, table: str) -> int:
        return self.machines if table == _LIST else self.rows

    def ours(self, table: str, way: str) -> dict[str, Command]:
        """A first refresh into an empty lake, a daily one, and the room alone; each is asked for its rows."""
        environment, lake = self.environment(way), self.scratch / f"lake-{way}"

        def clean(*, lake_too: bool = False) -> None:
            if lake_too:
                shutil.rmtree(lake, ignore_errors=True)
            for file in self.scratch.glob("budget.sqlite*"):
                file.unlink()
            self.told()

        def verify(what: str) -> None:
            self.asked[f"{table} by {way}, {what}"] = self.told()
            self.verify(lake / table, table)

        refresh = [PROGRAM, "refresh", "--select", table]
        room = [sys.executable, "-m", "benchmarks.room", table]
        return {
            FIRST: Command(refresh, environment, before=lambda: clean(lake_too=True), after=lambda: verify("first")),
            DAILY: Command(refresh, environment, before=clean, after=lambda: verify("daily")),
            ALONE: Command(room, environment, before=clean, after=lambda: verify("alone"), tells_its_seconds=True),
        }

    def floors(self, what: str) -> dict[str, Command]:
        size = ("--rows", str(self.rows), "--machines", str(self.machines), "--folder", str(self.bodies))
        return {
            title: Command(
                [sys.executable, "-m", "benchmarks.floors", floor, what, *size], self.settings, tells_its_seconds=True
            )
            for floor, title in _FLOORS.items()
        }

    def peers(self, peers: Sequence[Peer], table: str, way: str) -> dict[str, Command]:
        return {peer.title: self._peer(peer, table, way) for peer in peers if peer.interpreter}

    def _peer(self, peer: Peer, table: str, way: str) -> Command:
        output = self.scratch / peer.name
        reading = command(peer, self.bodies, self.settings, table, way, output)

        def empty() -> None:
            shutil.rmtree(output, ignore_errors=True)
            output.mkdir()

        return Command(reading.arguments, reading.environment, before=empty, after=lambda: self.verify(output, table))

    def verify(self, folder: Path, table: str) -> None:
        """Raises AssertionError where the Parquet files have another number of rows than the service."""
        files = [str(file) for file in folder.rglob("*.parquet") if not file.parent.name.startswith("_dlt")]
        found = sum(ds.dataset(file, format="parquet").count_rows() for file in files)
        assert found == self.count(table), f"{folder}: {found:,} rows of {self.count(table):,}"

    def told(self) -> dict[str, int]:
        """What the service was asked since the last time: calls by path."""
        trust = ssl.create_default_context(cafile=self.settings["DEFENDER_CA_BUNDLE"])
        answer = httpx.get(f"{self.settings['DEFENDER_API_URL']}/_asked", verify=trust)
        calls: dict[str, int] = answer.json()["calls"]
        return calls


@contextmanager
def _bench(options: Options, rows: int, machines: int) -> Iterator[_Bench]:
    with (
        service(rows=rows, machines=machines, bodies=options.folder) as settings,
        tempfile.TemporaryDirectory() as scratch,
    ):
        yield _Bench(rows, machines, settings, options.folder, Path(scratch))


def tables(options: Options) -> Iterator[Table]:
    slow = [SINGER, AIRBYTE, MDE_CLIENT]
    with _bench(options, ROWS, MACHINES) as bench:
        by_pages = in_turn(
            {**bench.ours(_FINDINGS, PAGES), **bench.floors(PAGES), **bench.peers([PANDAS], _FINDINGS, PAGES)},
            times=options.times,
        )
        by_pages |= in_turn(bench.peers([DLT], _FINDINGS, PAGES), times=options.times if options.full else 1)
        by_files = in_turn(
            {**bench.ours(_FINDINGS, FILES), **bench.floors(FILES), **bench.peers([PANDAS], _FINDINGS, FILES)},
            times=options.times,
        )
        machines = in_turn(
            {**bench.ours(_LIST, PAGES), **bench.floors("machines"), **bench.peers([PANDAS, DLT], _LIST, PAGES)},
            times=options.times,
        )
        machines |= in_turn(bench.peers(slow, _LIST, PAGES), times=1)
        asked = dict(bench.asked)
    slow_rows = ROWS if options.full else FEWER_ROWS
    with _bench(options, slow_rows, 1) as fewer:
        slow_pages = in_turn(fewer.peers(slow, _FINDINGS, PAGES), times=1)
        slow_files = in_turn(fewer.peers([MDE_CLIENT], _FINDINGS, FILES), times=1)
    times = f"the median of {options.times} rounds; the slowest peers ran once"
    yield _table(
        f"{ROWS:,} findings by pages of {PAGE_ROWS:,}",
        f"Whole programs, but for the ingest room and the floors, which start before they are timed; {times}.",
        {name: (ROWS, cost) for name, cost in by_pages.items()}
        | {name: (slow_rows, cost) for name, cost in slow_pages.items()},
        notes=_settings_of([PANDAS, DLT, *slow]),
    )
    yield _table(
        f"{ROWS:,} findings by {-(-ROWS // PART_ROWS)} export files",
        f"The floor that unpacks, decodes and writes is DuckDB's `COPY (FROM read_ndjson(…))`; {times}.",
        {name: (ROWS, cost) for name, cost in by_files.items()}
        | {name: (slow_rows, cost) for name, cost in slow_files.items()},
    )
    yield _table(
        f"{MACHINES:,} machines by pages of {MACHINES_A_PAGE:,}",
        f"The list is walked twice, which proves that it held still: a peer walks it once; {times}.",
        {name: (MACHINES, cost) for name, cost in machines.items()},
    )
    yield _calls(asked)
    yield _memory(options, by_pages, by_files)
    yield _latency()


def _table(title: str, text: str, costs: Mapping[str, tuple[int, Measured]], notes: Sequence[str] = ()) -> Table:
    rows, daily = costs[DAILY]
    ours = rows / daily.wall
    room, floor = (costs[name][1].wall for name in (ALONE, _FLOORS["decode"]))
    return Table(
        title,
        _COLUMNS,
        [
            (
                name,
                f"{count:,}",
                f"{cost.wall:.2f}",
                f"{count / cost.wall:,.0f}",
                f"{cost.cpu:.2f}",
                f"{cost.mib:,.0f}",
                f"{ours / (count / cost.wall):.1f} ×",
            )
            for name, (count, cost) in costs.items()
        ],
        f"{text} The ingest room alone takes {room / floor:.2f} times the floor that unpacks, decodes and writes.",
        notes,
    )


def _settings_of(peers: Sequence[Peer]) -> list[str]:
    return [
        f"{peer.title}: {peer.settings}." if peer.interpreter else f"{peer.title} did not run: it needs {peer.python}."
        for peer in peers
    ]


def _calls(asked: Mapping[str, Mapping[str, int]]) -> Table:
    """Calls of the API and of the storage, without the login."""
    pages, parts, lists = -(-ROWS // PAGE_ROWS), -(-ROWS // PART_ROWS), -(-MACHINES // MACHINES_A_PAGE)
    fewest = {f"{_FINDINGS} by {PAGES}": pages, f"{_FINDINGS} by {FILES}": 1 + parts, f"{_LIST} by {PAGES}": lists}
    why = {
        f"{_FINDINGS} by {PAGES}, first": "every page twice",
        f"{_FINDINGS} by {PAGES}, daily": "the last page twice",
        f"{_FINDINGS} by {FILES}, first": "the list of files twice; what the storage says of each file",
        f"{_FINDINGS} by {FILES}, daily": "what the storage says of each file",
        f"{_LIST} by {PAGES}, first": "the list twice",
        f"{_LIST} by {PAGES}, daily": "the list twice",
    }
    rows = []
    for what, proof in why.items():
        made = sum(count for path, count in asked[what].items() if path.startswith(("/api/", "/parts")))
        login = sum(asked[what].values()) - made
        least = fewest[what.rpartition(",")[0]]
        rows.append((what, str(made), str(least), f"{made / least:.2f} ×", str(login), proof))
    return Table(
        "Calls against the fewest possible",
        ("", "calls", "fewest", "", "login", "what the others prove"),
        rows,
        "Fewest: every row once, nothing proven.",
    )


def _memory(options: Options, by_pages: Mapping[str, Measured], by_files: Mapping[str, Measured]) -> Table:
    """Ten times the rows, once; a peer is not asked for so many."""
    with _bench(options, MANY_ROWS, 1) as bench:
        many = {way: in_turn({FIRST: bench.ours(_FINDINGS, way)[FIRST]}, times=1)[FIRST] for way in (PAGES, FILES)}
    rows = []
    for way, fewer in ((PAGES, by_pages[FIRST]), (FILES, by_files[FIRST])):
        seconds = f"{fewer.wall:.1f}", f"{many[way].wall:.1f}", f"{many[way].wall / fewer.wall:.1f} ×"
        rows.append(
            (
                f"by {way}",
                f"{fewer.mib:,.0f}",
                f"{many[way].mib:,.0f}",
                f"{many[way].peak / fewer.peak:.2f} ×",
                *seconds,
            )
        )
    return Table(
        f"Memory at {ROWS:,} and at {MANY_ROWS:,} findings",
        ("", "MiB at 1 M", "MiB at 10 M", "", "s at 1 M", "s at 10 M", ""),
        rows,
        "The peak of the process tree of a first refresh, into an empty lake; 10 M ran once.",
    )


def _latency() -> Table:
    """A whole refresh of a tenant that takes its time, and its slowest dataset."""
    say(f"latency: {_TENANT:,} machines, {LATENCY} s before every answer")
    with simulated_tenant(_TENANT, prepare_exports=True) as tenant, tempfile.TemporaryDirectory() as folder:
        trust = ssl.create_default_context(cafile=tenant.settings["DEFENDER_CA_BUNDLE"])
        with httpx.Client(base_url=tenant.settings["DEFENDER_API_URL"], verify=trust) as control:
            control.post("/_control/latency", json={"named": {"seconds": LATENCY}}).raise_for_status()
        home = Path(folder) / "home"
        home.mkdir()
        environment = {
            **tenant.settings,
            "DEFENDER_LAKE": f"{folder}/lake",
            "DEFENDER_BUDGET_FILE": f"{folder}/budget.sqlite",
            "DAGSTER_HOME": str(home),
        }
        whole = run([PROGRAM, "refresh"], environment)
        seconds, calls = _by_dataset(home)
    slowest, *others = sorted(seconds, key=seconds.__getitem__, reverse=True)
    rows = [("a whole refresh, from nothing", f"{whole.wall:.1f}", str(sum(calls.values())), "")]
    rows += [
        (f"of it {name}", f"{seconds[name]:.1f}", str(calls[name]), f"{seconds[name] / calls[name] / LATENCY:.2f}")
        for name in (slowest, *others[:9])
    ]
    return Table(
        f"A simulated tenant of {_TENANT:,} machines, {LATENCY * 1000:.0f} ms before every answer",
        ("", "s", "calls", f"s ÷ (calls × {LATENCY} s)"),
        rows,
        f"A whole refresh takes {whole.wall / seconds[slowest]:.1f} times its slowest dataset. Below 1 in the last "
        "column: several calls at a time.",
    )


def _by_dataset(home: Path) -> tuple[dict[str, float], dict[str, int]]:
    """Seconds and calls of each dataset's last reading, as Dagster recorded them."""
    seconds, calls = {}, {}
    with open_home(home) as instance:
        for key in instance.get_asset_keys():
            event = instance.get_latest_materialization_event(key)
            facts = event.asset_materialization.metadata if event and event.asset_materialization else {}
            if "API calls" in facts:
                seconds[key.to_user_string()] = float(facts["duration in seconds"].value)
                calls[key.to_user_string()] = int(facts["API calls"].value)
    return seconds, calls
