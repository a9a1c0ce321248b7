"""Compliance on DuckDB: in this process, in bounded memory, spilling to disk.

Here: everything that is DuckDB's own: settings, casts, ``read_parquet``, its errors. Not here: what is computed.
"""

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.dataset as ds

from ...catalog.table import Table
from ...settings.variables import variable
from ...sql import UNREADABLE, Connection, identifier, literals, open_session, sql_type
from ..errors import EngineError, EngineErrorKind
from ..inputs import Input, files_of, is_absent
from .base import BATCH_ROWS, Limits, Session


@dataclass(frozen=True)
class DuckDBEngine:
    """A DuckDB in memory for each session, which asks nothing of the network."""

    limits: Limits

    @contextmanager
    def session(self) -> Iterator[Session]:
        with ExitStack() as stack:
            with _errors_of(self.limits):
                connection = stack.enter_context(
                    open_session(
                        memory_limit=self.limits.memory,
                        threads=self.limits.threads,
                        temp_folder=self.limits.temporary_folder,
                        ordered=False,
                    )
                )
                # Joins keep the smaller side on the right, as the SQL files write them: what a policy exempts is
                # nothing or little, and DuckDB, which cannot know, would build a hash table of ten million findings to
                # look for it.
                connection.execute("SET disabled_optimizers = 'build_side_probe_side'")
            yield _DuckDBSession(connection, self.limits, stack)


class _DuckDBSession(Session):
    def __init__(self, connection: Connection, limits: Limits, stack: ExitStack) -> None:
        self._connection = connection
        self._limits = limits
        self._stack = stack

    def register(self, table: Table, source: Input, *, name: str | None = None) -> None:
        view = name or table.name
        with _errors_of(self._limits):
            if is_absent(source):
                columns = {column.name: "NULL" for column in table.all_columns}
                types: dict[str, str] = {}
                origin = "(SELECT 1) WHERE FALSE"
            else:
                origin = self._relation(view, source)
                described = self._connection.execute(f"DESCRIBE SELECT * FROM {origin}").fetchall()
                types = {row[0]: row[1] for row in described}
                columns = {c.name: identifier(c.name) if c.name in types else "NULL" for c in table.all_columns}
            expressions = []
            for column in table.all_columns:
                wanted, value = sql_type(column.arrow), columns[column.name]
                # A cast to the type it has already would keep DuckDB from pushing filters into the files.
                if types.get(column.name) != wanted:
                    value = f"CAST({value} AS {wanted})"
                expressions.append(f"{value} AS {identifier(column.name)}")
            self._connection.execute(
                f"CREATE OR REPLACE VIEW {identifier(view)} AS SELECT {', '.join(expressions)} FROM {origin}"
            )

    def register_rows(self, name: str, rows: pa.Table) -> None:
        with _errors_of(self._limits):
            self._connection.register(name, rows)

    def stream(self, sql: str, schema: pa.Schema, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        # Casts to the type that a column has already cost nothing.
        selected = ", ".join(
            f"CAST({identifier(field.name)} AS {sql_type(field.type)}) AS {identifier(field.name)}" for field in schema
        )

        def batches() -> Generator[pa.RecordBatch, None, None]:
            with (
                _errors_of(self._limits),
                self._connection.sql(f"SELECT {selected} FROM (\n{sql}\n) AS result").to_arrow_reader(
                    batch_rows
                ) as rows,
            ):
                for batch in rows:
                    yield batch.cast(schema)

        stream = batches()
        self._stack.callback(stream.close)
        return stream

    def fetch(self, sql: str) -> pa.Table:
        # By way of Arrow: DuckDB's own rows need pytz for a time, which nothing else here does.
        with _errors_of(self._limits):
            return self._connection.sql(sql).to_arrow_table()

    def _relation(self, view: str, source: Input) -> str:
        """What stands after FROM for an input that is there."""
        if isinstance(source, pa.Table | ds.Dataset):
            self._connection.register(f"_input_{view}", source)
            return identifier(f"_input_{view}")
        assert source is not None
        files = files_of(source)
        for scheme in {path.partition("://")[0] for path in files if "://" in path} - {"file"}:
            if not self._connection.filesystem_is_registered(scheme):
                self._connection.register_filesystem(fsspec.filesystem(scheme))
        # Files of several days may differ in their columns: union by name. Folder names are no columns.
        return f"read_parquet({literals(files)}, union_by_name = true, hive_partitioning = false)"


@contextmanager
def _errors_of(limits: Limits) -> Iterator[None]:
    """DuckDB's errors as the seam's own."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        message = (
            f"{limits.memory} of memory and the temporary folder were not enough; raise {variable('compute_memory')}"
        )
        raise EngineError(EngineErrorKind.OUT_OF_MEMORY, message) from error
    except duckdb.Error as error:
        kind = EngineErrorKind.INPUT_UNREADABLE if isinstance(error, UNREADABLE) else EngineErrorKind.FAILED
        raise EngineError(kind, f"{type(error).__name__}: {error}", str(error)) from error
