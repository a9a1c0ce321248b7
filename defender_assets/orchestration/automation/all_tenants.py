"""Tenants looked at side by side, within the time that a tick has.

Here: the threads and the time. Not here: what is looked at (``probe.py``), what is requested (``sensors.py``,
``schedules.py``), which tenants are not looked at for a while (``pauses.py``).

One after the other, twenty-five tenants would fill the 60 seconds that Dagster waits for a tick: at 400 ms an answer, a
look at one of them took 2.4 s. And one tenant whose service is silent must not cost the others their tick.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from ...background import begun
from .tick_time import SECONDS_OF_A_TICK

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")

SECONDS_OF_A_LOOK = 8.0
"""For one tenant; a look takes 1 to 3 seconds where an answer takes 400 ms."""
AT_A_TIME = 16


@dataclass(frozen=True)
class Looks(Generic[_Result]):
    """What looks at tenants found. ``silent`` had their time and gave no answer in it; for those that are in neither,
    the tick had no time, or not enough."""

    results: Mapping[str, _Result]
    silent: tuple[str, ...] = ()


class TenantLooks(Generic[_Result]):
    """Looks at tenants. One that takes longer than a tick can wait goes on, and its result is taken at a later tick: a
    tenant that is slow, and not silent, is not left out for ever."""

    def __init__(self, *, seconds_of_a_look: float | None = None) -> None:
        self._seconds_of_a_look = seconds_of_a_look
        self._going_on: dict[str, Future[_Result]] = {}

    @property
    def _seconds(self) -> float:
        return SECONDS_OF_A_LOOK if self._seconds_of_a_look is None else self._seconds_of_a_look

    def look(
        self,
        tenants: Sequence[str],
        look: Callable[[str], _Result],
        *,
        is_recent: Callable[[_Result], bool] = lambda result: True,
    ) -> Looks[_Result]:
        """The result of each tenant, in their order. A late result that is not recent any more, or an error, is thrown
        away, and the tenant asked again. Raises what ``look`` raises in time."""
        found: dict[str, _Result] = {}
        silent: set[str] = set()
        waiting: deque[str] = deque()
        for tenant in tenants:
            late = self._going_on.get(tenant)
            if late is None:
                waiting.append(tenant)
            elif not late.done():
                silent.add(tenant)
            else:
                del self._going_on[tenant]
                if error := late.exception():
                    _log.warning(
                        "A look at %s that took longer than its tick failed unexpectedly.", tenant, exc_info=error
                    )
                if error is None and is_recent(late.result()):
                    found[tenant] = late.result()
                else:
                    waiting.append(tenant)
        for tenant, future in self._ended_in_time(waiting, look, silent).items():
            found[tenant] = future.result()
        return Looks(
            {tenant: found[tenant] for tenant in tenants if tenant in found},
            tuple(tenant for tenant in tenants if tenant in silent),
        )

    def _ended_in_time(
        self, waiting: deque[str], look: Callable[[str], _Result], silent: set[str]
    ) -> dict[str, Future[_Result]]:
        """Those who end; who had a whole look's time and gave no answer is added to ``silent``."""
        end_of_tick = time.monotonic() + SECONDS_OF_A_TICK
        ended: dict[str, Future[_Result]] = {}
        under_way: dict[str, tuple[Future[_Result], float]] = {}
        while (waiting or under_way) and time.monotonic() < end_of_tick:
            while waiting and len(under_way) < AT_A_TIME:
                tenant = waiting.popleft()
                future = begun(partial(look, tenant), f"look at {tenant}")
                under_way[tenant] = future, time.monotonic() + self._seconds
            next_end = min(*(deadline for _, deadline in under_way.values()), end_of_tick)
            wait(
                [future for future, _ in under_way.values()],
                timeout=max(0.0, next_end - time.monotonic()),
                return_when=FIRST_COMPLETED,
            )
            for tenant, (future, deadline) in list(under_way.items()):
                if future.done():
                    ended[tenant] = future
                elif time.monotonic() >= min(deadline, end_of_tick):
                    self._going_on[tenant] = future
                    if time.monotonic() >= deadline:
                        silent.add(tenant)
                else:
                    continue
                del under_way[tenant]
        return ended


def by_tenant(
    tenants: Sequence[str], look: Callable[[str], _Result], *, seconds: float = SECONDS_OF_A_LOOK
) -> dict[str, _Result]:
    """The result of each tenant, for those who look once."""
    return dict(TenantLooks[_Result](seconds_of_a_look=seconds).look(tenants, look).results)
