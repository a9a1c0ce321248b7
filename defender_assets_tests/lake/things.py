"""A small table with every kind of column, and rows for it."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from defender_assets.catalog import EXTRA, OBSERVED_AT, Group, Table
from defender_assets.catalog.column import TIME, flag, nested, real, text, time, whole
from defender_assets.lake import Lake, PublishedFile

THINGS = Table(
    name="things",
    title="Things",
    description="What the tests keep in the lake.",
    group=Group.DEFENDER,
    key=("id", "number"),
    columns=(
        text("id", "Which thing."),
        whole("number", "Which of them."),
        text("deviceName", "Its name.", personal=True),
        real("score", "How much."),
        flag("isNew", "Whether it is new."),
        time("seenAt", "When it was seen."),
        text("tags", "Labels.", many=True),
        nested("evidence", "What was found.", text("fileName", "Name."), whole("size", "Bytes."), many=True),
        nested("owner", "Whose it is.", text("name", "Name."), time("since", "Since when.")),
        OBSERVED_AT,
        EXTRA,
    ),
)

MONDAY, TUESDAY, WEDNESDAY = (dt.date(2026, 3, day) for day in (2, 3, 4))
NOON = dt.datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=dt.UTC)

RICH: dict[str, Any] = {
    "id": "a",
    "number": 1,
    "device_name": "Gerät-日本\x00\x1b[31m",
    "score": 9.8,
    "is_new": True,
    "seen_at": NOON,
    "tags": ["x", "", None],
    "evidence": [{"file_name": "ev\x00il.exe", "size": 2**53 + 1}, {"file_name": None, "size": None}],
    "owner": {"name": "Zoë", "since": dt.datetime(1, 1, 1, tzinfo=dt.UTC)},
    "observed_at": NOON,
    "extra": '{"unknown": [1, 2]}',
}
EMPTY: dict[str, Any] = dict.fromkeys(RICH) | {"id": "b", "number": 2, "tags": [], "evidence": [], "observed_at": NOON}


def row(**values: Any) -> dict[str, Any]:
    return EMPTY | values


def rows_of(rows: Sequence[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=THINGS.schema)


def many(count: int, start: int = 0) -> pa.Table:
    """Rows with distinct keys, empty otherwise."""
    numbers = pa.array(range(start, start + count), pa.int64())
    given = {
        "id": pc.binary_join_element_wise("thing", numbers.cast(pa.string()), "-"),
        "number": numbers,
        "observed_at": pa.repeat(pa.scalar(NOON, TIME), count),
    }
    columns = [given.get(field.name, pa.nulls(count, field.type)) for field in THINGS.schema]
    return pa.Table.from_arrays(columns, schema=THINGS.schema)


def publish(lake: Lake, day: dt.date, rows: pa.Table, table: Table = THINGS) -> PublishedFile:
    with lake.writing(table, day, {"observed_at": "2026-03-02T12:00:00Z"}) as partition:
        partition.write(rows)
        return partition.publish()


def numbers(rows: pa.Table) -> list[int]:
    return sorted(rows["number"].to_pylist())


def file_of(lake: Lake, day: dt.date, table: str = "things") -> Path:
    """The one file of a partition of a local lake."""
    (path,) = lake.source(table, [day])
    return Path(path)
