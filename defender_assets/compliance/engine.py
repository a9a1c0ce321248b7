"""Tables in, tables out: runs the SQL of derived tables on DuckDB, with memory bounded.

Here: one table, or all of them in order. A table is computed whole into a private Parquet file before its first row is
handed out, so that a failure hands out nothing and ten million findings never sit in Python's memory.
Not here: what the tables mean (``sql/``), where results are kept (the lake), when they are made (the orchestration).
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path

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
    """A computed table: its rows in a private file, which lasts as long as the block or step that made it.

    ``absent`` are the optional inputs that were not there; ``observed`` says, of each input that was, when its newest row
    was observed.
    """

    table: DerivedTable
    path: Path
    rows: int
    headlines: dict[str, int | float | None]
    policy: Policy
    as_of: datetime | None
    absent: tuple[str, ...] = ()
    observed: dict[str, datetime | None] = field(default_factory=dict)

    @property
    def ages(self) -> dict[str, timedelta]:
        """Age of each input at ``as_of``; what was observed after it has age nought."""
        if self.as_of is None:
            return {}
        return {name: max(self.as_of - seen, timedelta()) for name, seen in self.observed.items() if seen is not None}

    def reader(self, batch_rows: int = BATCH_ROWS) -> pa.RecordBatchReader:
        """The rows as a stream of record batches in the catalog's schema."""
        schema = self.table.schema

        def batches() -> Iterator[pa.RecordBatch]:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(batch_size=batch_rows, columns=schema.names):
                    yield batch.select(schema.names).cast(schema)

        return pa.RecordBatchReader.from_batches(schema, batches())

    def read(self) -> pa.Table:
        """All rows at once."""
        return self.reader().read_all()


def sql_of(table: str) -> str:
    """The SQL file of a derived table, as an auditor would read it."""
    return files(__package__).joinpath("sql").joinpath(DERIVED[table].sql).read_text(encoding="utf-8")


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
    return connection


def prepare(connection: duckdb.DuckDBPyConnection, names: Sequence[str], inputs: Inputs, policy: Policy) -> None:
    """Views of the inputs and tables of the policy, as the SQL files expect them."""
    for name, rows in policy.tables.items():
        connection.register(name, rows)
    for name in names:
        create_view(connection, name, inputs.get(name))


def missing_inputs(table: str, inputs: Inputs) -> tuple[str, ...]:
    """The needed inputs of a derived table that are absent."""
    return tuple(name for name in DERIVED[table].inputs if is_absent(inputs.get(name)))


def _observed(connection: duckdb.DuckDBPyConnection, name: str) -> datetime | None:
    column = next((c for c in _WHEN_OBSERVED if c in KNOWN[name].schema.names), None)
    if column is None:
        return None
    row = connection.execute(f"SELECT max({column}) FROM {sql_name(name)}").fetchone()
    return row[0] if row else None


def _write(connection: duckdb.DuckDBPyConnection, table: DerivedTable, target: Path) -> None:
    """The table's rows, in the catalog's columns and types, as one Parquet file."""
    query = sql_of(table.name)
    types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {query}").fetchall()}
    if set(types) != set(table.schema.names):
        raise DerivationFailed(
            table.name, f"{table.sql} and the catalog differ in {sorted(set(types) ^ set(table.schema.names))}"
        )
    selected = ", ".join(
        sql_name(c.name)
        if types[c.name] == sql_type(c.arrow)
        else f"CAST({sql_name(c.name)} AS {sql_type(c.arrow)}) AS {sql_name(c.name)}"
        for c in table.all_columns
    )
    # Read once and deleted: quick to write matters more than small.
    connection.execute(
        f"COPY (SELECT {selected} FROM (\n{query}\n) AS result) TO '{target}' "
        "(FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE 131072)"
    )


def _summed_up(
    connection: duckdb.DuckDBPyConnection, table: DerivedTable, target: Path
) -> tuple[int, datetime | None, dict[str, int | float | None]]:
    """(rows, as_of, headline numbers) of a written table."""
    expressions = ["count(*)", "max(as_of)", *(headline.sql for headline in table.headlines)]
    row = connection.execute(f"SELECT {', '.join(expressions)} FROM read_parquet('{target}')").fetchone()
    assert row is not None
    names = [headline.name for headline in table.headlines]
    return row[0], row[1], dict(zip(names, row[2:], strict=True))


def _derived(table: DerivedTable, inputs: Inputs, policy: Policy, limits: Limits, folder: Path) -> Derivation:
    if missing := missing_inputs(table.name, inputs):
        raise InputMissing(table.name, missing)
    names = (*table.inputs, *table.optional_inputs)
    target = folder / f"{table.name}.parquet"
    try:
        with connect(limits, folder) as connection:
            prepare(connection, names, inputs, policy)
            _write(connection, table, target)
            rows, as_of, headlines = _summed_up(connection, table, target)
            present = [name for name in names if not is_absent(inputs.get(name))]
            observed = {name: _observed(connection, name) for name in present}
    except duckdb.OutOfMemoryException:
        raise DerivationFailed(
            table.name, f"{limits.memory_limit} of memory and the temporary folder were not enough; raise memory_limit"
        ) from None
    except duckdb.Error as error:
        raise DerivationFailed(table.name, f"{type(error).__name__}: {error}") from error
    absent = tuple(name for name in table.optional_inputs if is_absent(inputs.get(name)))
    return Derivation(table, target, rows, headlines, policy, as_of, absent, observed)


@contextmanager
def derive_one(table: str, inputs: Inputs, policy: Policy, *, limits: Limits = Limits()) -> Iterator[Derivation]:
    """One derived table from its inputs (raw, reference and formerly derived tables, by name).

    Raises InputMissing where a needed input is absent, DerivationFailed where the computation fails; either way before
    any row is handed out. The rows can be read within the block.
    """
    with tempfile.TemporaryDirectory(prefix="defender-assets-", dir=limits.temp_directory) as folder:
        yield _derived(DERIVED[table], inputs, policy, limits, Path(folder))


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
) -> Iterator[Derivation]:
    """The derived tables asked for (all that can be computed with None), in the order in which they need each other.

    Derived tables that others need are computed on the way unless ``inputs`` has them. Each result can be read until
    the next is asked for. Raises InputMissing and DerivationFailed as ``derive_one`` does.
    """
    wanted = [name for name, lacks in computable(inputs).items() if not lacks] if tables is None else list(tables)
    needed = _needed(wanted, inputs)
    known: dict[str, Input] = dict(inputs)
    with tempfile.TemporaryDirectory(prefix="defender-assets-", dir=limits.temp_directory) as folder:
        for table in DERIVED.values():
            if table.name not in needed:
                continue
            derivation = _derived(table, known, policy, limits, Path(folder))
            known[table.name] = str(derivation.path)
            if table.name in wanted:
                yield derivation
