"""Answers as people and programs read them."""

import csv
import io
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from defender_assets.lake import Format, Lake, QueryError, write_result

from .things import EMPTY, MONDAY, RICH, many, publish, rows_of

EVERY_TYPE = """
    SELECT 1 AS n, 1.5::DOUBLE AS score, 12.50::DECIMAL(10, 2) AS price, sum(9007199254740993) OVER () AS big,
        'Gerät' AS name, '' AS nothing, NULL AS gap, true AS yes, DATE '2026-03-02' AS day,
        TIMESTAMPTZ '2026-03-02 12:00:00.000001+00' AS moment, TIMESTAMP '2026-03-02 12:00:00' AS local,
        TIME '01:02:03' AS clock, INTERVAL 1 DAY + INTERVAL 90 SECOND AS age, [1, NULL] AS list,
        {'a': 'x', 'when': TIMESTAMPTZ '2026-03-02 12:00:00+00'} AS struct, MAP {'k': 1} AS map,
        '\\x00\\xFF'::BLOB AS bytes, 'small'::ENUM ('small', 'large') AS size,
        UUID '00000000-0000-0000-0000-000000000001' AS uuid, 'nan'::DOUBLE AS nan
"""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    publish(lake, MONDAY, rows_of([RICH, EMPTY]))
    return lake


def shown(lake: Lake, sql: str, format: Format, **more: int) -> str:
    stream = io.StringIO()
    write_result(lake.query(sql), format, stream, **more)
    return stream.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# Tables for people


def test_a_table_is_aligned_with_numbers_to_the_right_and_gaps_visible(lake: Lake) -> None:
    found = shown(lake, "SELECT id, number * 100 AS number, score, '日本' AS wide, '' AS nothing FROM things", "table")
    assert found == textwrap.dedent("""\
        id  number  score  wide  nothing
        --  ------  -----  ----  -------
        a      100    9.8  日本
        b      200   NULL  日本
        (2 rows)
    """)


def test_nothing_that_a_device_calls_itself_drives_the_terminal(lake: Lake) -> None:
    hostile = "E'\\x1b[31mred\\x07\\r\\n\\t' || chr(0) || chr(155) || chr(8238) || chr(127) AS \"\x1b[2Jname\""
    found = shown(lake, f"SELECT {hostile}", "table")

    assert all(letter.isprintable() or letter == "\n" for letter in found)
    assert r"\x1b[31mred\x07\r\n\t\x00\x9b\u202e\x7f" in found
    assert r"\x1b[2Jname" in found
    assert found.count("\n") == 4
    assert r"Gerät-日本\x00\x1b[31m" in shown(lake, "SELECT device_name FROM things", "table")
    nested = shown(lake, "SELECT {'a': 'x\x9by'} AS s", "table")
    assert "\x9b" not in nested


