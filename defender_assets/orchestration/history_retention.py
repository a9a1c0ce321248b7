"""What Dagster keeps of what it did: runs, events, logs, evaluations of conditions; and removing what is old.

Dagster removes ticks by the ``retention`` of ``dagster.yaml``, and evaluations after thirty days. It never removes
runs, and of SQLite's files it never gives room back.

Here: the removal, and the size of SQLite's databases. Not here: when it is done (``automation/pruning.py``,
``cli/prune.py``), what the lake keeps (``lake/retention.py``).

A run that goes takes the events of its partitions with it: ``lake_partitions.py`` records anew which there are.
"""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.schedules import SqlScheduleStorage
from dagster._core.storage.schedules.schema import AssetDaemonAssetEvaluationsTable
from sqlalchemy import Connection, func, select

EVALUATIONS_KEPT_FOR = timedelta(days=1)
EVALUATIONS_KEPT = 2_000
"""With twenty tenants one takes some eighty kilobytes, and each of 27 tables has one at each tick while tables are
made: 246 MB in an hour."""

_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_RUNS_AT_A_TIME = 50
_BUSY_SECONDS = 5.0
_PRIMARY_CODE = 0xFF
"""SQLite's code of an error without what it adds to it."""
_WORTH_COMPACTING = 16 * 2**20


@dataclass(frozen=True)
class RemovedHistory:
    """How many runs and evaluations were removed; ``to_come``: there are more runs, and the time was up."""

    runs: int = 0
    evaluations: int = 0
    to_come: bool = False


def old_runs(instance: dg.DagsterInstance, days: int, now: datetime) -> int:
    """How many finished runs there are that ended more than so many days ago."""
    return instance.get_runs_count(_older(days, now))


def remove_old_history(
    instance: dg.DagsterInstance, days: int | None, now: datetime, *, seconds: float = float("inf")
) -> RemovedHistory:
    """Removes finished runs that ended more than so many ``days`` ago, with their events and logs (none without
    ``days``), for so many seconds; and evaluations of conditions but the newest."""
    deadline = time.monotonic() + seconds
    evaluations = _remove_evaluations(instance, now)
    removed = 0
    while days is not None:
        runs = instance.get_runs(_older(days, now), limit=_RUNS_AT_A_TIME)
        gone: list[str] = []
        try:
            for run in runs:
                if time.monotonic() >= deadline:
                    return RemovedHistory(removed + len(gone), evaluations, to_come=True)
                _remove_run(instance, run.run_id)
                gone.append(run.run_id)
        finally:
            # Whatever ends the loop: nothing finds the checks of a run that is gone at a later tick.
            _remove_checks(instance, gone)
        removed += len(gone)
        if len(runs) < _RUNS_AT_A_TIME:
            break
    return RemovedHistory(removed, evaluations)


def _older(days: int, now: datetime) -> dg.RunsFilter:
    return dg.RunsFilter(statuses=_FINISHED, updated_before=now - timedelta(days=days))


def _remove_run(instance: dg.DagsterInstance, run_id: str) -> None:
    with suppress(NotImplementedError):  # where logs are not kept, or not by Dagster
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    instance.delete_run(run_id)
    if isinstance(instance.event_log_storage, SqliteEventLogStorage):
        # Its database of the run stays, as large as it was and empty.
        for suffix in ("", "-wal", "-shm"):
            Path(f"{instance.event_log_storage.path_for_shard(run_id)}{suffix}").unlink(missing_ok=True)


def _remove_checks(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    """Dagster leaves what a removed run's checks found. The last verdict of each check stays."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage) or not run_ids:
        return
    checks = AssetCheckExecutionsTable.c
    last = select(func.max(checks.id)).group_by(checks.asset_key, checks.check_name)
    with storage.index_connection() as connection:
        connection.execute(AssetCheckExecutionsTable.delete().where(checks.run_id.in_(run_ids), checks.id.not_in(last)))


def _remove_evaluations(instance: dg.DagsterInstance, now: datetime) -> int:
    storage = instance.schedule_storage
    if not isinstance(storage, SqlScheduleStorage) or not storage.supports_auto_materialize_asset_evaluations:
        return 0
    evaluations = AssetDaemonAssetEvaluationsTable.c
    counted = select(func.count()).select_from(AssetDaemonAssetEvaluationsTable)
    with storage.connect() as connection:
        before: int = connection.execute(counted).scalar_one()
        newest = select(evaluations.id).order_by(evaluations.id.desc()).offset(EVALUATIONS_KEPT).limit(1)
        first_too_many = connection.execute(newest).scalar()
        if first_too_many is not None:
            connection.execute(AssetDaemonAssetEvaluationsTable.delete().where(evaluations.id <= first_too_many))
    storage.purge_asset_evaluations((now - EVALUATIONS_KEPT_FOR).timestamp())
    with storage.connect() as connection:
        left: int = connection.execute(counted).scalar_one()
    return max(before - left, 0)


@dataclass(frozen=True)
class Databases:
    """Dagster's SQLite databases of all runs: their bytes on disk, and how many of them hold nothing."""

    bytes: int = 0
    unused: int = 0


def databases(instance: dg.DagsterInstance) -> Databases | None:
    """None where Dagster's databases are not files here."""
    files = _files(instance)
    sizes = [_pages(file) for file in files]
    return Databases(sum(size for size, _ in sizes), sum(unused for _, unused in sizes)) if files else None


def compact(instance: dg.DagsterInstance, *, at_most: int | None = None) -> list[str]:
    """Gives back the room of what was removed, where that is most of a database; of one that holds more than
    ``at_most`` bytes only then when somebody asks for it, because others wait as long. Returns why some were not made
    smaller, a sentence each."""
    in_use: list[str] = []
    failed: list[str] = []
    for file in _files(instance):
        size, unused = _pages(file)
        if unused < max(size - unused, _WORTH_COMPACTING) or (at_most is not None and size - unused > at_most):
            continue
        try:
            with closing(sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError as error:
            name = os.path.basename(file)
            if error.sqlite_errorcode & _PRIMARY_CODE in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                in_use.append(name)
            else:
                failed.append(f"{name} was not made smaller: {error}.")
    return [*([f"In use, so not made smaller: {', '.join(in_use)}."] if in_use else []), *failed]


def _pages(file: str) -> tuple[int, int]:
    """Bytes of a database, and of those which hold nothing."""
    with closing(
        sqlite3.connect(f"{Path(file).absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
    ) as connection:
        size, pages, free = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count")
        )
    return size * pages, size * free


def _files(instance: dg.DagsterInstance) -> list[str]:
    return [file for file in map(_file, _connections(instance)) if file is not None and os.path.isfile(file)]


def _connections(instance: dg.DagsterInstance) -> Iterator[Connection]:
    if isinstance(instance.event_log_storage, SqlEventLogStorage):
        with instance.event_log_storage.index_connection() as connection:
            yield connection
    for storage in (instance.run_storage, instance.schedule_storage):
        if isinstance(storage, SqlRunStorage | SqlScheduleStorage):
            with storage.connect() as connection:
                yield connection


def _file(connection: Connection) -> str | None:
    engine = connection.engine
    return engine.url.database if engine.dialect.name == "sqlite" else None
