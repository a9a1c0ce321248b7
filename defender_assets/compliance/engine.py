"""Tables in, tables out: runs the SQL of derived tables on DuckDB, with memory bounded.

Here: one table, or all of them in order; rows go out as a stream, so that ten million findings never sit in Python's
memory.
Not here: what the tables mean (``sql/``), where results are kept (the lake), when they are made (the orchestration).
"""

import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ..catalog.derived import DERIVED, DerivedTable
from .errors import DerivationFailed, InputMissing
from .inputs import KNOWN, Input, Inputs, create_view, is_absent, sql_name, sql_type
from .policy import Policy

BATCH_ROWS = 131_072
_WHEN_OBSERVED = ("observed_at", "as_of")


@dataclass(frozen=True)
class Limits:
    """What the computation may take. 512 MB are enough for ten million findings, a gigabyte is faster."""

    memory_limit: str = "1GB"
    threads: int = 2
    temp_directory: Path | None = None


@dataclass(frozen=True)
class Derivation:
    """A derived table about to be read, within the block that made it.

    ``absent`` are the optional inputs that were not there; ``observed`` says, of each input that was, when its newest
    row was observed; ``as_of`` is the moment everything is judged at.
    """

    table: DerivedTable
    policy: Policy
    as_of: datetime | None
    absent: tuple[str, ...]
    observed: dict[str, datetime | None]
    _open: Callable[[int], pa.RecordBatchReader] = field(repr=False)

    @property
    def ages(self) -> dict[str, timedelta]:
        """Age of each input at ``as_of``; what was observed after it has age nought."""
        if self.as_of is None:
            return {}
        return {name: max(self.as_of - seen, timedelta()) for name, seen in self.observed.items() if seen is not None}

    def reader(self, batch_rows: int = BATCH_ROWS) -> pa.RecordBatchReader:
        """The rows as a stream of record batches in the catalog's schema. Computing goes on while they are read.

        Reading raises DerivationFailed where the computation fails half-way: what was read so far is not the table.
        """
        return self._open(batch_rows)

    def read(self) -> pa.Table:
        """All rows at once."""
        return self.reader().read_all()


@dataclass(frozen=True)
class Summary:
    """What there is to say of a derived table's rows."""

    rows: int
    as_of: datetime | None
    headlines: dict[str, int | float | None]


def sql_of(table: str) -> str:
    """The SQL file of a derived table, as an auditor would read it."""
    return files(__package__).joinpath("tables").joinpath(DERIVED[table].sql).read_text(encoding="utf-8")


def connect(limits: Limits, folder: Path) -> duckdb.DuckDBPyConnection:
    """An embedded DuckDB that spills to ``folder`` when its memory is used up, and asks nothing of the network."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": limits.memory_limit,
            "threads": str(limits.threads),
            "temp_directory": str(folder / "spill"),
            "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    # Joins keep the smaller side on the right, as the SQL files write them: what a policy exempts is nothing or little,
    # and DuckDB, which cannot know, would build a hash table of ten million findings to look for it.
    connection.execute("SET disabled_optimizers = 'build_side_probe_side'")
    return connection


def one_row(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any]:
    """The one row of a query. By way of Arrow: DuckDB's own rows need pytz for a time, which nothing else here does."""
    return connection.sql(query).to_arrow_table().to_pylist()[0]


def missing_inputs(table: str, inputs: Inputs) -> tuple[str, ...]:
    """The needed inputs of a derived table that are absent."""
    return tuple(name for name in DERIVED[table].inputs if is_absent(inputs.get(name)))


def _observed(connection: duckdb.DuckDBPyConnection, name: str) -> datetime | None:
    column = next((c for c in _WHEN_OBSERVED if c in KNOWN[name].schema.names), None)
    if column is None:
        return None
    return one_row(connection, f"SELECT max({column}) AS newest FROM {sql_name(name)}")["newest"]


def _query(table: DerivedTable) -> str:
    """The table's SQL, selecting the catalog's columns in the catalog's types (casts to the same type cost nothing)."""
    selected = ", ".join(
        f"CAST({sql_name(c.name)} AS {sql_type(c.arrow)}) AS {sql_name(c.name)}" for c in table.columns
    )
    return f"SELECT {selected} FROM (\n{sql_of(table.name)}\n) AS result"


def _failed(table: str, limits: Limits, error: duckdb.Error) -> DerivationFailed:
    if isinstance(error, duckdb.OutOfMemoryException):
        return DerivationFailed(
            table, f"{limits.memory_limit} of memory and the temporary folder were not enough; raise memory_limit"
        )
    return DerivationFailed(table, f"{type(error).__name__}: {error}")


@contextmanager
def _session(policy: Policy | None, limits: Limits) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A connection with the policy's tables, and a folder, both gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="defender-assets-", dir=limits.temp_directory) as folder,
        connect(limits, Path(folder)) as connection,
    ):
        for name, rows in policy.tables.items() if policy else ():
            connection.register(name, rows)
        yield connection, Path(folder)


