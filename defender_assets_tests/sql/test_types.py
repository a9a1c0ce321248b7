"""The SQL type of a column is the one that DuckDB gives its values."""

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from defender_assets.catalog import TABLES
from defender_assets.sql import identifier, sql_type


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


@pytest.mark.parametrize("table", TABLES)
def test_duckdb_has_the_same_type_for_every_column_of_the_catalog(
    table: str, connection: duckdb.DuckDBPyConnection
) -> None:
    schema = TABLES[table].schema
    connection.register("stored", schema.empty_table())
    declared = ", ".join(f"{identifier(field.name)} {sql_type(field.type)}" for field in schema)
    connection.execute(f"CREATE OR REPLACE TABLE declared ({declared})")
    assert connection.table("declared").types == connection.table("stored").types


def test_a_type_that_no_column_has_is_refused() -> None:
    with pytest.raises(TypeError, match="large_string"):
        sql_type(pa.large_string())
