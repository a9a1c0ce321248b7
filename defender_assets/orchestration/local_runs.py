"""Runs in this process, without the UI: what ``defender-assets refresh`` does.

Here: which runs a refresh consists of, and the outcome of each asset. Not here: the refresh of a table (``refresh/``),
what Dagster is told of runs that are stopped (``stopped_runs.py``), what is printed (``cli/refresh.py``).
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from ..catalog import DATASETS, Dataset
from ..errors import DefenderAssetsError
from ..lake import Lake
from ..refresh import (
    Stopped,
    TableRefresh,
    Window,
    computed_beside_crawls,
    consecutive,
    inputs_of,
    note_caught_up,
    stop_requested,
    table_refreshes,
)
from ..sanitize import redacted
from ..tenant import DEFAULT_TENANT
from .failures import failure_of, root_cause
from .fetched import Fetched
from .metadata import LEFT_OUT, MISSED, UNCHANGED
from .partitions import TenantDays, tenant_and_day
from .run_tags import COMMAND_LINE, STEP_RETRIES, USER, partition_tags
from .stopped_runs import under_way

_NOT_REACHED = "not reached, because something it is made from failed"
"""Of a table whose step Dagster skipped."""
_LONGEST_MESSAGE = 2_500
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class AssetWarning:
    """A check that failed, or what was not captured (``MISSED``), with its sentence."""

    check: str
    message: str

    def __str__(self) -> str:
        return f"{self.check}: {self.message}"


@dataclass(frozen=True)
class AssetOutcome:
    """The outcome of one asset in the runs of a refresh: the days of the partitions that were made (``dates``) and the
    sum of their ``rows``, or in ``message`` why there are none. ``left_out``: it is done without, which is no failure.
    ``not_reached``: its turn did not come, because something it is made from failed."""

    asset: str
    ok: bool
    rows: int | None = None
    dates: tuple[date, ...] = ()
    message: str = ""
    warnings: tuple[AssetWarning, ...] = ()
    left_out: bool = False
    not_reached: bool = False


def materialize(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    keys: set[dg.AssetKey],
    *,
    tenant: str,
    first: date,
    last: date,
    fetched: Fetched | None = None,
) -> list[AssetOutcome]:
    """One run over these assets and days, in this process; an asset that was not reached is an outcome too. ``fetched``
    takes the place of the application that the run would open.

    Raises Stopped after a request to stop, when no run is begun.
    """
    if stop_requested():
        raise Stopped("No further run was started, because the refresh was stopped.")
    partitions = TenantDays.of(defs.resolve_asset_graph().get(min(keys)).partitions_def)
    tags = {STEP_RETRIES: "off", USER: COMMAND_LINE} | partition_tags(tenant, Window(first, last), partitions)
    job = defs.resolve_implicit_global_asset_job_def()
    run_id = str(uuid.uuid4())
    with under_way(run_id, instance), fetched.for_run(run_id) if fetched is not None else nullcontext():
        result = job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config=_QUIET,
            tags=tags,
            asset_selection=sorted(keys),
            run_id=run_id,
        )
    return list(_outcomes(result, keys))


def _outcomes(result: dg.ExecuteInProcessResult, keys: set[dg.AssetKey]) -> Iterator[AssetOutcome]:
    materialized: dict[dg.AssetKey, list[dg.AssetMaterialization]] = {}
    for event in result.get_asset_materialization_events():
        if event.asset_key in keys:
            materialized.setdefault(event.asset_key, []).append(event.step_materialization_data.materialization)
    told: dict[str, dict[dg.AssetKey, list[str]]] = {LEFT_OUT: {}, UNCHANGED: {}, MISSED: {}}
    for event in result.get_asset_observation_events():
        for label, value in event.asset_observation_data.asset_observation.metadata.items():
            if label in told and isinstance(value, dg.TextMetadataValue) and event.asset_key is not None:
                told[label].setdefault(event.asset_key, []).append(value.value or "")
    failed = {event.step_key: event for event in result.all_events if event.is_step_failure}
    warnings: dict[dg.AssetKey, list[AssetWarning]] = {}
    for check in result.get_asset_check_evaluations():
        if not check.passed:
            warnings.setdefault(check.asset_key, []).append(AssetWarning(check.check_name, check.description or ""))
    order = {name: place for place, name in enumerate(table_refreshes())}
    for key in sorted(keys, key=lambda key: (order.get(key.to_user_string(), len(order)), key)):
        name, asset_warnings = key.to_user_string(), tuple(warnings.get(key, ()))
        if name in failed:
            yield AssetOutcome(name, False, message=_sentence(failed[name]), warnings=asset_warnings)
        elif key in materialized:
            days = sorted(_day_of(materialization.partition) for materialization in materialized[key])
            missed = tuple(AssetWarning(MISSED, why) for why in told[MISSED].get(key, ()))
            yield AssetOutcome(name, True, _rows_of(materialized[key]), tuple(days), warnings=asset_warnings + missed)
        elif key in told[LEFT_OUT]:
            yield AssetOutcome(name, True, message=told[LEFT_OUT][key][0], left_out=True)
        elif why := [*told[UNCHANGED].get(key, ()), *told[MISSED].get(key, ())]:
            yield AssetOutcome(name, True, message=" ".join(why))
        else:
            yield AssetOutcome(name, False, message=_NOT_REACHED, not_reached=True)


def _rows_of(materializations: Sequence[dg.AssetMaterialization]) -> int | None:
    counts = [materialization.metadata.get("dagster/partition_row_count") for materialization in materializations]
    rows = [int(count.value or 0) for count in counts if isinstance(count, dg.IntMetadataValue)]
    return sum(rows) if rows else None


def _day_of(partition: str | None) -> date:
    return tenant_and_day(partition)[1] if partition else datetime.now(UTC).date()


def _sentence(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    error = root_cause(data.error)
    # The text of another library's error may hold anything, signed addresses included.
    return f"unexpected: {redacted(error.message, _LONGEST_MESSAGE)}" if error else "failed without saying why"


def refresh_runs(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    fetched: Fetched,
    *,
    lake: Lake,
    tenant: str = DEFAULT_TENANT,
) -> Iterator[AssetOutcome]:
    """The runs of a refresh, outcome by outcome.

    Everything is fetched side by side; a step waits for its table. What is crawled, and what is computed, has runs of
    its own after what it looks at: within one run Dagster would skip it when *any* table it looks at failed, although
    the lake may hold what it needs. A crawl takes longest; what is not made from it is computed meanwhile, as soon as
    what that is made from is there.

    Raises Stopped after a request to stop, when no other run is begun.
    """
    tables, events, window = fetched.tables, fetched.events, fetched.window
    computed = {name for name, table in tables.items() if table.is_computed}
    # Of what is fetched, only a crawl looks at another table.
    crawled = {name for name, table in tables.items() if table.optional_inputs} - computed
    # Several days are made in one run, which makes whole days of them whatever fails (``unbroken_days.py``).
    is_one_day = window.first == window.last
    meanwhile = computed_beside_crawls(tables) if crawled and is_one_day else set()

    def run(names: Set[str]) -> list[AssetOutcome]:
        keys = {dg.AssetKey(name) for name in names}
        days = {"first": window.first, "last": window.last}
        return materialize(defs, instance, keys, tenant=tenant, **days, fetched=fetched) if keys else []

    def fetch(names: Set[str]) -> Iterator[AssetOutcome]:
        for name in events:
            if name in names:
                yield _catch_up(defs, instance, DATASETS[name], fetched, lake=lake, tenant=tenant)
        yield from run(names - set(events))

    not_crawled = tables.keys() - crawled - computed
    awaited = not_crawled & inputs_of(tables[name] for name in meanwhile)
    yield from fetch(awaited)
    yield from (made := run(meanwhile))
    yield from fetch(not_crawled - awaited)
    yield from run(crawled)
    not_made = {outcome.asset for outcome in made if not outcome.ok}
    rest = {name: table for name, table in tables.items() if name in computed - meanwhile}
    held_up = _held_up(rest, not_made, lake, window.first) if not_made else set()
    yield from run(rest.keys() - held_up)
    yield from (AssetOutcome(name, False, message=_NOT_REACHED, not_reached=True) for name in rest if name in held_up)


def _held_up(tables: Mapping[str, TableRefresh], not_made: Set[str], lake: Lake, day: date) -> set[str]:
    """Those of the tables that the same run would not make after these failed: what needs one of them, and what would
    read the partition that one had before, under another policy maybe."""
    found = set(not_made)
    for name, table in tables.items():
        without = {other for other in found.intersection(table.optional_inputs) if not lake.dates(other, day, day)}
        if found.intersection((*table.inputs, *table.optional_inputs)) - without:
            found.add(name)
    return found - not_made


def _catch_up(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    dataset: Dataset,
    fetched: Fetched,
    *,
    lake: Lake,
    tenant: str,
) -> AssetOutcome:
    try:
        if fetched.leaves_out(dataset.name):
            window, key = fetched.window, dg.AssetKey(dataset.name)
            days = {"first": window.first, "last": window.last}
            (outcome,) = materialize(defs, instance, {key}, tenant=tenant, fetched=fetched, **days)
            return outcome
        staleness = fetched.staleness(dataset.name)
    except DefenderAssetsError as error:
        return AssetOutcome(dataset.name, False, message=failure_of(error).description or "")
    parts: list[AssetOutcome] = []
    for window in consecutive(list(staleness.days)):
        parts += materialize(
            defs,
            instance,
            {dg.AssetKey(dataset.name)},
            tenant=tenant,
            first=window.first,
            last=window.last,
            fetched=fetched,
        )
        if not parts[-1].ok:
            return parts[-1]
    note_caught_up(lake, dataset, staleness.caught_up_after_refresh)
    return _sum(dataset.name, parts)


def _sum(name: str, parts: Sequence[AssetOutcome]) -> AssetOutcome:
    if not parts:
        return AssetOutcome(name, True, 0, message="nothing changed since the last refresh")
    return AssetOutcome(
        name,
        True,
        sum(part.rows or 0 for part in parts),
        tuple(day for part in parts for day in part.dates),
        warnings=tuple(warning for part in parts for warning in part.warnings),
    )
