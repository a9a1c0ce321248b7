"""What ``defender-assets refresh`` fetches, while its runs wait for it.

Here: the tables of all runs of a refresh, fetched side by side with one client; it takes the place of the application
that each run would open, with a client and a login of its own. Not here: the runs
(``local_runs.py``), what is fetched beside what (``refresh/side_by_side.py``), the application (``resources.py``).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from ..api import DefenderClient
from ..catalog import DATASETS, Days
from ..errors import DefenderAssetsError
from ..lake import Lake
from ..refresh import (
    Absence,
    PartitionOutcome,
    RefreshContext,
    SideBySide,
    Staleness,
    TableRefresh,
    Window,
    consecutive,
    failures,
    in_work,
    report_plan,
    stale_days,
    table_refreshes,
    turns,
)
from ..scope import fleet_scope
from ..settings import Settings, ca_bundle_path
from .tenants_of_run import TenantsOfRun

_Days = tuple[date, ...]
_of_run: "dict[str, Fetched]" = {}
"""Run id -> what is fetched for it; Dagster passes nothing to a step but resources, and those it makes for each run."""


def fetched_for(run_id: str) -> "Fetched | None":
    """What is fetched for a run of this process; None for a run that opens an application."""
    return _of_run.get(run_id)


@dataclass(frozen=True)
class _Table:
    """What became of a table: of each stretch of days the outcomes, or what was raised; and what was stale before, or
    that it is left out."""

    outcomes: dict[_Days, list[PartitionOutcome] | Exception] = field(default_factory=dict)
    staleness: Staleness = field(default_factory=Staleness)
    left_out: bool = False


def fetch(
    names: Collection[str], *, client: Callable[[], DefenderClient], lake: Lake, days: Window | None = None
) -> "Fetched":
    """Begins to fetch the tables of these names; the computed ones among them wait for their step. ``client`` is called
    only where the service is asked.

    With ``days``: those partitions of each table. Without: event tables are brought up to date (every day the service
    remembers the first time, later the days that do not hold what the service has), and everything else is made for
    today.
    """
    now = datetime.now(UTC)
    settings = Settings.load()
    context = RefreshContext(
        lake=lake,
        settings=settings,
        today=now.date(),
        client=client,
        ca_bundle=lambda: ca_bundle_path(settings.ca_bundle),
    )
    tables = {name: table for name, table in table_refreshes().items() if name in names}
    report_plan(tables)
    events = [name for name in tables if name in DATASETS and DATASETS[name].days is Days.EVENT and days is None]
    return Fetched(tables, events, days or Window(now.date(), now.date()), context)


class Fetched:
    """What the steps of ``assets.py`` need of an application, for all runs of one refresh.

    ``events`` are brought up to date, of the other ``tables`` the days of ``window`` are made. Closing it stops what
    was not begun.
    """

    def __init__(
        self, tables: Mapping[str, TableRefresh], events: Collection[str], window: Window, context: RefreshContext
    ) -> None:
        self.tables, self.events, self.window, self._context = tables, events, window, context
        self.tenants = TenantsOfRun()
        self._taken: dict[str, _Table] = {}
        self._under_way = SideBySide(turns(tables, context.lake), self._fetch)

    def __enter__(self) -> "Fetched":
        return self

    def __exit__(self, *error: object) -> None:
        self._under_way.close()

    @contextmanager
    def for_run(self, run_id: str) -> Iterator[None]:
        """Within this block, the steps of the run find it."""
        _of_run[run_id] = self
        try:
            yield
        finally:
            del _of_run[run_id]

    def settings(self) -> Settings:
        """The settings with which the refresh began."""
        return self._context.settings

    def client(self, _: str) -> DefenderClient:
        """The one client of the refresh."""
        return self._context.client()

    def ca_bundle_path(self) -> Path | None:
        """Extra trusted certificates."""
        return self._context.ca_bundle()

    def begin(self, *_: object) -> None:
        """Nothing: everything is under way."""

    def refresh(self, table: TableRefresh, days: Sequence[date], context: RefreshContext) -> list[PartitionOutcome]:
        """The outcomes of a table, as soon as they are there; computed tables are computed now."""
        outcomes = self._table(table.name).outcomes.pop(tuple(days), None)
        if isinstance(outcomes, Exception):
            raise outcomes
        return table.refresh(days, context) if outcomes is None else outcomes

    def wait_for(self, tables: Iterable[str], _: str) -> None:
        """Returns when those of the tables that are fetched are there, or have failed."""
        for name in tables:
            self._under_way.wait(name)

    def staleness(self, table: str) -> Staleness:
        """What was stale of an event table. Raises what the comparison with the service raised."""
        return self._table(table).staleness

    def leaves_out(self, table: str) -> bool:
        """Whether an event table is left out, so that nothing can be stale of it. Raises what the comparison raised."""
        return self._table(table).left_out

    def _table(self, name: str) -> _Table:
        if name not in self._taken:
            self._taken[name] = self._under_way.take(name) or _Table()
        return self._taken[name]

    def _fetch(self, name: str) -> _Table:
        # The comparison with the service is a part of it, and so is each stretch of days.
        with in_work(name):
            return self._fetch_all_of(name)

    def _fetch_all_of(self, name: str) -> _Table:
        table, context = self.tables[name], self._context
        if name not in self.events:
            days = tuple(self.window.dates)
            return _Table({days: table.refresh(days, context)})
        if absence := table.absence(context):
            return self._left_out(name, absence)
        scope = fleet_scope(context.settings)
        try:
            staleness = stale_days(context.client(), DATASETS[name], context.lake, datetime.now(UTC), scope=scope)
        except DefenderAssetsError as error:
            if absence := table.absence_after(error, context):
                return self._left_out(name, absence)
            raise
        fetched = _Table(staleness=staleness)
        for window in consecutive(list(staleness.days)):
            days = tuple(window.dates)
            try:
                outcomes = fetched.outcomes[days] = table.refresh(days, context)
            except Exception as error:  # noqa: BLE001 - raised again in the step of these days
                fetched.outcomes[days] = error
                break
            if failures(outcomes):
                break
        return fetched

    def _left_out(self, name: str, absence: Absence) -> _Table:
        days = tuple(self.window.dates)
        return _Table({days: [PartitionOutcome.left_out(name, day, absence.sentence) for day in days]}, left_out=True)
