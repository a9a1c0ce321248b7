"""Dagster's SQLite databases, which are not opened anew for each event of the runs of this process.

Dagster opens a connection for each thing that it writes, four for an event of a table, and a first refresh has more
than a thousand events. Each connection compiles its statements again, waits for the disk at its commit, and, as the
last one to be closed, moves all that it wrote from the log of the database to its place, which waits twice more.

Here: storages that keep their connections, in a folder and in memory. Not here: which folder it is, and when which is
used (``dagster_home.py``).
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import dagster as dg
from dagster._core.instance.types import InstanceType
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.run_coordinator import DefaultRunCoordinator
from dagster._core.storage.event_log import InMemoryEventLogStorage, SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.root import TemporaryLocalArtifactStorage
from dagster._core.storage.runs import InMemoryRunStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, _event_logs_directory
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

_MOST_OPEN = 16
"""Databases that are kept open: each run has one, beside that of all runs."""


class SqliteHistory(DagsterSqliteStorage):
    """Dagster's own storage in SQLite, but that the events are written by ``KeptOpenEvents``."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data=inst_data)
        self._event_log_storage = KeptOpenEvents(_event_logs_directory(base_dir))

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """What Dagster makes it by, of its configuration."""
        return cls.from_local(inst_data=inst_data, **config_value)


class _KnownTables(SqlEventLogStorage):
    """Events in a database whose tables, once there, stay: each is looked for once."""

    def __init__(self, *arguments: Any) -> None:
        self._tables: set[str] = set()
        super().__init__(*arguments)  # type: ignore[no-untyped-call]

    def has_table(self, table_name: str) -> bool:
        """Whether there is a table of this name."""
        if table_name not in self._tables and super().has_table(table_name):  # type: ignore[safe-super]
            self._tables.add(table_name)
        return table_name in self._tables


class KeptOpenEvents(_KnownTables, SqliteEventLogStorage):
    """Dagster's events in the same files, of which those that were used last are kept open, and commits do not wait for
    the disk.

    Whatever ends this process, what was committed stays. When the machine itself fails, the last events may be missing,
    never half there (https://sqlite.org/pragma.html#pragma_synchronous); the partitions they told of are in the lake,
    and are recorded from there (``lake_partitions.py``).
    """

    def __init__(self, base_dir: str) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        super().__init__(base_dir)

    # What every method that reads or writes goes through. Should a later Dagster have another way, it is only slower.
    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        if shard not in self._initialized_dbs:
            with super()._connect(shard):
                pass  # it makes the tables
        with self._db_lock:  # one connection at a time
            engine = self._engines.pop(shard, None) or self._open(shard)
            self._engines[shard] = engine
            while len(self._engines) > _MOST_OPEN:
                self._engines.popitem(last=False)[1].dispose()
            with engine.begin() as connection:
                yield connection

    def _open(self, shard: str) -> Engine:
        engine = create_engine(self.conn_string_for_shard(shard), connect_args={"timeout": 30})
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=NORMAL"))
        return engine

    def dispose(self) -> None:
        """Closes what is open."""
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
        super().dispose()


class EventsInMemory(_KnownTables, InMemoryEventLogStorage):
    """Dagster's events in memory, for which one connection is kept: threads have it in turn."""

    def __init__(self) -> None:
        super().__init__()
        # Whichever thread ends the instance closes it; SQLite would otherwise allow that to the one that opened it.
        self._kept = create_engine(self._engine.url, poolclass=StaticPool, connect_args={"check_same_thread": False})
        event.listen(self._kept, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON"))

    # As of KeptOpenEvents.
    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        with self._db_lock, self._kept.begin() as connection:  # one connection at a time
            yield connection

    def dispose(self) -> None:
        """Forgets them all."""
        self._kept.dispose()
        super().dispose()  # type: ignore[no-untyped-call]


def history_in_memory() -> dg.DagsterInstance:
    """An instance that ends with its block, as ``DagsterInstance.ephemeral`` makes it but for the events."""
    return dg.DagsterInstance(
        instance_type=InstanceType.EPHEMERAL,
        local_artifact_storage=TemporaryLocalArtifactStorage(),  # type: ignore[no-untyped-call]
        run_storage=InMemoryRunStorage(),
        event_storage=EventsInMemory(),
        compute_log_manager=NoOpComputeLogManager(),
        run_coordinator=DefaultRunCoordinator(),
        run_launcher=SyncInMemoryRunLauncher(),
        settings={"telemetry": {"enabled": False}},
    )
