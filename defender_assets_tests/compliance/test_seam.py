"""The engine's seam: everything that compliance asks goes through it, in words that another engine understands."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import sqlglot
from sqlglot.errors import ErrorLevel

from defender_assets.catalog import DERIVED, Table
from defender_assets.checks import Severity
from defender_assets.compliance import TABLE_CHECKS, Input, Policy, derive_one, headline_numbers
from defender_assets.compliance.engine import Limits, Session

from .tenant import AS_OF, ENGINE, Tenant, days


class RecordingSession(Session):
    """Passes everything on, and writes down the SQL."""

    def __init__(self, session: Session, queries: list[str]) -> None:
        self._session = session
        self._queries = queries

    def register(self, table: Table, source: Input, *, name: str | None = None) -> None:
        self._session.register(table, source, name=name)

    def register_rows(self, name: str, rows: pa.Table) -> None:
        self._session.register_rows(name, rows)

    def stream(self, sql: str, schema: pa.Schema, batch_rows: int = 1000) -> Iterator[pa.RecordBatch]:
        self._queries.append(sql)
        return self._session.stream(sql, schema, batch_rows)

    def fetch(self, sql: str) -> pa.Table:
        self._queries.append(sql)
        return self._session.fetch(sql)


class RecordingEngine:
    """A second engine, as far as its callers can tell."""

    limits = Limits("256MB", 1)

    def __init__(self) -> None:
        self.queries: list[str] = []

    @contextmanager
    def session(self) -> Iterator[Session]:
        with ENGINE.session() as session:
            yield RecordingSession(session, self.queries)


def test_everything_that_is_asked_of_an_engine_means_something_to_spark() -> None:
    engine, policy = RecordingEngine(), Policy.load()
    tenant = Tenant().machine("a").finding("a").antivirus("a").control("a", "scid-1")
    tenant.change("a", "Fixed", AS_OF - days(1)).add("machine_users", machine_id="a", id="contoso\\anna")
    inputs: dict[str, Input] = dict(tenant.inputs)
    for name in DERIVED:
        with derive_one(name, inputs, policy, engine=engine) as derivation:
            inputs[name] = derivation.reader().read_all()
        assert headline_numbers(name, inputs[name], engine=engine)
    # Warnings are about what so small a tenant lacks: a list of releases, the controls that the policy requires.
    checked = [check.run(inputs, policy, engine=engine) for check in TABLE_CHECKS]
    assert all(check.passed for check in checked if check.severity is Severity.ERROR)
    assert len(engine.queries) > 2 * len(DERIVED) + len(TABLE_CHECKS)
    for sql in set(engine.queries):
        sqlglot.transpile(sql, read="duckdb", write="spark", unsupported_level=ErrorLevel.RAISE)
