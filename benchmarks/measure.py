"""What a command costs: seconds, processor seconds, peak memory; and commands in turn, for ratios.

Here: running and accounting. Not here: what is run (the suites), tables (``tables.py``).

The machine's speed drifts, so figures that are compared come from one run, the commands in turn (A B A B), and the
median is told. Processor seconds are those of the process and of all that it waited for; memory is the largest sum of
resident bytes over its process tree.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

PROGRAM = str(Path(sys.executable).with_name("defender-assets"))
"""The command line of this environment."""
FOLDER = Path("build/bench")
"""Where everything is kept between runs: bodies of the service, generated inputs, environments of peers."""
_SAMPLING_SECONDS = 0.02


class Failed(RuntimeError):
    """A measured command ended with another exit code than 0."""


@dataclass(frozen=True)
class Measured:
    """One run, or the median of several, figure by figure. ``cpu`` in seconds, ``peak`` in bytes."""

    wall: float
    cpu: float
    peak: int
    output: str = ""

    @property
    def mib(self) -> float:
        return self.peak / 2**20


def run(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
    beside: Sequence[int] | None = None,
) -> Measured:
    """Runs the command to its end. ``beside``: ids of processes that work for it; what they and all that they start
    take meanwhile counts too, as do processes that the command starts and does not wait for. Raises Failed."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env={**os.environ, **(environment or {})}, stdout=output, stderr=output, cwd=folder
        )
        sampler = _Sampler(process.pid, *(beside or ()))
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        sampler.stop()
        peak = max(sampler.peak, _own_peak(used.ru_maxrss))
        cpu = used.ru_utime + used.ru_stime if beside is None else sampler.cpu
        output.seek(0)
        said = output.read()
    if process.returncode:
        raise Failed(f"{' '.join(command)} ended with exit code {process.returncode}:\n{said[-3000:]}")
    return Measured(wall, cpu, peak, said)


def _own_peak(maxrss: int) -> int:
    """Bytes. Linux carries the peak of the process that starts another over to it: what is not above that says
    nothing."""
    return maxrss * 1024 if maxrss > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss else 0


def median(runs: Sequence[Measured]) -> Measured:
    return Measured(
        statistics.median(each.wall for each in runs),
        statistics.median(each.cpu for each in runs),
        int(statistics.median(each.peak for each in runs)),
        runs[-1].output,
    )


@dataclass(frozen=True)
class Command:
    """What is measured. ``before`` and ``after`` run around each time and are not counted. ``tells_its_seconds``: the
    last line that it prints has the seconds of what counts, as JSON (``wall``, ``cpu``), not those of starting up.
    ``beside``: as of ``run``."""

    arguments: Sequence[str]
    environment: Mapping[str, str] | None = None
    folder: Path | None = None
    before: Callable[[], object] | None = None
    after: Callable[[], object] | None = None
    tells_its_seconds: bool = False
    beside: Sequence[int] | None = None

    def run(self) -> Measured:
        """Raises Failed."""
        if self.before:
            self.before()
        measured = run(self.arguments, self.environment, folder=self.folder, beside=self.beside)
        if self.after:
            self.after()
        if self.tells_its_seconds:
            told = json.loads(measured.output.splitlines()[-1])
            return replace(measured, wall=told["wall"], cpu=told["cpu"])
        return measured


def in_turn(commands: Mapping[str, Command], *, times: int = 3) -> dict[str, Measured]:
    """The median of each command over so many rounds; every round runs each of them once."""
    runs: dict[str, list[Measured]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            runs[name].append(command.run())
            say(f"  {name}: {runs[name][-1].wall:.1f} s, {runs[name][-1].cpu:.1f} CPU s, {runs[name][-1].mib:,.0f} MiB")
    return {name: median(measured) for name, measured in runs.items()}


@contextmanager
def telling_seconds() -> Iterator[None]:
    """Prints what the block took as ``Command.tells_its_seconds`` reads it."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}))


def say(text: str) -> None:
    """A line about what is being measured now."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def service(*, rows: int, machines: int, bodies: Path, latency: float = 0.0) -> Iterator[dict[str, str]]:
    """The pre-rendered service in a process of its own; its bodies are kept. Yields the settings that reach it."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.service", "--ready-file", str(ready)),
                *("--rows", str(rows), "--machines", str(machines), "--latency", str(latency)),
                *("--folder", str(bodies)),
            ]
        )
        try:
            while not ready.exists():
                if process.poll() is not None:
                    raise Failed(f"the service did not start (exit code {process.returncode})")
                time.sleep(0.05)
            yield json.loads(ready.read_text())
        finally:
            process.terminate()
            process.wait(10)


class _Sampler:
    """Samples the resident memory and the processor seconds of process trees on a thread."""

    def __init__(self, *pids: int) -> None:
        self.peak = 0
        self._roots = [psutil.Process(pid) for pid in pids]
        self._before = self._look()
        self._used = dict(self._before)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    @property
    def cpu(self) -> float:
        """Seconds since the beginning; of a process that ends, those until it was last looked at."""
        return sum(self._used.values()) - sum(self._before.values())

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(_SAMPLING_SECONDS):
            self._used |= self._look()

    def _look(self) -> dict[tuple[int, float], float]:
        """Process -> its processor seconds until now."""
        total, used = 0, {}
        for root in self._roots:
            try:
                members = (root, *root.children(recursive=True))
            except psutil.NoSuchProcess:
                continue
            for member in members:
                try:
                    times = member.cpu_times()
                    total += member.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
                used[member.pid, member.create_time()] = times.user + times.system
        self.peak = max(self.peak, total)
        return used
