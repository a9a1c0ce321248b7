"""The answer to a query as a table that people read."""

import io
import textwrap
from pathlib import Path
from unittest.mock import patch

import pytest

from defender_assets.cli.display import write_table
from defender_assets.lake import Lake
from defender_assets.queries import QueryError, query

from ..lake.things import EMPTY, MONDAY, RICH, publish, rows_of
from ..queries.answers import EVERY_TYPE, Terminal


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    publish(lake, MONDAY, rows_of([RICH, EMPTY]))
    return lake


def shown(lake: Lake, sql: str, **more: int) -> str:
    stream = io.StringIO()
    write_table(query(lake, sql), stream, **more)
    return stream.getvalue()


def test_a_table_is_aligned_with_numbers_to_the_right_and_gaps_visible(lake: Lake) -> None:
    found = shown(lake, "SELECT id, number * 100 AS number, score, '日本' AS wide, '' AS nothing FROM things")
    assert found == textwrap.dedent("""\
        id  number  score  wide  nothing
        --  ------  -----  ----  -------
        a      100    9.8  日本
        b      200   NULL  日本
        (2 rows)
    """)


def test_nothing_that_a_device_calls_itself_drives_the_terminal(lake: Lake) -> None:
    hostile = "E'\\x1b[31mred\\x07\\r\\n\\t' || chr(0) || chr(155) || chr(8238) || chr(127) AS \"\x1b[2Jname\""
    found = shown(lake, f"SELECT {hostile}")

    assert all(letter.isprintable() or letter == "\n" for letter in found)
    assert r"\x1b[31mred\x07\r\n\t\x00\x9b\u202e\x7f" in found
    assert r"\x1b[2Jname" in found
    assert found.count("\n") == 4
    assert r"Gerät-日本\x00\x1b[31m" in shown(lake, "SELECT device_name FROM things")
    nested = shown(lake, "SELECT {'a': 'x\x9by'} AS s")
    assert "\x9b" not in nested


def test_a_narrow_terminal_gets_one_value_a_line(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    terminal = Terminal()
    write_table(query(lake, "FROM things"), terminal)
    lines = terminal.getvalue().splitlines()

    assert lines[0] == "-- row 1"
    assert "number       1" in lines
    assert "score        NULL" in lines
    assert lines[-1] == "(2 rows)"

    terminal = Terminal()
    write_table(query(lake, "SELECT id FROM things"), terminal)
    assert terminal.getvalue().splitlines()[0] == "id"


def test_ids_of_devices_are_cut_short_where_that_makes_the_table_fit(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    sql = "SELECT name, sha1(name) AS device_id FROM (VALUES ('a'), ('b'), (NULL)) AS t (name)"
    terminal = Terminal()
    write_table(query(lake, sql), terminal)
    lines = terminal.getvalue().splitlines()
    assert lines[2].split() == ["a", "86f7e437…"]
    assert lines[-1] == "(3 rows; ids are cut short, --format csv has them whole)"
    assert "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8" in shown(lake, sql)


def test_a_long_table_says_that_there_is_more(lake: Lake) -> None:
    found = shown(lake, "SELECT range AS n FROM range(100000)", max_rows=5).splitlines()
    assert len(found) == 8
    assert found[-1] == (
        "(the first 5 rows; there are more: add a LIMIT, or use --format csv, json or parquet for all)"
    )
    assert shown(lake, "SELECT range AS n FROM range(5)", max_rows=5).endswith("\n(5 rows)\n")
    assert shown(lake, "SELECT 1 AS n").endswith("\n(1 row)\n")
    assert shown(lake, "SELECT 1 AS n WHERE false") == "n\n-\n(0 rows)\n"


def test_a_plan_is_drawn_line_by_line(lake: Lake) -> None:
    assert len(shown(lake, "EXPLAIN FROM things").splitlines()) > 3


def test_a_terminal_that_lacks_a_letter_gets_its_escape(lake: Lake) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1")
    write_table(query(lake, "SELECT 'é日' AS name"), stream)
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
        "moment": "2026-03-02T12:00:00Z",
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
    with patch("defender_assets.cli.display._GAP", "\x1f"):
        header, _, row, _ = shown(lake, EVERY_TYPE).splitlines()
    return ["\x1f".join(cell.strip() for cell in line.split("\x1f")) for line in (header, row)]


def test_numbers_and_times_are_as_exact_as_people_read_them(lake: Lake) -> None:
    sql = (
        "SELECT 97.123456 :: DOUBLE AS pct, 0.000123456 :: DOUBLE AS epss, TIMESTAMP '2026-03-02 12:00:00.7' AS moment"
    )
    assert shown(lake, sql).splitlines()[2].split() == ["97.12", "0.0001235", "2026-03-02T12:00:00"]


def test_what_a_table_cannot_show_is_reported(lake: Lake) -> None:
    with pytest.raises(QueryError, match=r"cannot be written as table .* CAST the column to VARCHAR"):
        shown(lake, "SELECT TIMESTAMP 'infinity' AS forever")
