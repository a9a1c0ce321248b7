"""Past days in the lake: a simulated tenant, whose time can be advanced, is captured day by day.

Here: what the demo needs to show a trend. Not here: anything for a real tenant, whose past cannot be captured.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from ..api import open_client
from ..catalog import DATASETS, ExportFiles, PerDevice
from ..definitions import build_defs
from ..lake import Lake
from ..orchestration.local_runs import materialize
from ..reference import FEEDS
from ..refresh import RefreshContext, TableRefresh, table_refreshes
from ..settings import Settings, connection
from ..tenant import DEFAULT_TENANT

_FEED_INTERVAL_DAYS = 7
# Its feeds tell the newest release only: read day by day they become the list that a device's lag is counted by.
_FEED_OF_EVERY_DAY = "agent_releases"
# Without the crawl, which is one request per device: it would be most of the calls of every past day. And without what
# comes in export files alone: of their lists, 5 may be requested a minute and 20 an hour.
_CAPTURED = [name for name, dataset in DATASETS.items() if not isinstance(dataset.fetch, PerDevice | ExportFiles)]


def capture_past(days: int, *, instance: dg.DagsterInstance, advance_one_day: Callable[[], object]) -> None:
    """Captures each of the ``days`` days before today, then computes their derived tables in one run.

    The settings of the environment must reach a simulated tenant whose time is ``days`` days ago;
    ``advance_one_day`` moves it on. ``instance`` records the partitions, so that the UI shows them. Raises the error of
    the first dataset that could not be captured.
    """
    settings = Settings.load()
    lake = Lake(settings.lake)
    tables = table_refreshes()
    now = datetime.now(UTC)
    past = [now - timedelta(days=days_ago) for days_ago in range(days, 0, -1)]
    with open_client(connection(settings), settings) as client:
        for index, moment in enumerate(past):
            context = RefreshContext(
                lake=lake,
                settings=settings,
                today=moment.date(),
                client=lambda: client,
                ca_bundle=lambda: client.connection.ca_bundle,
                now=moment,
            )
            _capture((tables[name] for name in _CAPTURED), context, instance)
            # A public feed that cannot be had is an outcome and no error: its columns stay empty.
            feeds = [name for name in FEEDS if index % _FEED_INTERVAL_DAYS == 0 or name == _FEED_OF_EVERY_DAY]
            _capture((tables[name] for name in feeds), context, instance)
            advance_one_day()
    computed = {dg.AssetKey(name) for name, table in tables.items() if table.is_computed}
    first, last = past[0].date(), past[-1].date()
    materialize(build_defs(), instance, computed, tenant=DEFAULT_TENANT, first=first, last=last)


def _capture(tables: Iterable[TableRefresh], context: RefreshContext, instance: dg.DagsterInstance) -> None:
    for table in tables:
        for outcome in table.refresh([context.today], context):
            if outcome.error is not None:
                raise outcome.error
            if outcome.uri is not None:
                _record_partition(instance, table.name, outcome.day)


def _record_partition(instance: dg.DagsterInstance, table: str, day: date) -> None:
    """Shows the partition as filled in the UI, although no run of Dagster wrote it."""
    instance.report_runless_asset_event(dg.AssetMaterialization(table, partition=day.isoformat()))
