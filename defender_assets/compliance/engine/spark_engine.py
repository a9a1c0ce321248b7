"""Compliance on Spark 4: on a cluster, on this machine, or behind Spark Connect.

Here: everything that runs in a session of Spark. Not here: the way to Spark (``spark_driver.py``), the SQL in its
dialect (``spark_sql.py``), its spelling of files and types (``spark_files.py``), its errors (``spark_errors.py``).

Workers read the lake's files and write results as Parquet into a staging folder, from where this process streams them:
neither the driver nor this process holds more than a batch of a large result. What a SELECT reads more than once is
stored there too, which keeps plans small and survives a lost worker.
"""

import itertools
import tempfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ...catalog.table import Table
from ...lake import local_path
from ...lake.staging import Staging, open_staging
from ..errors import EngineError, EngineErrorKind
from ..inputs import Input, is_absent
from .base import BATCH_ROWS, Limits, Session
from .spark_driver import READING, SparkPlace
from .spark_errors import spark_errors
from .spark_files import File, by_schema, cast_columns, files_in, spark_address
from .spark_sql import Step, spark_statements

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class SparkEngine:
    """Sessions at ``place``. ``staging``: a folder or fsspec URL that every worker reaches; ``lake``: the lake's
    address, whose files the workers see too."""

    limits: Limits
    place: SparkPlace
    staging: str
    lake: str

    @property
    def name(self) -> str:
        return f"Spark ({self.place.words})"

    @contextmanager
    def session(self) -> Iterator[Session]:
        with ExitStack() as stack:
            with spark_errors(self.place.words):
                spark_address(self.staging)  # a place that no worker reaches is told before anything is started
                spark = stack.enter_context(self.place.session())
                staging = stack.enter_context(open_staging(self.staging))
            session = _SparkSession(spark, self, staging, stack)
            if not self.place.shares_files and (self.place.words, self.staging) not in _shared:
                session.require_shared_staging()
                _shared.add((self.place.words, self.staging))
            yield session


_shared: set[tuple[str, str]] = set()
"""Places and staging folders that this process found to be shared."""
_TRIED_ROWS = 64
"""Rows that are written to find that out, each by a task of its own: more than workers have cores, so that each worker
has a part in it, or nearly each of a large cluster."""


