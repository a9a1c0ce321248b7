"""How the steps of a run are executed: in one process, or each in its own.

Here: the choice, by DEFENDER_EXECUTOR. Not here: which tables one process fetches at the same time
(``refresh/side_by_side.py``).
"""

import dagster as dg

from ..settings import Settings


def one_process_a_step() -> bool:
    """Whether ``DEFENDER_EXECUTOR=forkserver`` gives every step a process, for tenants whose datasets are big. Raises
    SettingsError."""
    return Settings.load().executor == "forkserver"


def executor() -> dg.ExecutorDefinition:
    """In-process by default: 30 ms a step, one login, one budget and one connection pool a run."""
    if one_process_a_step():
        return dg.multiprocess_executor.configured({"start_method": {"forkserver": {}}, "max_concurrent": 2})
    return dg.in_process_executor
