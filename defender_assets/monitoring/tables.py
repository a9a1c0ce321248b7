"""How fresh a tenant's tables are.

Here: when each was last read from its source, as its newest file says, and what is to be said of that. Not here: the
same policy in Dagster's terms (``orchestration/freshness.py``), which tables are left out (``refresh/absence.py``).
"""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from ..api import remedy_for
from ..catalog import DATASETS, DERIVED, EVENT_TABLES, TABLES, is_core
from ..catalog.derived.fleet import FLEET_SUMMARY
from ..doctor import Inspection, Outcome
from ..lake import Lake, NoSnapshot, UnreadableSnapshot
from ..lake.facts import kept_because, time_in
from ..quantity import quantity
from ..reference import FEEDS, Feed, Off, source_of
from ..refresh import caught_up, known_absence, known_absences
from ..report.publishing import COMPLIANCE_REPORT, REPORT_FILE
from ..settings import Settings, how_to_do_without

_AT_ONCE = 8
"""Tables that are looked at together: on an object store each is some answers away."""
_AHEAD = timedelta(hours=1)
_LOOK = "Look at the runs in the UI or at what refresh prints; defender-assets doctor tests the connection."


@dataclass(frozen=True)
class TableState:
    """A table of a tenant: its ``newest`` day, when that was read from its source (``observed_at``; of a derived table,
    the time that it describes), its ``rows`` and ``bytes``. ``left_out`` says in a few words why there is none, and
    ``refused`` which role the application lacks for it, of a table of the core that nobody left out by choice;
    ``problem`` why its file cannot be read, ``kept`` why a public feed has the rows of an earlier fetch."""

    table: str
    newest: date | None = None
    observed_at: datetime | None = None
    rows: int | None = None
    bytes: int | None = None
    left_out: str = ""
    refused: str = ""
    problem: str = ""
    kept: str = ""

    def age(self, now: datetime) -> timedelta | None:
        """Since it was read; None where nobody knows when that was."""
        return None if self.observed_at is None else max(timedelta(0), now - self.observed_at)


def tables_of(settings: Settings, lake: Lake) -> list[TableState]:
    """Every table of the tenant, and the report. Raises SettingsError and LakeError."""
    left_out = {
        table: "switched off" for table, feeds in FEEDS.items() if all(_is_off(feed, settings) for feed in feeds)
    }
    left_out |= known_absences(TABLES, settings, lake)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="status") as pool:
        states = list(pool.map(lambda table: _state(table, lake, left_out.get(table, "")), TABLES))
    states = [_with_role(state, settings, lake) if state.left_out else state for state in states]
    return [*states, _report(lake, states)]


def _is_off(feed: Feed, settings: Settings) -> bool:
    return isinstance(source_of(feed, getattr(settings, feed.setting)), Off)


def _state(table: str, lake: Lake, left_out: str) -> TableState:
    if left_out:
        return TableState(table, left_out=left_out)
    try:
        parts = lake.newest_parts(table)
        if not parts:
            return TableState(table)
        rows, facts = lake.part_facts(parts[-1])
    except NoSnapshot:  # removed meanwhile
        return TableState(table)
    except UnreadableSnapshot as error:
        return TableState(table, parts[-1].date, bytes=parts[-1].size, problem=str(error))
    observed_at = time_in(facts, "observed_at")
    if table in EVENT_TABLES and observed_at and (known_to := caught_up(lake, DATASETS[table]).to):
        # A day on which nothing happened is not written anew.
        observed_at = max(observed_at, known_to)
    return TableState(table, parts[-1].date, observed_at, rows, parts[-1].size, kept=kept_because(facts) or "")


def _with_role(state: TableState, settings: Settings, lake: Lake) -> TableState:
    dataset = DATASETS.get(state.table)
    if dataset is None or not is_core(dataset):
        return state
    absence = known_absence(state.table, settings, lake)
    return replace(state, refused=dataset.permission) if absence and absence.refused else state


def _report(lake: Lake, states: Collection[TableState]) -> TableState:
    """The report is no table: it is as old as the numbers of its day."""
    summary = next(state for state in states if state.table == FLEET_SUMMARY.name)
    if summary.left_out:
        return TableState(COMPLIANCE_REPORT, left_out=summary.left_out)
    newest = max(lake.files.days(COMPLIANCE_REPORT), default=None)
    if newest is None or not lake.files.is_there(COMPLIANCE_REPORT, newest, REPORT_FILE):
        return TableState(COMPLIANCE_REPORT)
    is_of_summary = newest == summary.newest
    midnight = datetime(newest.year, newest.month, newest.day, tzinfo=UTC)
    return TableState(COMPLIANCE_REPORT, newest, summary.observed_at if is_of_summary else midnight)


def judge_tables(states: Collection[TableState], now: datetime, late_after: timedelta) -> list[Inspection]:
    """What is to be said of the tables. Late after ``late_after`` (a warning), failed after twice as long; a table that
    everything else is made from has failed when it was never there. Of tables of the core that the application may not
    read one warning tells for each role."""
    wanted = [state for state in states if not state.left_out]
    if wanted and not any(state.newest for state in wanted):
        what = "nothing has been fetched yet"
        return [
            Inspection(
                "tables",
                Outcome.FAILED,
                what,
                "defender-assets refresh (of several tenants: --tenant all) fetches every table once.",
            )
        ]
    found = (_judged(state, now, late_after) for state in wanted)
    return [*_refused(states), *(inspection for inspection in found if inspection is not None)]


def _refused(states: Collection[TableState]) -> Iterator[Inspection]:
    for role in dict.fromkeys(state.refused for state in states if state.refused):
        tables = [state.table for state in states if state.refused == role]
        what = f"left out, as the application lacks the role {role}, and what is made from it is unknown"
        remedy = f"{remedy_for(role)} {how_to_do_without(*tables)}"
        yield Inspection("tables", Outcome.WARNING, what, remedy, subject=", ".join(tables))


def _judged(state: TableState, now: datetime, late_after: timedelta) -> Inspection | None:
    def told(outcome: Outcome, what: str, remedy: str = _LOOK) -> Inspection:
        return Inspection("tables", outcome, what, remedy, subject=state.table)

    if state.problem:
        return told(Outcome.FAILED, "the newest file cannot be read", remedy=state.problem)
    if state.newest is None:
        dataset = DATASETS.get(state.table)
        is_needed = state.table in DERIVED or (dataset is not None and is_core(dataset))
        return told(Outcome.FAILED if is_needed else Outcome.WARNING, "never refreshed")
    age = state.age(now)
    if age is None or state.observed_at is None:
        return told(Outcome.UNKNOWN, "the newest file does not say when it was read", "Refresh the table again.")
    if state.observed_at - now > _AHEAD:
        return told(Outcome.UNKNOWN, "the newest file is from the future", "Set this machine's clock.")
    for times, outcome in ((2, Outcome.FAILED), (1, Outcome.WARNING)):
        if age > times * late_after:
            hours = times * late_after / timedelta(hours=1)
            return told(outcome, f"not refreshed for more than {quantity(round(hours), 'hour')}")
    if state.kept:
        return told(Outcome.WARNING, "a public feed could not be fetched, and its former rows are used", state.kept)
    return None