@contextmanager
def views(inputs: Inputs, *, limits: Limits = Limits()) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection on which every input is a view of its name."""
    with _session(None, limits) as (connection, _):
        for name, source in inputs.items():
            create_view(connection, name, source)
        yield connection


def _derivation(
    connection: duckdb.DuckDBPyConnection,
    table: DerivedTable,
    inputs: Inputs,
    policy: Policy,
    limits: Limits,
    stack: ExitStack,
) -> Derivation:
    """A table ready to be read; its inputs are views of the connection. ``stack`` ends what is left half-read."""
    names = (*table.inputs, *table.optional_inputs)
    observed = {name: _observed(connection, name) for name in names if not is_absent(inputs.get(name))}
    query = _query(table)

    def opened(batch_rows: int) -> pa.RecordBatchReader:
        def batches() -> Generator[pa.RecordBatch, None, None]:
            try:
                with connection.sql(query).to_arrow_reader(batch_rows) as rows:
                    for batch in rows:
                        yield batch.cast(table.schema)
            except duckdb.Error as error:
                raise _failed(table.name, limits, error) from error

        stream = batches()
        stack.callback(stream.close)
        return pa.RecordBatchReader.from_batches(table.schema, stream)

    absent = tuple(name for name in table.optional_inputs if is_absent(inputs.get(name)))
    return Derivation(table, policy, _as_of(observed), absent, observed, opened)


def _as_of(observed: Mapping[str, datetime | None]) -> datetime | None:
    """When the day's machines were observed; without them, when the newest input was."""
    for name in ("device_identity", "machines"):
        if observed.get(name) is not None:
            return observed[name]
    return max((seen for seen in observed.values() if seen is not None), default=None)


@contextmanager
def derive_one(table: str, inputs: Inputs, policy: Policy, *, limits: Limits = Limits()) -> Iterator[Derivation]:
    """One derived table from its inputs (raw, reference and formerly derived tables, by name), readable in the block.

    Raises InputMissing where a needed input is absent and DerivationFailed where the computation fails.
    """
    if missing := missing_inputs(table, inputs):
        raise InputMissing(table, missing)
    derived = DERIVED[table]
    with ExitStack() as stack:
        try:
            connection, _ = stack.enter_context(_session(policy, limits))
            for name in (*derived.inputs, *derived.optional_inputs):
                create_view(connection, name, inputs.get(name))
            derivation = _derivation(connection, derived, inputs, policy, limits, stack)
        except duckdb.Error as error:
            raise _failed(table, limits, error) from error
        yield derivation


def _summary(connection: duckdb.DuckDBPyConnection, table: DerivedTable) -> Summary:
    """What there is to say of a table that is a view of the connection."""
    headlines = "".join(f", {headline.sql} AS {sql_name(headline.name)}" for headline in table.headlines)
    row = one_row(connection, f"SELECT count(*) AS _rows, max(as_of) AS _as_of{headlines} FROM {sql_name(table.name)}")
    return Summary(row.pop("_rows"), row.pop("_as_of"), row)


def summarize(table: str, source: Input, *, limits: Limits = Limits()) -> Summary:
    """Row count, as_of and headline numbers of a derived table, wherever its rows are."""
    try:
        with views({table: source}, limits=limits) as connection:
            return _summary(connection, DERIVED[table])
    except duckdb.Error as error:
        raise _failed(table, limits, error) from error


def computable(inputs: Inputs) -> dict[str, tuple[str, ...]]:
    """Every derived table, in order, with what it lacks: nothing, or names of raw or reference tables.

    Derived tables that can be computed count as there.
    """
    lacks: dict[str, tuple[str, ...]] = {}
    for table in DERIVED.values():
        wanting: set[str] = set()
        for name in table.inputs:
            if is_absent(inputs.get(name)):
                wanting |= set(lacks[name]) if name in lacks else {name}
        lacks[table.name] = tuple(sorted(wanting))
    return lacks


def _needed(tables: Sequence[str], inputs: Inputs) -> set[str]:
    """The tables asked for, and the derived ones that they need and the inputs lack."""
    needed: set[str] = set()
    for table in reversed(DERIVED.values()):
        if table.name in tables or table.name in needed:
            needed.add(table.name)
            needed |= {name for name in table.inputs if name in DERIVED and is_absent(inputs.get(name))}
    return needed


def derive(
    tables: Sequence[str] | None, inputs: Inputs, policy: Policy, *, limits: Limits = Limits()
) -> Iterator[tuple[Derivation, Summary]]:
    """The derived tables asked for (all that can be computed with None), in the order in which they need each other.

    Derived tables that others need are computed on the way unless ``inputs`` has them. Each is computed whole into a
    private file first, and can be read until the next is asked for. Raises InputMissing and DerivationFailed.
    """
    wanted = [name for name, lacks in computable(inputs).items() if not lacks] if tables is None else list(tables)
    needed = _needed(wanted, inputs)
    known: dict[str, Input] = dict(inputs)
    seen: set[str] = set()
    with _session(policy, limits) as (connection, folder), ExitStack() as stack:
        for table in DERIVED.values():
            if table.name not in needed:
                continue
            if missing := missing_inputs(table.name, known):
                raise InputMissing(table.name, missing)
            path = folder / f"{table.name}.parquet"
            try:
                for name in (*table.inputs, *table.optional_inputs):
                    if name not in seen:
                        create_view(connection, name, known.get(name))
                seen |= {*table.inputs, *table.optional_inputs}
                derivation = _derivation(connection, table, known, policy, limits, stack)
                _spool(derivation.reader(), path)
                create_view(connection, table.name, path)
                summary = _summary(connection, table)
            except duckdb.Error as error:
                raise _failed(table.name, limits, error) from error
            known[table.name] = path
            seen.add(table.name)
            if table.name in wanted:
                yield replace(derivation, _open=partial(_from_file, path)), summary


def _spool(reader: pa.RecordBatchReader, path: Path) -> None:
    with pq.ParquetWriter(path, reader.schema, compression="lz4") as writer:
        for batch in reader:
            writer.write_batch(batch)


def _from_file(path: Path, batch_rows: int) -> pa.RecordBatchReader:
    file = pq.ParquetFile(path)
    return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(batch_size=batch_rows))
