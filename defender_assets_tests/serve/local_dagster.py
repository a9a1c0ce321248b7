"""Daemon, code server and webserver as ``defender-assets serve`` starts them, and what a person could do in the UI."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick, InstigatorType, ScheduleInstigatorData

from ..cli.program import COMMAND
from ..loopback import free_port


def eventually(condition: Callable[[], Any], within: float, what: str, every: float = 0.5) -> Any:
    """The value of the condition once it is true; fails after ``within`` seconds. It is tried ``every`` so many."""
    deadline = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(every)
    return value


def answers(address: str) -> bool:
    """Whether Dagster's UI answers at the address."""
    try:
        urllib.request.urlopen(f"{address}/server_info", timeout=2).close()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
    return True


def graphql(address: str, query: str, **variables: Any) -> dict[str, Any]:
    """The data that the API of Dagster's UI answers."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        result: dict[str, Any] = json.load(answer)
    assert "errors" not in result, result
    data: dict[str, Any] = result["data"]
    return data


@dataclass
class LocalDagster:
    """A running ``defender-assets serve``: its home folder, the address of its UI, its process, log and instance."""

    home: Path
    address: str
    process: subprocess.Popen[bytes]
    log: Path
    instance: dg.DagsterInstance = field(repr=False)

    def pids(self, name: str) -> list[int]:
        """Ids of the processes that were started under this name, newest last."""
        return [int(pid) for pid in re.findall(rf"{name}: process (\d+)", self.log.read_text())]

    def launch(self, *tables: str, partition: str | None = None) -> str:
        """Materializes tables, as the button does, today's partition by default. Returns the run's id."""
        mutation = """mutation ($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
            __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
        day = partition or datetime.now(UTC).date().isoformat()
        params = {
            "selector": {
                "repositoryLocationName": "defender_assets", "repositoryName": "__repository__",
                "jobName": "__ASSET_JOB", "assetSelection": [{"path": [table]} for table in tables],
            },
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": day}]},
        }  # fmt: skip
        answer = graphql(self.address, mutation, params=params)["launchPipelineExecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def fire(self, schedule: str) -> None:
        """Sets the schedule's start to two hours ago, so that the daemon makes up for its last tick."""

        def known_state() -> InstigatorState | None:
            states = self.instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
            return next((state for state in states if state.name == schedule), None)

        state = eventually(known_state, 60, f"the daemon knows {schedule}")
        start = time.time() - 7_200
        data = ScheduleInstigatorData(state.instigator_data.cron_schedule, start_timestamp=start)
        self.instance.update_instigator_state(state.with_data(data))
        # The daemon keeps the time of the next tick in memory; one that starts anew reads it.
        os.kill(self.pids("daemon")[-1], signal.SIGTERM)

    def runs(self, **tags: str) -> list[dg.DagsterRun]:
        return list(self.instance.get_runs(dg.RunsFilter(tags=tags) if tags else None))

    def status(self, run_id: str) -> dg.DagsterRunStatus:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run.status

    def ticks(self, name: str, after: float) -> list[InstigatorTick]:
        """The ticks of a schedule or sensor since a time (seconds since the epoch)."""
        states = [state for state in self.instance.all_instigator_state() if state.name == name]
        return [
            tick
            for state in states
            for tick in self.instance.get_ticks(state.instigator_origin_id, state.selector_id, after=after)
        ]

    def process_of(self, run_id: str) -> int | None:
        """Id of the process that executes the run; None before it has one."""
        for entry in self.instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            event = entry.dagster_event
            assert event is not None
            metadata = event.engine_event_data.metadata
            if "pid" in metadata and "Started process" in (event.message or entry.message or ""):
                return int(str(metadata["pid"].value))
        return None


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[LocalDagster]:
    """Runs ``defender-assets serve`` in a folder (its history goes there) with these settings in the environment."""
    home, log, port = folder / ".dagster", folder / "serve.log", free_port()
    command = [*COMMAND, "serve", "--home", str(home), "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | settings, stdout=output, stderr=output)
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: answers(address) or process.poll() is not None, 90, "the UI answers")
        assert process.poll() is None, log.read_text()[-3000:]
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield LocalDagster(home, address, process, log, instance)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=90)
