"""Runs that Dagster believes to be running although their process is gone.

Here: finding them and reporting them as failed. Not here: starting them again (Dagster's run retries,
``orchestration/dagster.yaml``).
"""

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.tags import GRPC_INFO_TAG

_log = logging.getLogger(__package__)


@dataclass
class LostRuns:
    """Finds the started runs without a process.

    The code server notices when one of its own runs dies. When the code server itself was killed, or the machine was
    switched off, nobody is left to notice.
    """

    instance: dg.DagsterInstance
    suspects: set[str] = field(default_factory=set)
    """Ids of the runs without a process at the last look."""

    def report(self) -> list[str]:
        """Reports as failed every run that had no process at this look and at the one before (as canceled one that was
        to be); returns their ids.

        Two looks, because the code server knows more about why a run died and should get to report it first.
        """
        without_process = self._without_process()
        lost = [run for run_id, run in without_process.items() if run_id in self.suspects]
        self.suspects = set(without_process)
        for run in lost:
            _log.warning("Run %s has no process any more; it is reported as failed.", run.run_id)
            _report(self.instance, run, "The process of the run is gone: it was killed, or the machine was.")
        return [run.run_id for run in lost]

    def report_stopped(self) -> None:
        """Reports as failed every run without a process, once nobody else is left who could."""
        for run in self._without_process().values():
            _report(self.instance, run, "Dagster was stopped while the run was under way.")

    def _without_process(self) -> dict[str, dg.DagsterRun]:
        unfinished = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
        runs = self.instance.get_runs(dg.RunsFilter(statuses=unfinished))
        return {run.run_id: run for run in runs if self._is_of_this_machine(run) and self._process_is_gone(run.run_id)}

    def _is_of_this_machine(self, run: dg.DagsterRun) -> bool:
        """A history in SQLite is this machine's alone. One in a database may tell of the processes of others: there
        only the runs that a code server of this machine launched are known to be of it."""
        if isinstance(self.instance.run_storage, SqliteRunStorage):
            return True
        return _code_server(run).get("host") == "localhost"

    def _process_is_gone(self, run_id: str) -> bool:
        """False for a run whose process id is not known: Dagster's run monitoring takes care of it."""
        pids = self._process_ids(run_id)
        return bool(pids) and not any(_is_run_process(pid) for pid in pids)

    def _process_ids(self, run_id: str) -> list[int]:
        """The process ids that the engine events of the run name."""
        entries = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        events = [entry.dagster_event for entry in entries if entry.dagster_event is not None]
        pids = [(event.engine_event_data.metadata or {}).get("pid") for event in events]
        return [int(str(pid.value)) for pid in pids if pid is not None]


def runs_launched_by(instance: dg.DagsterInstance, host: str, port: int) -> list[str]:
    """Ids of the unfinished runs of the code server at this address: for one that starts there anew, and has none of
    their processes."""
    unfinished = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    runs = instance.get_runs(dg.RunsFilter(statuses=unfinished))
    servers = {run.run_id: _code_server(run) for run in runs}
    return [run for run, server in servers.items() if (server.get("host"), server.get("port")) == (host, port)]


def _code_server(run: dg.DagsterRun) -> dict[str, object]:
    """The address of the code server that launched a run, as Dagster noted it: ``host`` with ``port`` or ``socket``."""
    server: dict[str, object] = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
    return server


def report_ended(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> None:
    """Reports as failed those of the runs that are not finished."""
    for run_id in run_ids:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            _log.warning("Run %s ended with the code server that had launched it.", run_id)
            _report(instance, run, "The code server was ended while the run was under way.")


def _report(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str) -> None:
    """One that somebody wanted canceled is canceled: as a failed one it would be started again."""
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, why)
    else:
        instance.report_run_failed(run, why)


def _is_run_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # another user's process: the number has been reused
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True  # no /proc on this system
    return b"multiprocessing" in command or b"dagster" in command
