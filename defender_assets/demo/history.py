"""Past days in the lake: a simulated tenant, whose time can be advanced, is captured day by day.

Here: what the demo needs to show a trend. Not here: anything for a real tenant, whose past cannot be captured.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta

import dagster as dg

from ..api import open_client
from ..catalog import DATASETS, Days
from ..definitions import build_defs
from ..lake import Lake
from ..orchestration.lake_partitions import record, unrecorded
from ..orchestration.local_runs import materialize
from ..orchestration.partitions import TenantDays
from ..reference import FEEDS
from ..refresh import RefreshContext, TableRefresh, table_refreshes
from ..settings import Settings, connection
from ..tenant import DEFAULT_TENANT

# What is crawled is one request per device: on the first day of (nearly) all, later of the next tenth.
_MOST_ASKED = 1_000
# Changes of findings are counted over so many days; all of them have to be as old as the other tables of the day.
_EVENT_DAYS = 14
_RECORDED_WITHIN_SECONDS = 120.0
_FEWEST_ASKED = 10


def capture_past(
    past: Sequence[datetime],
    *,
    machines: int,
    instance: dg.DagsterInstance,
    on_day: Callable[[int, date], object],
    advance_one_day: Callable[[], object],
) -> None:
    """Captures the tenant of so many ``machines`` at each of these moments, a day from one to the next, then computes
    the derived tables of these days in one run.

    The settings of the environment must reach a simulated tenant whose time is the first moment; ``advance_one_day``
    moves it on. ``on_day`` is told the number, from 1, and the date of each day before it is captured. ``instance``
    records the partitions, so that the UI shows them. Raises the error of the first dataset that could not be captured.
    """
    settings = Settings.load()
    lake = Lake(settings.lake)
    tables = table_refreshes()
    with open_client(connection(settings), settings) as client:
        for index, moment in enumerate(past):
            on_day(index + 1, moment.date())
            context = RefreshContext(
                lake=lake,
                settings=settings.model_copy(update={"user_calls": _asked(machines, is_first_day=index == 0)}),
                today=moment.date(),
                client=lambda: client,
                ca_bundle=lambda: client.connection.ca_bundle,
                now=moment,
            )
            _capture((tables[name] for name in DATASETS), context)
            # A public feed that cannot be had is an outcome and no error: its columns stay empty.
            _capture((tables[name] for name in FEEDS), context)
            advance_one_day()
    first, last = past[0].date(), past[-1].date()
    record(instance, lake, unrecorded(instance, lake, partitions=TenantDays(first)), seconds=_RECORDED_WITHIN_SECONDS)
    computed = {dg.AssetKey(name) for name, table in tables.items() if table.is_computed}
    materialize(build_defs(), instance, computed, tenant=DEFAULT_TENANT, first=first, last=last)


def _asked(machines: int, *, is_first_day: bool) -> int:
    return min(machines if is_first_day else max(_FEWEST_ASKED, machines // 10), _MOST_ASKED)


def _days(table: str, today: date) -> list[date]:
    """The day of the moment, and of an event table those before that a refresh would look at again."""
    if table not in DATASETS or DATASETS[table].days is not Days.EVENT:
        return [today]
    remembered = min(DATASETS[table].remembered_days or 1, _EVENT_DAYS)
    return [today - timedelta(days=ago) for ago in range(remembered - 1, -1, -1)]


def _capture(tables: Iterable[TableRefresh], context: RefreshContext) -> None:
    for table in tables:
        for outcome in table.refresh(_days(table.name, context.today), context):
            if outcome.error is not None:
                raise outcome.error
