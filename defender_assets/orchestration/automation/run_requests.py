"""How a run is requested: which tables, which days, with which key and tags.

Here: building the request. Not here: deciding that one is needed (``decision.py``), the names of the tags
(``run_tags.py``).
"""

from collections.abc import Collection
from datetime import date

import dagster as dg

from ...refresh import Window
from ..partitions import TenantDays
from ..run_tags import ATTEMPT, LAUNCHED_BY, PARTITION, REASON, partition_tags


def run_request(
    launched_by: str,
    tables: Collection[str],
    tenant: str,
    days: Window,
    reason: str,
    partitions: TenantDays,
    attempt: int = 1,
) -> dg.RunRequest:
    """One run over the tables and days of a tenant. Days before the first of the ``partitions`` are
    named by tags.

    ``launched_by`` is the schedule or sensor. Dagster starts one run, and no second one, for the same ``launched_by``,
    ``tenant``, ``reason`` and ``attempt``.
    """
    full_reason = f"{launched_by}:{tenant}:{reason}"
    tags = {LAUNCHED_BY: launched_by, REASON: full_reason, ATTEMPT: str(attempt)}
    of_days = partition_tags(tenant, days, partitions)
    # Of a single partition Dagster sets the tags itself.
    partition = of_days.pop(PARTITION, None)
    return dg.RunRequest(
        run_key=f"{full_reason}:{attempt}",
        partition_key=partitions.key(tenant, days.first) if partition else None,
        asset_selection=[dg.AssetKey(table) for table in sorted(tables)],
        tags=tags | of_days,
    )


def one_day(day: date) -> Window:
    """The window of a single day."""
    return Window(day, day)
