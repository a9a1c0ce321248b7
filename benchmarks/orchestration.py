"""What Dagster costs: starting, a run, a tick with many tenants, the processes that stay.

Here: the tables, and what the standing processes weigh. Not here: the tenants (``tenants.py``), the ticks
(``ticks.py``).
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from defender_assets_tests.loopback import free_port
from defender_assets_tests.serve.local_dagster import answers, serving

from .measure import PROGRAM, Command, Failed, in_turn, run, say
from .suites import Options
from .tables import Table
from .tenants import Installation, installation

ROOT = Path(__file__).parents[1]
TENANTS = (1, 20, 50)
LATENCY = 0.4
_PYTHON = (sys.executable, "-c")
_SETTLING_SECONDS = 15


def tables(options: Options) -> Iterator[Table]:
    with (
        tempfile.TemporaryDirectory(prefix="orchestration-", dir=options.folder) as folder,
        installation(Path(folder)) as installed,
    ):
        yield _starts(installed, options)
        yield _runs(installed, options)
        yield _ticks(installed)
        yield _processes(installed, Path(folder), options)


def _starts(installed: Installation, options: Options) -> Table:
    load = (
        "from defender_assets.definitions import build_defs; build_defs().get_repository_def().load_all_definitions()"
    )
    commands = {
        "Python itself": [*_PYTHON, "pass"],
        "`import dagster`": [*_PYTHON, "import dagster"],
        "`import defender_assets.definitions`": [*_PYTHON, "import defender_assets.definitions"],
        "the definitions, loaded": [*_PYTHON, load],
        "`defender-assets --version`": [PROGRAM, "--version"],
        "`defender-assets --help`": [PROGRAM, "--help"],
        "`defender-assets tables`": [PROGRAM, "tables", "--tenant", "tenant-000"],
        "`defender-assets doctor`": [PROGRAM, "doctor", "--tenant", "tenant-000"],
    }
    return _table("Starts", commands, installed.of(1), options)


def _runs(installed: Installation, options: Options) -> Table:
    refresh = [PROGRAM, "refresh", "--tenant", "tenant-000", "--select"]
    commands = {
        "an asset that does nothing": [sys.executable, "-m", "benchmarks.nothing"],
        "one of ours that is fetched (`av_health`)": [*refresh, "av_health"],
        "one of ours that is computed (`device_identity`)": [*refresh, "device_identity"],
        "the same, and all that is computed from it": [*refresh, 'key:"device_identity"+'],
    }
    return _table("One run, in a process of its own", commands, installed.of(1), options)


def _table(title: str, commands: Mapping[str, list[str]], environment: Mapping[str, str], options: Options) -> Table:
    measured = in_turn(
        {name: Command(arguments, environment, ROOT) for name, arguments in commands.items()}, times=options.times
    )
    rows = [[name, f"{each.wall:.2f}", f"{each.cpu:.2f}", f"{each.mib:.0f}"] for name, each in measured.items()]
    return Table(title, ["", "seconds", "CPU s", "MiB"], rows)


def _ticks(installed: Installation) -> Table:
    cells: dict[str, list[str]] = {}
    ticks = [sys.executable, "-m", "benchmarks.ticks"]
    for count in TENANTS:
        say(f"  ticks of {count} tenants")
        environment = installed.of(count)
        near = json.loads(run(ticks, environment, folder=ROOT).output)
        far = json.loads(run([*ticks, "--latency", str(LATENCY)], environment, folder=ROOT).output)
        for name, (wall, cpu) in near.items():
            cells.setdefault(name, []).append(f"{wall:.2f} ({cpu:.2f})")
        for name, (wall, _) in far.items():
            cells.setdefault(f"{name}; {LATENCY * 1000:.0f} ms an answer", []).append(f"{wall:.1f}")
    return Table(
        "Ticks in which nothing has changed",
        ["", *(f"{count} tenant{'s' if count > 1 else ''}" for count in TENANTS)],
        [[name, *values] for name, values in cells.items()],
        text="Seconds (CPU s). Dagster gives up on a tick of a sensor or schedule after 60 s.",
    )


@dataclass(frozen=True)
class _Weight:
    """Of standing processes: ``cpu`` in seconds a minute."""

    processes: int
    mib: float
    cpu: float


def _processes(installed: Installation, folder: Path, options: Options) -> Table:
    seconds = 120 if options.full else 30
    rows = []
    for title, count in (("`dagster dev`", 1), *((f"`make serve`, {count} tenants", count) for count in (1, 100))):
        environment = {**installed.of(count), "DEFENDER_RUNNING": "alert_changes,export_changes,compliance_automation"}
        home = folder / f"home-{len(rows)}"
        home.mkdir()
        say(f"  {title}")
        weight = _serve(home, environment, seconds) if "serve" in title else _dev(home, environment, seconds)
        name = title.replace("1 tenants", "1 tenant")
        rows.append([name, str(weight.processes), f"{weight.mib:,.0f}", f"{weight.cpu:.1f}"])
    return Table(
        "Processes that stay, when nothing happens",
        ["", "processes", "MiB", "CPU s a minute"],
        rows,
        text=f"Sensors and automation on, no run. MiB is the sum of what each has to itself (pages that several share "
        f"counted once); measured over {seconds} s, from {_SETTLING_SECONDS} s after the UI answers.",
    )


def _serve(home: Path, environment: Mapping[str, str], seconds: float) -> _Weight:
    with serving(home, **environment) as dagster:
        return _weigh(dagster.process.pid, seconds)


def _dev(home: Path, environment: Mapping[str, str], seconds: float) -> _Weight:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster", "dev", "-w", str(ROOT / "workspace.yaml"), "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, **environment, "DAGSTER_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while not answers(f"http://127.0.0.1:{port}"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed("dagster dev does not answer")
            time.sleep(0.5)
        return _weigh(process.pid, seconds)
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends the process and all that it has started. A background job of a shell ignores the interrupt."""
    members = _tree(process.pid)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        for member in members:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait()


def _weigh(pid: int, seconds: float) -> _Weight:
    time.sleep(_SETTLING_SECONDS)
    before = _cpu_seconds(pid)
    time.sleep(seconds)
    used = _cpu_seconds(pid) - before
    members = _tree(pid)
    return _Weight(len(members), sum(member.memory_full_info().pss for member in members) / 2**20, used * 60 / seconds)


def _tree(pid: int) -> list[psutil.Process]:
    top = psutil.Process(pid)
    return [top, *top.children(recursive=True)]


def _cpu_seconds(pid: int) -> float:
    """Of the processes and of the children that they had."""
    return sum(sum(member.cpu_times()[:4]) for member in _tree(pid))
