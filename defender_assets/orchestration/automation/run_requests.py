"""How a run is asked for: which tables, which days, with which key.

Here: run requests and their tags. Not here: deciding that one is needed.
"""

from collections.abc import Collection
from datetime import date

import dagster as dg

from ...refresh import Window
from ..partitions import key_of
from .in_flight import RANGE_END, RANGE_START

LAUNCHED_BY = "defender/launched_by"
REASON = "defender/reason"
"""Run tag: what a run was asked for, the same for every attempt."""
ATTEMPT = "defender/attempt"


def run_request(
    by: str, tables: Collection[str], tenant: str, days: Window, reason: str, attempt: int = 1
) -> dg.RunRequest:
    """One run over the tables and days of a tenant. ``by`` is the schedule or sensor; Dagster starts one run for the
    same ``reason`` and ``attempt`` and no second one."""
    what = f"{by}:{tenant}:{reason}"
    tags = {LAUNCHED_BY: by, REASON: what, ATTEMPT: str(attempt)}
    selection = [dg.AssetKey(table) for table in sorted(tables)]
    run_key = f"{what}:{attempt}"
    if days.first == days.last:
        key = key_of(tenant, days.first)
        return dg.RunRequest(run_key=run_key, partition_key=key, asset_selection=selection, tags=tags)
    tags |= {RANGE_START: str(key_of(tenant, days.first)), RANGE_END: str(key_of(tenant, days.last))}
    return dg.RunRequest(run_key=run_key, asset_selection=selection, tags=tags)


def one_day(day: date) -> Window:
    return Window(day, day)
