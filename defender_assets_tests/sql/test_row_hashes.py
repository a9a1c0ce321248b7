"""Rows as 128 bits: what makes two rows different, and what does not."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from defender_assets.catalog import DATASETS
from defender_assets.sql import SqlError, row_hasher

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("number", pa.int64()),
        ("score", pa.float64()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("names", pa.list_(pa.string())),
        ("user", pa.struct([("name", pa.string()), ("domain", pa.string())])),
        ("files", pa.list_(pa.struct([("name", pa.string()), ("size", pa.int64())]))),
    ]
)
ROW = {
    "id": "a",
    "number": 1,
    "score": 0.1,
    "at": datetime(2026, 3, 2, 11, 5, 47, 204118, tzinfo=UTC),
    "names": ["x", "y"],
    "user": {"name": "u", "domain": None},
    "files": [{"name": "ä\n", "size": 1}, {"name": None, "size": 2}],
}
DIFFERENT = [
    {"number": None},
    {"score": 0.1 + 2**-55},
    {"at": ROW["at"].replace(microsecond=204119)},
    {"id": ""},
    {"id": None},
    {"id": "NULL"},
    {"names": ["x"]},
    {"names": ["x,y"]},
    {"names": []},
    {"names": None},
    {"user": None},
    {"user": {"name": None, "domain": "u"}},
    {"user": {"name": None, "domain": None}},
    {"files": None},
    {"files": []},
    {"files": [*ROW["files"], ROW["files"][0]]},
    {"files": [{"name": "ä\n", "size": 2}, {"name": None, "size": 1}]},
    {"files": [{"name": "ä\n", "size": 1}, None]},
]


def hashes_of(*tables: pa.Table) -> list[tuple[int, int]]:
    with row_hasher(SCHEMA, SCHEMA.names) as hashes:
        return [tuple(line) for table in tables for line in hashes(table).tolist()]


def table(*rows: dict) -> pa.Table:
    return pa.Table.from_pylist(list(rows), SCHEMA)


def test_no_two_rows_that_differ_have_the_same_hash():
    rows = [ROW, *({**ROW, **change} for change in DIFFERENT)]
    assert len(set(hashes_of(table(*rows)))) == len(rows)


def test_equal_rows_have_the_same_hash_from_whatever_batches_and_files_they_come(tmp_path):
    rows = [{**ROW, "number": number} for number in range(5_000)]
    whole = table(*rows)
    pq.write_table(whole, tmp_path / "rows.parquet", use_dictionary=True)
    batches = pq.ParquetFile(tmp_path / "rows.parquet").iter_batches(batch_size=77)
    assert hashes_of(whole) == hashes_of(*(pa.Table.from_batches([batch]) for batch in batches))
    assert hashes_of(whole.slice(4_000, 10)) == hashes_of(whole)[4_000:4_010]


def test_the_order_in_a_list_does_not_count():
    shuffled = {**ROW, "names": ["y", "x"], "files": ROW["files"][::-1]}
    (first, second) = hashes_of(table(ROW, shuffled))
    assert first == second


def test_only_the_columns_that_were_named_count():
    with row_hasher(SCHEMA, ["id", "files"]) as hashes:
        first, second, third = hashes(table(ROW, {**ROW, "number": 2}, {**ROW, "files": []})).tolist()
    assert first == second != third


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset.name)
def test_every_table_can_be_hashed(dataset):
    with row_hasher(dataset.schema, dataset.schema.names) as hashes:
        assert hashes(dataset.schema.empty_table()).shape == (0, 2)


def test_rows_of_another_type_are_an_error_of_the_project():
    with row_hasher(SCHEMA, ["names"]) as hashes, pytest.raises(SqlError):
        hashes(pa.table({"names": pa.array([1])}))
