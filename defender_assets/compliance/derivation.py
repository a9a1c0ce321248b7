"""One derived table from its inputs, as a stream.

Here: which inputs are present, how old they are, and the result of the table's SQL as a stream, so that ten million
findings are never in Python's memory at once. Not here: what the tables mean (``tables/``), running the SQL
(``engine/``), which partitions are read and where results are stored (``refresh/derived.py``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa

from ..catalog import DERIVED, TABLES, DerivedTable
from ..catalog.derived.table import ABSENT_INPUTS
from ..scope import SEVERITY_LEVELS
from ..scope.left_out import ALL_OF_THE_TENANT, ScopeOfTables
from .engine import Engine, Session
from .engine.base import BATCH_ROWS
from .errors import InputMissing, failures_of
from .inputs import Inputs, is_absent
from .policy import Policy
from .rest_of_fleet import NO_REST, RestOfFleet
from .sql_files import table_sql

INPUT_STATE = "input_state"
"""A table of one row that every table's SQL can read: which of its inputs are absent, and what the scope left out."""
DEVICES_OUT_OF_SCOPE = "devices_out_of_scope"
"""A table that every table's SQL can read: the ids of the devices that the scope left out of the day's machines."""
NO_DEVICES = pa.nulls(0, pa.string())  # an array made of Python values would import pandas


@dataclass(frozen=True)
class Derivation:
    """A derived table about to be read, within the block that computes it.

    ``absent`` are the optional inputs that were not there; ``observed`` says, of each input that was, when its newest
    row was observed; ``as_of`` is the moment everything is judged at.
    """

    table: DerivedTable
    as_of: datetime | None
    absent: tuple[str, ...]
    observed: dict[str, datetime | None]
    _open: Callable[[int], Iterator[pa.RecordBatch]] = field(repr=False)

    @property
    def ages(self) -> dict[str, timedelta]:
        """Age of each input at ``as_of``; zero for an input that was observed later."""
        if self.as_of is None:
            return {}
        return {name: max(self.as_of - seen, timedelta()) for name, seen in self.observed.items() if seen is not None}

    def reader(self, batch_rows: int = BATCH_ROWS) -> pa.RecordBatchReader:
        """The rows as a stream of record batches in the catalog's schema. Computing goes on while they are read.

        Reading raises DerivationFailed where the computation fails half-way: what was read so far is not the table.
        """
        return pa.RecordBatchReader.from_batches(self.table.schema, self._open(batch_rows))


@contextmanager
def derive_one(
    table: str,
    inputs: Inputs,
    policy: Policy,
    *,
    engine: Engine,
    scope: ScopeOfTables = ALL_OF_THE_TENANT,
    left_out_devices: pa.Array | None = NO_DEVICES,
    rest: RestOfFleet = NO_REST,
) -> Iterator[Derivation]:
    """One derived table from its inputs (raw, reference and other derived tables, by name), readable in the block.
    ``scope``: which part of the tenant they hold; ``left_out_devices``: the devices out of it, None where nobody knows;
    ``rest``: what is to be known of these.

    Raises InputMissing where a needed input is absent and DerivationFailed where the computation fails.
    """
    derived = DERIVED[table]
    if missing := tuple(name for name in derived.inputs if is_absent(inputs.get(name))):
        raise InputMissing(table, missing)
    names = (*derived.inputs, *derived.optional_inputs)
    with ExitStack() as stack:
        with failures_of(table):
            session = stack.enter_context(engine.session())
            for name in names:
                session.register(TABLES[name], inputs.get(name))
            absent = tuple(name for name in derived.optional_inputs if is_absent(inputs.get(name)))
            outside = NO_DEVICES if left_out_devices is None else left_out_devices
            small = {
                **policy.tables,
                INPUT_STATE: input_state(absent, scope, left_out_devices, rest),
                DEVICES_OUT_OF_SCOPE: pa.table({"device_id": outside}),
                **rest.tables(),
            }
            session.register_those_read(small, by=table_sql(table))
            observed = _observed(session, [name for name in names if not is_absent(inputs.get(name))])

        def batches(batch_rows: int) -> Iterator[pa.RecordBatch]:
            with failures_of(table):
                yield from session.stream(table_sql(table), derived.schema, batch_rows)

        yield Derivation(derived, _as_of(observed), absent, observed, batches)


def input_state(
    absent: tuple[str, ...],
    scope: ScopeOfTables = ALL_OF_THE_TENANT,
    left_out_devices: pa.Array | None = NO_DEVICES,
    rest: RestOfFleet = NO_REST,
) -> pa.Table:
    """One row: the absent inputs, for the tables' column of that name; the scope in words, how many machine records and
    findings it leaves out, the rank of its least severity (1, low, to 4, critical; null where there is none),
    whether it is unknown which devices (``left_out_devices`` is None), and whether it is unknown what they run."""
    severity = scope.severity.get("software_vulnerabilities")
    rank = None if severity is None else SEVERITY_LEVELS.index(severity) + 1
    return pa.table(
        {
            ABSENT_INPUTS.name: pa.array([", ".join(absent) or None], pa.string()),
            "fleet_scope": pa.array([scope.words], pa.string()),
            "machines_out_of_scope": pa.array([scope.rows_left_out("machines")], pa.int64()),
            "findings_out_of_scope": pa.array([scope.rows_left_out("software_vulnerabilities")], pa.int64()),
            "least_severity_rank": pa.array([rank], pa.int64()),
            "lacks_devices_out_of_scope": pa.array([left_out_devices is None], pa.bool_()),
            "lacks_rest_of_fleet": pa.array([not rest.is_known], pa.bool_()),
        }
    )


def _observed(session: Session, tables: Sequence[str]) -> dict[str, datetime | None]:
    """When the newest row of each registered input was observed. One query: an engine takes longer to plan several
    than to look at some thousand rows."""
    if not tables:
        return {}
    columns = {name: "observed_at" if "observed_at" in TABLES[name].schema.names else "as_of" for name in tables}
    found = session.rows(
        " UNION ALL ".join(
            f"SELECT '{name}' AS input, max({column}) AS newest FROM {name}" for name, column in columns.items()
        )
    )
    newest = {row["input"]: row["newest"] for row in found}
    return {name: newest[name] for name in tables}


def _as_of(observed: Mapping[str, datetime | None]) -> datetime | None:
    """When the day's machines were observed; without them, when the newest input was."""
    for name in ("device_identity", "machines"):
        if observed.get(name) is not None:
            return observed[name]
    return max((seen for seen in observed.values() if seen is not None), default=None)
