"""The runs of this process, and what Dagster's record says of those that are stopped with it.

Here: each such run is canceled, whichever comes first, its own end or that of the process. Not here: the signal and how
long the work has to end (``cli/stopping.py``), the request to stop (``refresh/stopping.py``).

A run that fails is told to somebody, and one that was stopped is no news. Dagster makes a failure the end of a canceled
run where it was told before that the run is to be canceled, and only of a run that has begun.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ..refresh import stop_requested

_STOPPED = "Stopped by a signal to the process."
_LEFT = "The process was stopped, and did not wait for what was under way."

_under_way: dict[str, dg.DagsterInstance] = {}
"""Run id -> where the run is recorded, of each run in this process that has not ended."""
_deciding = threading.Lock()
_ending: set[str] = set()
"""The runs of which a step fails because of the request to stop. They write their end themselves."""
_over: set[str] = set()
"""The runs whose end was written although their work goes on. They write nothing more."""


@contextmanager
def under_way(run_id: str, instance: dg.DagsterInstance) -> Iterator[None]:
    """Within this block, that run is one of this process."""
    _under_way[run_id] = instance
    try:
        yield
    finally:
        del _under_way[run_id]
        _ending.discard(run_id)


def cancel_runs() -> None:
    """Tells Dagster that the runs of this process are to be canceled. One that is only about to begin tells it itself,
    in its first step."""
    for run, instance in _unfinished():
        if run.status is dg.DagsterRunStatus.STARTED:
            instance.report_run_canceling(run, _STOPPED)


def cancel_if_stopped(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> None:
    """To be called before a step fails. After a request to stop, its run ends as a canceled one; of a run whose end is
    written already nothing more is, and this does not return."""
    if not stop_requested() or context.run.run_id not in _under_way:
        return
    with _deciding:
        is_over = context.run.run_id in _over
        if not is_over:
            _ending.add(context.run.run_id)
    if is_over:
        threading.Event().wait()  # for the end of the process
    run = context.instance.get_run_by_id(context.run.run_id)
    if run is not None and run.status is dg.DagsterRunStatus.STARTED:
        context.instance.report_run_canceling(run, _STOPPED)


def report_runs_canceled(*, failing_too: bool = False) -> bool:
    """Tells Dagster that the runs of this process are canceled, because the process ends before they do. False where
    one is left out that fails at this very moment and writes its own end."""
    with _deciding:
        left_out = set() if failing_too else _ending & _under_way.keys()
        left = [(run, instance) for run, instance in _unfinished() if run.run_id not in left_out]
        _over.update(run.run_id for run, _ in left)
    for run, instance in left:
        instance.report_run_canceled(run, _LEFT)
    return not left_out


def _unfinished() -> Iterator[tuple[dg.DagsterRun, dg.DagsterInstance]]:
    for run_id, instance in list(_under_way.items()):
        # Without a DAGSTER_HOME, the record is gone with the process.
        run = instance.get_run_by_id(run_id) if instance.is_persistent else None
        if run is not None and not run.is_finished:
            yield run, instance
