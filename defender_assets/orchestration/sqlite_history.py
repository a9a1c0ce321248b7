"""Dagster's SQLite databases, which are not opened anew for each event of the runs of this process.

Dagster opens a connection for each thing that it writes, four for an event of a table, and a first refresh has more
than a thousand events. Each connection compiles its statements again, waits for the disk at its commit, and, as the
last one to be closed, moves all that it wrote from the log of the database to its place, which waits twice more.

Here: a storage that keeps its connections. Not here: which folder it is for, and when it is used
(``dagster_home.py``).
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, _event_logs_directory
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event

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


class KeptOpenEvents(SqliteEventLogStorage):
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
