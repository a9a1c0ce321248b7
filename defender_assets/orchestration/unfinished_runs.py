"""The runs of Dagster's history that have not ended: queued, starting, running, or being canceled.

Here: asking for them. Not here: which tables and days they are about (``automation/in_flight.py``, ``run_tags.py``),
those whose process is gone (``serve/lost_runs.py``).
"""

from collections.abc import Sequence

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES


def unfinished_runs(instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
    """The newest first."""
    return instance.get_runs(dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES)))
