"""Tenants asked side by side within the time that a tick has.

Here: the threads and the time. Not here: what is asked (``probe.py``), what is requested (``sensors.py``,
``schedules.py``).

Dagster waits 60 seconds for a tick and throws away what it requested when it takes longer. One after the other,
twenty-five tenants would fill them: at 400 ms an answer, a look at one of them took 2.4 s. And one tenant whose service
is silent must not cost the others their tick.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from typing import TypeVar

_Result = TypeVar("_Result")

SECONDS = 40.0
"""The rest of Dagster's minute is for what the results become."""
AT_A_TIME = 16


def by_tenant(tenants: Sequence[str], ask: Callable[[str], _Result], *, seconds: float = SECONDS) -> dict[str, _Result]:
    """The result of each tenant, in their order. Those that had no turn within the time, or whose result did not come
    within it, are absent. Raises what ``ask`` raises."""
    deadline = time.monotonic() + seconds
    waiting = deque(tenants)
    futures: dict[str, Future[_Result]] = {tenant: Future() for tenant in tenants}

    def work() -> None:
        while time.monotonic() < deadline:
            try:
                tenant = waiting.popleft()
            except IndexError:
                return
            try:
                futures[tenant].set_result(ask(tenant))
            except BaseException as error:  # noqa: BLE001 - raised again below
                futures[tenant].set_exception(error)

    for number in range(min(AT_A_TIME, len(tenants))):
        # A daemon: one that still waits for a silent service does not hold up the end of the process.
        threading.Thread(target=work, name=f"tenants-{number}", daemon=True).start()
    wait(futures.values(), timeout=seconds)
    return {tenant: future.result() for tenant, future in futures.items() if future.done()}
