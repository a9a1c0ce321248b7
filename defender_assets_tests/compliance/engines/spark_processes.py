"""Real Spark on loopback: a standalone cluster and a server of Spark Connect, out of the installed PySpark.

Here: starting these processes, seeing what they are at, losing one as a machine that fails would, and ending all of
them. Not here: what is computed on them (the tests beside), Spark within a process of its own (``test_spark.py``).
"""

import importlib.util
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import psutil

from ...peers import installed, library
from ...serve.local_dagster import eventually

_PATIENCE = 300
"""Seconds that a process of Java may take to start, or a session to begin its work, on a machine that is busy."""
_LOOKS = 50
"""At the logs of executors, before they are looked for again."""
_DONE_EARLY = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"
"""A compiler of Java that is done early; by itself it has room for a minute of Spark's code only."""
FOR_FEW_ROWS = {
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.extraJavaOptions": _DONE_EARLY,
    "spark.executor.extraJavaOptions": _DONE_EARLY,
}
"""What saves time where rows are few: few parts, and little compilation."""
Popen: TypeAlias = "subprocess.Popen[bytes]"
_REGISTERED = r"(Successfully registered with master)"
_TASK = re.compile(r"(Running|Finished) task \S+ in stage \S+ \(TID (\d+)\)")


def spark_home() -> Path:
    """Where PySpark keeps Spark. Skipped, or failed in CI, where it or Java is not installed."""
    library("pyspark", "defender-assets[spark]")
    installed("java", "default-jre-headless")
    found = importlib.util.find_spec("pyspark")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