def test_a_narrow_terminal_gets_one_value_a_line(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    terminal = Terminal()
    write_result(lake.query("FROM things"), "table", terminal)
    lines = terminal.getvalue().splitlines()

    assert lines[0] == "-- row 1"
    assert "number       1" in lines
    assert "score        NULL" in lines
    assert lines[-1] == "(2 rows)"

    terminal = Terminal()
    write_result(lake.query("SELECT id FROM things"), "table", terminal)
    assert terminal.getvalue().splitlines()[0] == "id"


def test_a_long_table_says_that_there_is_more(lake: Lake) -> None:
    found = shown(lake, "SELECT range AS n FROM range(100000)", "table", shown_rows=5).splitlines()
    assert len(found) == 8
    assert found[-1] == (
        "(the first 5 rows; there are more: add a LIMIT, or use --format csv, json or parquet for all)"
    )
    assert shown(lake, "SELECT range AS n FROM range(5)", "table", shown_rows=5).endswith("\n(5 rows)\n")
    assert shown(lake, "SELECT 1 AS n", "table").endswith("\n(1 row)\n")
    assert shown(lake, "SELECT 1 AS n WHERE false", "table") == "n\n-\n(0 rows)\n"


def test_a_plan_is_drawn_line_by_line(lake: Lake) -> None:
    assert len(shown(lake, "EXPLAIN FROM things", "table").splitlines()) > 3


def test_a_terminal_that_lacks_a_letter_gets_its_escape(lake: Lake) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1")
    write_result(lake.query("SELECT 'é日' AS name"), "table", stream)
    assert raw.getvalue().splitlines()[2] == b"\xe9\\u65e5"


def test_every_type_has_a_readable_form(lake: Lake) -> None:
    values = dict(zip(*(line.split("\x1f") for line in _cells(lake)), strict=True))
    assert values == {
        "n": "1",
        "score": "1.5",
        "price": "12.50",
        "big": "9007199254740993",
        "name": "Gerät",
        "nothing": "",
        "gap": "NULL",
        "yes": "true",
        "day": "2026-03-02",
        "moment": "2026-03-02T12:00:00.000001Z",
        "local": "2026-03-02T12:00:00",
        "clock": "01:02:03",
        "age": "P1DT1M30S",
        "list": "[1,null]",
        "struct": '{"a":"x","when":"2026-03-02T12:00:00Z"}',
        "map": '[["k",1]]',
        "bytes": "00ff",
        "size": "small",
        "uuid": "00000000-0000-0000-0000-000000000001",
        "nan": "nan",
    }


def _cells(lake: Lake) -> list[str]:
    from unittest.mock import patch

    with patch("defender_assets.cli.display._GAP", "\x1f"):
        header, _, row, _ = shown(lake, EVERY_TYPE, "table").splitlines()
    return ["\x1f".join(cell.strip() for cell in line.split("\x1f")) for line in (header, row)]


@pytest.mark.parametrize(
    ("interval", "said"),
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
def test_durations_are_iso(lake: Lake, interval: str, said: str) -> None:
    assert json.loads(shown(lake, f"SELECT {interval} AS age", "json")) == [{"age": said}]


# JSON


def test_json_is_an_array_of_objects_with_iso_times(lake: Lake) -> None:
    (found,) = json.loads(shown(lake, EVERY_TYPE, "json"))
    assert found["n"] == 1
    assert found["price"] == 12.5
    assert found["big"] == 9007199254740993
    assert found["gap"] is None
    assert found["nan"] is None
    assert found["moment"] == "2026-03-02T12:00:00.000001Z"
    assert found["struct"] == {"a": "x", "when": "2026-03-02T12:00:00Z"}
    assert found["list"] == [1, None]

    rich, empty = json.loads(shown(lake, "FROM things ORDER BY id", "json"))
    assert rich["device_name"] == RICH["device_name"]
    assert rich["evidence"] == RICH["evidence"]
    assert rich["owner"] == {"name": "Zoë", "since": "0001-01-01T00:00:00Z"}
    assert empty["owner"] is None
    assert list(rich) == list(RICH)


def test_json_of_no_rows_and_of_very_many_is_json(lake: Lake) -> None:
    assert json.loads(shown(lake, "SELECT 1 AS n WHERE false", "json")) == []
    assert len(json.loads(shown(lake, "SELECT range AS n FROM range(25000)", "json"))) == 25_000


# CSV


def test_csv_tells_nulls_from_empty_text_and_nests_json(lake: Lake) -> None:
    text = shown(lake, EVERY_TYPE, "csv")
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
    rows = list(csv.DictReader(io.StringIO(shown(lake, "FROM things ORDER BY id", "csv"), newline="")))
    assert rows[0]["device_name"] == RICH["device_name"]
    assert rows[0]["seen_at"] == "2026-03-02T12:00:00.123456Z"
    assert rows[1]["score"] == ""
    assert shown(lake, "SELECT 1 AS n WHERE false", "csv") == '"n"\n'


# Parquet


def test_parquet_goes_to_the_stream_in_bytes(lake: Lake) -> None:
    stream = io.BytesIO()
    assert write_result(lake.query("FROM things ORDER BY id"), "parquet", stream) == 2
    assert pq.read_table(stream).to_pylist() == [RICH, EMPTY]

    stream = io.BytesIO()
    write_result(lake.query(EVERY_TYPE), "parquet", stream)
    (found,) = pq.read_table(stream).to_pylist()
    assert found["age"] == "P1DT1M30S"
    assert found["gap"] is None

    stream = io.BytesIO()
    write_result(lake.query("SELECT range AS n FROM range(300000)"), "parquet", stream)
    footer = pq.read_metadata(stream)
    assert (footer.num_rows, footer.num_row_groups) == (300_000, 3)


def test_parquet_is_not_for_the_terminal(lake: Lake) -> None:
    with pytest.raises(QueryError, match="send it to a file"):
        write_result(lake.query("SELECT 1 AS n"), "parquet", Terminal())


def test_every_format_goes_through_a_pipe(lake: Lake, tmp_path: Path) -> None:
    script = """
        import sys
        from defender_assets.lake import Lake, write_result
        print("before")
        write_result(Lake(sys.argv[1]).query("SELECT 'é' AS name FROM range(3)"), sys.argv[2], sys.stdout)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), lake.root]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONIOENCODING": "latin-1"}
    for format in ("csv", "json", "parquet"):
        output = subprocess.run([*command, format], capture_output=True, check=True, env=environment).stdout
        assert output.startswith(b"before\n")
        rest = output.removeprefix(b"before\n")
        if format == "parquet":
            assert pq.read_table(pa.BufferReader(rest))["name"].to_pylist() == ["é"] * 3
        else:
            assert rest.decode("utf-8").count("é") == 3


def test_what_a_format_cannot_hold_is_said(lake: Lake) -> None:
    for format in ("json", "table"):
        with pytest.raises(QueryError, match="CAST the column to VARCHAR"):
            shown(lake, "SELECT TIMESTAMP 'infinity' AS forever", format)


def test_answers_of_other_connections_are_written_too() -> None:
    stream = io.StringIO()
    assert write_result(duckdb.sql("SELECT 1 AS n").to_arrow_reader(10), "json", stream) == 1
    assert json.loads(stream.getvalue()) == [{"n": 1}]


def test_many_rows_of_the_lake_are_streamed(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    publish(lake, MONDAY, many(30_000))
    assert len(shown(lake, "FROM things", "csv").splitlines()) == 30_001
