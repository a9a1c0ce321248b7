"""Past days in the lake: a tenant whose time can be moved on is captured day by day.

Here: what the demo needs to show a trend. Not here: anything for a real tenant, which only tells the present.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from ..api import Budget, DefenderClient
from ..catalog import DATASETS, DERIVED, PerDevice
from ..definitions import build_defs
from ..lake import Lake
from ..orchestration.local_runs import materialize
from ..orchestration.partitions import DEFAULT_TENANT
from ..orchestration.report_asset import NAME as REPORT
from ..reference import FEEDS
from ..refresh import refresh
from ..refresh.feed import refresh_feed
from ..settings import Settings, connection

_FEED_INTERVAL_DAYS = 7
# A crawl (one request per device) for every past day would take longer than the rest of the demo.
_CAPTURED = [dataset for dataset in DATASETS.values() if not isinstance(dataset.fetch, PerDevice)]


def capture_past(days: int, *, instance: dg.DagsterInstance, advance_one_day: Callable[[], object]) -> None:
    """Captures each of the ``days`` days before today, then computes their derived tables in one run.

    The settings of the environment must reach a simulated tenant whose time is ``days`` days ago;
    ``advance_one_day`` moves it on. ``instance`` records the partitions, so that the UI shows them.
    """
    settings = Settings.load()
    lake = Lake(settings.lake)
    now = datetime.now(UTC)
    past = [now - timedelta(days=days_ago) for days_ago in range(days, 0, -1)]
    tenant = connection(settings)
    budget = Budget.of(tenant, path=settings.budget_file, pacing=settings.pacing)
    with budget, DefenderClient(tenant, budget=budget) as client:
        for index, moment in enumerate(past):
            _capture_datasets(moment, client, lake, settings, instance)
            if index % _FEED_INTERVAL_DAYS == 0:
                _capture_feeds(moment, client, lake, settings)
            advance_one_day()
    derived = {dg.AssetKey(name) for name in (*DERIVED, REPORT)}
    first, last = past[0].date(), past[-1].date()
    materialize(build_defs(), instance, derived, tenant=DEFAULT_TENANT, first=first, last=last)


def _capture_datasets(
    moment: datetime, client: DefenderClient, lake: Lake, settings: Settings, instance: dg.DagsterInstance
) -> None:
    day = moment.date()
    for dataset in _CAPTURED:
        refresh(dataset, client=client, lake=lake, dates=[day], today=day, settings=settings, now=moment)
        _record_partition(instance, dataset.name, day)


def _capture_feeds(moment: datetime, client: DefenderClient, lake: Lake, settings: Settings) -> None:
    for feed in FEEDS.values():
        refresh_feed(
            feed,
            lake=lake,
            day=moment.date(),
            setting=getattr(settings, feed.setting),
            ca_bundle=client.connection.ca_bundle,
            now=moment,
        )


def _record_partition(instance: dg.DagsterInstance, table: str, day: date) -> None:
    """Shows the partition as filled in the UI, although no run of Dagster wrote it."""
    instance.report_runless_asset_event(dg.AssetMaterialization(table, partition=day.isoformat()))
