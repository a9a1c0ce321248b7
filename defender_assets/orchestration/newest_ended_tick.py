"""The newest tick of a schedule or sensor that has ended.

Here: finding it in Dagster's history. Not here: who is told of one that failed (``notifications/failed_ticks.py``,
``run_history.py``), in which words (``notifications/message.py``).
"""

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick, TickStatus

_ENDED = [TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE]


def newest_ended_tick(
    instance: dg.DagsterInstance, state: InstigatorState, since: float | None = None
) -> InstigatorTick | None:
    """None where none ended; ``since``: those that began later, in seconds since 1970."""
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, after=since, limit=1, statuses=_ENDED)
    return ticks[0] if ticks else None
