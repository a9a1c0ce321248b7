"""Days of the past in a demo: a tenant whose time can be moved is captured day by day.

Here: what the demo needs to show a trend. Not here: anything for a real tenant, which only tells the present.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from ..api import DefenderClient
from ..catalog import DATASETS, DERIVED, PerDevice
from ..lake import Lake
from ..orchestration.local_runs import materialize
from ..orchestration.partitions import DEFAULT_TENANT
from ..orchestration.report_asset import NAME as REPORT
from ..reference import FEEDS
from ..refresh import refresh
from ..refresh.feed import refresh_feed
from ..settings import Settings

_FEEDS_EVERY = 7


def capture_past(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    client: DefenderClient,
    lake: Lake,
    settings: Settings,
    days: int,
    next_day: Callable[[], object],
) -> None:
    """Captures the ``days`` days before today, one after the other; ``next_day`` moves the tenant's time on by a day.
    Then their derived tables are computed in one run."""
    now = datetime.now(UTC)
    daily = [dataset for dataset in DATASETS.values() if not isinstance(dataset.fetch, PerDevice)]
    for back in range(days, 0, -1):
        then = now - timedelta(days=back)
        for dataset in daily:
            refresh(
                dataset, client=client, lake=lake, dates=[then.date()], today=then.date(), settings=settings, now=then
            )
            _tell(instance, dataset.name, then.date())
        if (days - back) % _FEEDS_EVERY == 0:
            for feed in FEEDS.values():
                trust = client.connection.ca_bundle
                setting = getattr(settings, feed.setting)
                refresh_feed(feed, lake=lake, day=then.date(), setting=setting, ca_bundle=trust, now=then)
        next_day()
    first, last = (now - timedelta(days=days)).date(), (now - timedelta(days=1)).date()
    computed = {dg.AssetKey(name) for name in (*DERIVED, REPORT)}
    materialize(defs, instance, computed, tenant=DEFAULT_TENANT, first=first, last=last)


def _tell(instance: dg.DagsterInstance, table: str, day: date) -> None:
    """Shows the partition in the UI as filled, though no run of Dagster's wrote it."""
    instance.report_runless_asset_event(dg.AssetMaterialization(table, partition=day.isoformat()))