class _SparkSession(Session):
    def __init__(self, spark: "SparkSession", engine: SparkEngine, staging: Staging, stack: ExitStack) -> None:
        self._spark = spark
        self._engine = engine
        self._staging = staging
        self._stack = stack
        self._numbers = itertools.count(1)

    def register(self, table: Table, source: Input, *, name: str | None = None) -> None:
        view = name or table.name
        with self._errors():
            if is_absent(source):
                frame = self._nothing(table.schema)
            else:
                frame = self._read(table.schema, self._files(view, source))
            frame.createOrReplaceTempView(view)

    def register_rows(self, name: str, rows: pa.Table) -> None:
        with self._errors():
            # Of no rows Spark Connect knows no types.
            frame = self._spark.createDataFrame(rows) if rows.num_rows else self._nothing(rows.schema)
            frame.createOrReplaceTempView(name)

    def stream(self, sql: str, schema: pa.Schema, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        def batches() -> Generator[pa.RecordBatch, None, None]:
            with self._errors(), self._result(sql) as frame:
                folder = self._new("result")
                frame.selectExpr(*cast_columns(schema, schema.names)).write.parquet(self._spark_path(folder))
                is_written = False
                for file in self._staging.parts(folder):
                    is_written = True
                    for batch in file.iter_batches(batch_rows):
                        yield batch.cast(schema)
                # Of no rows Spark writes an empty file, and Sail none.
                if not is_written and frame.limit(1).toArrow().num_rows:
                    raise self._not_shared("the rows")
                self._staging.remove(folder)

        stream = batches()
        self._stack.callback(stream.close)
        return stream

    def require_shared_staging(self) -> None:
        """Raises EngineError where a worker writes to a folder of its own machine in place of the shared one. Spark
        does not notice: rows that it wrote would be missing from the table."""
        with self._errors():
            folder = self._new("shared")
            self._spark.range(0, _TRIED_ROWS, 1, _TRIED_ROWS).write.parquet(self._spark_path(folder))
            found = sum(file.metadata.num_rows for file in self._staging.parts(folder))
            if found != _TRIED_ROWS:
                raise self._not_shared(f"{_TRIED_ROWS - found} of {_TRIED_ROWS} rows")
            self._staging.remove(folder)

    def fetch(self, sql: str) -> pa.Table:
        with self._errors(), self._result(sql) as frame:
            return frame.toArrow()

    @contextmanager
    def _result(self, sql: str) -> "Iterator[DataFrame]":
        """A SELECT of ours, not yet computed; what it reads more than once is stored until the block ends."""
        steps, query = _statements(sql)
        with ExitStack() as stack:
            for step in steps:
                self._store(step, stack)
            yield self._spark.sql(query)

    def _store(self, step: Step, stack: ExitStack) -> None:
        folder = self._new(step.name)
        frame = self._spark.sql(step.sql)
        stack.callback(self._staging.remove, folder)
        frame.write.parquet(self._spark_path(folder))
        # As it was written: of expressions whose branches differ, Sail announces the type of the first.
        stored = self._spark.read.options(**READING).parquet(self._spark_path(folder))
        if not stored.columns:  # of no rows Sail writes nothing
            stored = frame.limit(0)
        elif stored.columns != frame.columns:
            raise EngineError(
                EngineErrorKind.FAILED,
                f"Spark read the columns {', '.join(stored.columns)} of an intermediate result that it wrote with "
                f"{', '.join(frame.columns)}: the staging folder holds something else",
            )
        stored.createOrReplaceTempView(step.name)
        stack.callback(self._spark.catalog.dropTempView, step.name)

    def _not_shared(self, what: str) -> EngineError:
        return EngineError(
            EngineErrorKind.FAILED,
            f"{what} that {self._engine.name} wrote are not where this process looks for them: set "
            "DEFENDER_SPARK_STAGING to a place that this machine and every worker share",
        )

    def _nothing(self, schema: pa.Schema) -> "DataFrame":
        return self._spark.sql(f"SELECT {', '.join(cast_columns(schema, ()))} WHERE false")

    def _read(self, declared: pa.Schema, files: list[File]) -> "DataFrame":
        """The rows of files in the catalog's columns. Files that differ in their columns are read each as it is."""
        frames = [
            self._spark.read.schema(read_as)
            .options(**READING)
            .parquet(*addresses)
            .selectExpr(*cast_columns(declared, held))
            for read_as, (addresses, held) in by_schema(declared, files).items()
        ]
        first, *others = frames
        for frame in others:
            first = first.unionByName(frame)
        return first

    def _files(self, view: str, source: Input) -> list[File]:
        """The files of an input, at addresses that the workers reach."""
        files = files_in(source)
        if files is None:
            rows: Any = source
            written = self._staging.write(
                rows if isinstance(rows, pa.Table) else rows.scanner().to_reader(), f"{self._new(view)}.parquet"
            )
            return [File(spark_address(written), rows.schema)]
        return [File(self._reachable(file.address), file.schema) for file in files]

    def _reachable(self, address: str) -> str:
        if "://" in address:
            return spark_address(address)
        file, here = Path(address), self._engine.place.shares_files
        # Spark takes hidden files for none at all: a draft is read under another name.
        is_hidden = file.name.startswith((".", "_"))
        if (here or self._is_shared(file)) and not is_hidden:
            return spark_address(address)
        if here or (self._is_shared(file) and self._staging.folder is not None):
            return spark_address(str(self._visible(file)))
        return spark_address(self._staging.put(file, f"{self._new('file')}.parquet"))

    def _is_shared(self, file: Path) -> bool:
        """Whether a file is in a folder that all machines have."""
        folders = [local_path(place) for place in (self._engine.lake, self._engine.staging)]
        return any(folder in file.absolute().parents for folder in folders if folder is not None)

    def _visible(self, file: Path) -> Path:
        folder = self._staging.folder
        if folder is None:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="defender-assets-")))
        link = folder / f"{self._new('draft')}.parquet"
        link.symlink_to(file.absolute())
        return link

    def _new(self, name: str) -> str:
        return f"{next(self._numbers)}-{name}"

    def _spark_path(self, path: str) -> str:
        return spark_address(self._staging.address(path))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with spark_errors(self._engine.place.words):
            yield


@lru_cache(maxsize=256)
def _statements(sql: str) -> tuple[tuple[Step, ...], str]:
    return spark_statements(sql)
