"""Answers as programs read them: JSON, CSV, Parquet."""

import csv
import io
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from defender_assets.lake import Lake
from defender_assets.queries import Format, QueryError, query, write_result

from ..lake.things import EMPTY, MONDAY, RICH, many, publish, rows_of
from .answers import EVERY_TYPE, Terminal


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    publish(lake, MONDAY, rows_of([RICH, EMPTY]))
    return lake


def written(lake: Lake, sql: str, format: Format) -> str:
    stream = io.StringIO()
    write_result(query(lake, sql), format, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("interval", "iso"),
    [
        ("INTERVAL 0 SECOND", "PT0S"),
        ("INTERVAL 14 MONTH", "P14M"),
        ("-INTERVAL 3 DAY", "P-3D"),
        ("INTERVAL 25 HOUR", "PT25H"),
        ("-INTERVAL 90 SECOND", "PT-1M-30S"),
        ("INTERVAL 1 MICROSECOND", "PT0.000001S"),
        ("TIMESTAMP '2026-03-02 01:00:00.5' - TIMESTAMP '2026-03-01 00:00:00'", "P1DT1H0.5S"),
    ],
)
def test_durations_are_iso(lake: Lake, interval: str, iso: str) -> None:
    assert json.loads(written(lake, f"SELECT {interval} AS age", "json")) == [{"age": iso}]


def test_json_is_an_array_of_objects_with_iso_times(lake: Lake) -> None:
    (found,) = json.loads(written(lake, EVERY_TYPE, "json"))
    assert found["n"] == 1
    assert found["price"] == 12.5
    assert found["big"] == 9007199254740993
    assert found["gap"] is None
    assert found["nan"] is None
    assert found["moment"] == "2026-03-02T12:00:00.000001Z"
    assert found["struct"] == {"a": "x", "when": "2026-03-02T12:00:00Z"}
    assert found["list"] == [1, None]

    rich, empty = json.loads(written(lake, "FROM things ORDER BY id", "json"))
    assert rich["device_name"] == RICH["device_name"]
    assert rich["evidence"] == RICH["evidence"]
    assert rich["owner"] == {"name": "Zoë", "since": "0001-01-01T00:00:00Z"}
    assert empty["owner"] is None
    assert list(rich) == list(RICH)


def test_json_of_no_rows_and_of_very_many_is_json(lake: Lake) -> None:
    assert json.loads(written(lake, "SELECT 1 AS n WHERE false", "json")) == []
    assert len(json.loads(written(lake, "SELECT range AS n FROM range(25000)", "json"))) == 25_000


# CSV


def test_csv_tells_nulls_from_empty_text_and_nests_json(lake: Lake) -> None:
    text = written(lake, EVERY_TYPE, "csv")
    header, values = csv.reader(io.StringIO(text))
    found = dict(zip(header, values, strict=True))
    assert found["big"] == "9007199254740993"
    assert found["moment"] == "2026-03-02T12:00:00.000001Z"
    assert json.loads(found["struct"]) == {"a": "x", "when": "2026-03-02T12:00:00Z"}
    assert found["bytes"] == "00ff"
    assert found["age"] == "P1DT1M30S"
    assert ',"",,true,' in text  # nothing is "", gap is nothing
    assert found["size"] == "small"


def test_csv_keeps_values_as_they_are(lake: Lake) -> None:
    rows = list(csv.DictReader(io.StringIO(written(lake, "FROM things ORDER BY id", "csv"), newline="")))
    assert rows[0]["device_name"] == RICH["device_name"]
    assert rows[0]["seen_at"] == "2026-03-02T12:00:00.123456Z"
    assert rows[1]["score"] == ""
    assert written(lake, "SELECT 1 AS n WHERE false", "csv") == '"n"\n'


# Parquet


def test_parquet_goes_to_the_stream_in_bytes(lake: Lake) -> None:
    stream = io.BytesIO()
    assert write_result(query(lake, "FROM things ORDER BY id"), "parquet", stream) == 2
    assert pq.read_table(stream).to_pylist() == [RICH, EMPTY]

    stream = io.BytesIO()
    write_result(query(lake, EVERY_TYPE), "parquet", stream)
    (found,) = pq.read_table(stream).to_pylist()
    assert found["age"] == "P1DT1M30S"
    assert found["gap"] is None

    stream = io.BytesIO()
    write_result(query(lake, "SELECT range AS n FROM range(300000)"), "parquet", stream)
    footer = pq.read_metadata(stream)
    assert (footer.num_rows, footer.num_row_groups) == (300_000, 3)


def test_parquet_is_not_for_the_terminal(lake: Lake) -> None:
    with pytest.raises(QueryError, match="send it to a file"):
        write_result(query(lake, "SELECT 1 AS n"), "parquet", Terminal())


def test_every_format_goes_through_a_pipe(lake: Lake) -> None:
    script = """
        import sys
        from defender_assets.lake import Lake
        from defender_assets.queries import query, write_result
        for format in ("csv", "json", "parquet"):
            print("then", format)
            write_result(query(Lake(sys.argv[1]), "SELECT 'é' AS name FROM range(3)"), format, sys.stdout)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), lake.root]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONIOENCODING": "latin-1"}
    output = subprocess.run(command, capture_output=True, check=True, env=environment).stdout
    _, csv_text, json_text, parquet = re.split(rb"^then \w+\n", output, flags=re.MULTILINE)
    assert csv_text.decode("utf-8").splitlines() == ['"name"', '"é"', '"é"', '"é"']
    assert json.loads(json_text) == [{"name": "é"}] * 3
    assert pq.read_table(pa.BufferReader(parquet))["name"].to_pylist() == ["é"] * 3


def test_what_a_format_cannot_hold_is_reported(lake: Lake) -> None:
    with pytest.raises(QueryError, match=r"cannot be written as json .* CAST the column to VARCHAR"):
        written(lake, "SELECT TIMESTAMP 'infinity' AS forever", "json")


def test_answers_of_other_connections_are_written_too() -> None:
    stream = io.StringIO()
    assert write_result(duckdb.sql("SELECT 1 AS n").to_arrow_reader(10), "json", stream) == 1
    assert json.loads(stream.getvalue()) == [{"n": 1}]


def test_many_rows_of_the_lake_are_streamed(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    publish(lake, MONDAY, many(30_000))
    assert len(written(lake, "FROM things", "csv").splitlines()) == 30_001
