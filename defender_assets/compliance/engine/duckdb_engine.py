"""Compliance on DuckDB: in this process, in bounded memory, spilling to disk.

Here: everything that is DuckDB's own: settings, casts, ``read_parquet``, its errors. Not here: what is computed.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import fsspec
import pyarrow as pa

from ...catalog.table import Table
from ...sanitize import brief, redacted, without_stack
from ...settings.variables import variable
from ...sql import UNREADABLE, DuckDBConnection, identifier, literals, open_session, sql_type
from ..errors import EngineError, EngineErrorKind
from ..inputs import Input, files_of, is_absent
from .base import BATCH_ROWS, Limits, Session
from .duckdb_steps import stored_expressions

_UNREADABLE_WORDS = ("IO Error", "Invalid Input Error", "Conversion Error")
"""What the texts of UNREADABLE begin with."""
_INTERRUPTS = ("KeyboardInterrupt", "dagster._core.errors.DagsterExecutionInterruptedError")
"""What is raised in the main thread wherever it happens to be: here, where Arrow reads in Python within DuckDB."""


@dataclass(frozen=True)
class DuckDBEngine:
    """Each session is a DuckDB database in memory, which never uses the network by itself."""

    limits: Limits
    name = "DuckDB"

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
    def __init__(self, connection: DuckDBConnection, limits: Limits, stack: ExitStack) -> None:
        self._connection = connection
        self._limits = limits
        self._stack = stack

    def register(self, table: Table, source: Input, *, name: str | None = None) -> None:
        view = name or table.name
        with _errors_of(self._limits):
            if is_absent(source):
                origin, held = "(SELECT 1) WHERE FALSE", set()
            else:
                origin = self._relation(view, source)
                held = self._columns(origin, source)
            selected = ", ".join(
                _cast(identifier(column.name) if column.name in held else "NULL", column.name, column.arrow)
                for column in table.all_columns
            )
            self._connection.execute(f"CREATE OR REPLACE VIEW {identifier(view)} AS SELECT {selected} FROM {origin}")

    def register_rows(self, name: str, rows: pa.Table) -> None:
        with _errors_of(self._limits):
            self._connection.register(name, rows)

    def stream(self, sql: str, schema: pa.Schema, batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        selected = ", ".join(_cast(identifier(field.name), field.name, field.type) for field in schema)
        stored, rest = stored_expressions(sql)
        query = f"SELECT {selected} FROM (\n{rest}\n) AS result"

        def batches() -> Generator[pa.RecordBatch, None, None]:
            with _errors_of(self._limits):
                for expression in stored:
                    self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {expression.table} AS {expression.sql}")
                with self._connection.sql(query).to_arrow_reader(batch_rows) as rows:
                    for batch in rows:
                        yield batch.cast(schema)

        stream = batches()
        self._stack.callback(stream.close)
        return stream

    def fetch(self, sql: str) -> pa.Table:
        # By way of Arrow: DuckDB's own rows need pytz for a time, which nothing else here does.
        with _errors_of(self._limits):
            return self._connection.sql(sql).to_arrow_table()

    def _columns(self, origin: str, source: Input) -> set[str]:
        """The names of the columns of an input that is present."""
        if isinstance(source, pa.Table):
            return set(source.schema.names)
        return {row[0] for row in self._connection.execute(f"DESCRIBE SELECT * FROM {origin}").fetchall()}

    def _relation(self, view: str, source: Input) -> str:
        """What follows FROM for an input that is present."""
        assert source is not None
        if not isinstance(source, str | Path | Sequence):  # an Arrow table or dataset
            self._connection.register(f"_input_{view}", source)
            return identifier(f"_input_{view}")
        files = files_of(source)
        for scheme in {path.partition("://")[0] for path in files if "://" in path} - {"file"}:
            if not self._connection.filesystem_is_registered(scheme):
                self._connection.register_filesystem(fsspec.filesystem(scheme))
        # Files of several days may differ in their columns: union by name. Folder names are no columns.
        return f"read_parquet({literals(files)}, union_by_name = true, hive_partitioning = false)"


def _cast(value: str, name: str, arrow: pa.DataType) -> str:
    """A value as a column of the catalog's type. A cast to the type that it has already costs nothing."""
    return f"CAST({value} AS {sql_type(arrow)}) AS {identifier(name)}"


@contextmanager
def _errors_of(limits: Limits) -> Iterator[None]:
    """DuckDB's errors in this block as the seam's own."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        # Arrow keeps of it only the text of its stack, whose last line it is.
        if str(error).rstrip().rpartition("\n")[2].startswith(_INTERRUPTS):
            raise KeyboardInterrupt from error
        raise _engine_error(error, limits) from error


def _engine_error(error: Exception, limits: Limits) -> EngineError:
    # What fails after the first batch of a stream is raised by Arrow's reader: DuckDB's words without its type.
    text = without_stack(str(error))
    if isinstance(error, duckdb.OutOfMemoryException) or text.startswith("Out of Memory Error"):
        setting = variable("compute_memory")
        return EngineError(
            EngineErrorKind.OUT_OF_MEMORY,
            f"{limits.memory} of memory and the temporary folder were not enough; raise {setting}",
        )
    unreadable = isinstance(error, UNREADABLE) or text.startswith(_UNREADABLE_WORDS)
    kind = EngineErrorKind.INPUT_UNREADABLE if unreadable else EngineErrorKind.FAILED
    return EngineError(kind, brief(error), redacted(text.strip().partition("\n")[0]))
