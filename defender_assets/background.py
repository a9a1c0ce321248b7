"""Work in a thread that does not hold up the end of the process.

Here: beginning it. Not here: how many are begun at a time and how long their results are waited for, which those that
look at tenants decide (``monitoring/survey.py``, ``orchestration/automation/all_tenants.py``).
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_Result = TypeVar("_Result")


def begun(work: Callable[[], _Result], name: str) -> Future[_Result]:
    """The result that ``work`` will have. A pool's threads are waited for at the end of the process: one that waits for
    a silent service would hold it up for ever."""
    future: Future[_Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is taken
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