@dataclass
class SparkProcess:
    """A process of Java that tells in its log where it listens."""

    process: Popen
    log: Path

    def said(self, pattern: str) -> str:
        """The first group of what its log says, once it does."""

        def look() -> str | None:
            assert self.process.poll() is None, self.log.read_text()
            found = re.search(pattern, self.log.read_text(errors="replace"))
            return found and found[1]

        return str(eventually(look, _PATIENCE, f"{self.log.name} says {pattern}"))

    @property
    def family(self) -> list[psutil.Process]:
        """It, and the processes that it has started."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    @property
    def tasks(self) -> tuple[set[int], set[int]]:
        """The ids of the tasks that it computes by itself now, and of those that it has finished."""
        return _tasks(self.log)

    def stop_in_mid_task(self, finished: int, work: Popen) -> None:
        """As ``StandaloneCluster.stop_in_mid_task``, of a process that computes by itself."""
        itself = Executor(self, psutil.Process(self.process.pid), self.log)
        _stop_in_mid_task(lambda: [itself], finished, work)

    def kill(self) -> None:
        """Ends it and what it has started at once (SIGKILL), as the loss of their machine would."""
        if self.process.poll() is None:
            for each in self.family:
                each.kill()
        self.process.wait(30)


@dataclass
class Executor:
    """A process of a worker that computes tasks for a session."""

    worker: SparkProcess
    process: psutil.Process
    log: Path

    @property
    def tasks(self) -> tuple[set[int], set[int]]:
        """The ids of the tasks that it runs now, and of those that it has finished."""
        return _tasks(self.log)


@dataclass
class StandaloneCluster:
    """One master, and workers with a core each."""

    folder: Path
    home: Path
    processes: ExitStack
    memory: str
    coordinator: SparkProcess = field(init=False)
    master: str = ""
    workers: list[SparkProcess] = field(default_factory=list)

    @property
    def pids(self) -> list[int]:
        """Ids of the master and the workers, which start everything else."""
        return [self.coordinator.process.pid, *(worker.process.pid for worker in self.workers)]

    def start(self, workers: int) -> None:
        words = ("--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
        self.coordinator = self._start("master", "org.apache.spark.deploy.master.Master", *words)
        self.master = self.coordinator.said(r"Starting Spark master at (spark://127\.0\.0\.1:\d+)")
        for _ in range(workers):
            self.add_worker()
        for worker in self.workers:
            worker.said(_REGISTERED)

    def add_worker(self, *, own: Path | None = None) -> SparkProcess:
        """One more worker, which the master will know soon. Of the folder ``own`` it sees one of its own, as a machine
        does on which nothing is mounted there."""
        name = f"worker-{len(list(self.folder.glob('worker-*.log')))}"
        words = ("--host", "127.0.0.1", "--port", "0", "--webui-port", "0", "--cores", "1", "--memory", self.memory)
        work = ("--work-dir", str(self.folder / name))
        apart = [installed("bwrap", "bubblewrap"), "--dev-bind", "/", "/", "--tmpfs", str(own), "--"] if own else []
        worker = self._start(name, "org.apache.spark.deploy.worker.Worker", *words, *work, self.master, apart=apart)
        self.workers.append(worker)
        return worker

    def executors(self) -> list[Executor]:
        """Those that run now."""
        found = []
        for worker in self.workers:
            folder = self.folder / worker.log.stem
            for process in worker.family[1:]:
                try:
                    words = process.cmdline()
                except psutil.NoSuchProcess:
                    continue
                if "--executor-id" in words:
                    number = words[words.index("--executor-id") + 1]
                    application = words[words.index("--app-id") + 1]
                    found.append(Executor(worker, process, folder / application / number / "stderr"))
        return found

    def stop_in_mid_task(self, finished: int, work: Popen) -> Executor:
        """Stops (SIGSTOP) an executor that has finished so many tasks and is in the middle of another, which can
        neither end nor say so from now on. ``work``: the process that they are computed for."""
        return _stop_in_mid_task(self.executors, finished, work)

    def lose(self, executor: Executor) -> None:
        """The machine of an executor fails: the executor and its worker end by SIGKILL."""
        executor.worker.kill()
        self.workers.remove(executor.worker)

    def _start(self, name: str, *words: str, apart: Sequence[str] = ()) -> SparkProcess:
        program = str(self.home / "bin" / "spark-class")
        return started([*apart, program, *words], self.folder / f"{name}.log", self.processes)


@contextmanager
def standalone_cluster(folder: Path, workers: int = 2, memory: str = "1g") -> Iterator[StandaloneCluster]:
    """A cluster of its own for a block; ``memory`` is what each worker gives away."""
    with ExitStack() as processes:
        cluster = StandaloneCluster(folder, spark_home(), processes, memory)
        cluster.start(workers)
        yield cluster


@contextmanager
def connect_server(folder: Path, master: str = "local[2]", **settings: str) -> Iterator[tuple[str, SparkProcess]]:
    """A server of Spark Connect for a block: its address, and its process."""
    home = spark_home()
    given = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": "0",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        **FOR_FEW_ROWS,
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        **settings,
    }
    configured = [word for name, value in given.items() for word in ("--conf", f"{name}={value}")]
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    program = [str(home / "bin" / "spark-class"), "org.apache.spark.deploy.SparkSubmit", "--master", master]
    command = [*program, *configured, "--class", server, "spark-internal"]
    with ExitStack() as processes:
        process = started(command, folder / "connect.log", processes, memory="2g")
        port = process.said(r"Spark Connect server started at: 127\.0\.0\.1:(\d+)")
        yield f"sc://127.0.0.1:{port}", process


def _tasks(log: Path) -> tuple[set[int], set[int]]:
    begun: set[int] = set()
    finished: set[int] = set()
    if log.exists():
        for what, task in _TASK.findall(log.read_text(errors="replace")):
            (begun if what == "Running" else finished).add(int(task))
    return begun - finished, finished


def _stop_in_mid_task(executors: Callable[[], list[Executor]], finished: int, work: Popen) -> Executor:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        assert work.poll() is None, "it ended before anything happened to it"
        for executor in executors() * _LOOKS:
            time.sleep(0.002)
            running, ended = executor.tasks
            if running and len(ended) >= finished:
                executor.process.suspend()
                if executor.tasks[0]:  # what ended meanwhile is in its log
                    return executor
                executor.process.resume()
    raise AssertionError(f"no executor was found in the middle of a task within {_PATIENCE} s")


def started(command: list[str], log: Path, processes: ExitStack, memory: str = "256m") -> SparkProcess:
    """A process that ends with the stack, whose Java has so much memory."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "DEFENDER_", "PYSPARK_"))
    }
    # Without a configuration of the machine's own.
    log.parent.mkdir(parents=True, exist_ok=True)
    environment |= {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_CONF_DIR": str(log.parent), "SPARK_DAEMON_MEMORY": memory}
    environment |= {"SPARK_LOCAL_DIRS": str(log.parent / "local"), "SPARK_CONNECT_MODE": "0"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=log.parent, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
    found = SparkProcess(process, log)
    processes.callback(found.kill)
    return found
