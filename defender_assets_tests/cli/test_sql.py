"""The shell: statements one after the other, completion, and a history that nobody else can read."""

from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from defender_assets.cli import main
from defender_assets.cli.sql_prompt import columns_by_view, completions, is_complete, prompting
from defender_assets.lake import Lake

from ..lake.things import MONDAY, RICH, publish, rows_of
from .program import CliRunner

VIEWS = columns_by_view(["devices", "kev", "things"])


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lake:
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    lake = Lake(tmp_path / "lake")
    publish(lake, MONDAY, rows_of([RICH]))
    return lake


def piped(text: str, *options: str):
    return CliRunner().invoke(main, ["sql", *options], input=text, catch_exceptions=False)


def test_statements_of_a_pipe_are_answered_one_after_the_other(lake: Lake) -> None:
    result = piped(".format csv\nSELECT ';' AS a,\n 1 AS b; SELECT 1 AS n FROM things;\n.questions why\nSELECT 2")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[:4] == ['"a","b"', '";",1', '"n"', "1"]
    assert lines[4].startswith("-- @why device=")
    assert lines[-1] == "2"
    assert piped("SELECT 1;\n.quit\nSELECT broken").exit_code == 0


def test_the_first_statement_that_fails_ends_a_pipe(lake: Lake) -> None:
    result = piped("SELECT 1 AS a;\nSELECT nmbr FROM things;\nSELECT 3 AS c;")
    assert (result.exit_code, result.stdout.count("(1 row)")) == (2, 1)
    assert "did you mean number" in result.stderr
    result = piped("@why device='a b' extra")
    assert (result.exit_code, "'extra' is not a parameter" in result.stderr) == (2, True)
    for user in (r"corp\ann", r"'corp\ann'"):
        assert r"'corp\\ann' is not a parameter" in piped(f"@devices-of-user {user}").stderr
    assert "DROP is not allowed" in piped("DROP VIEW things").stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT is_s", {"is_server"}),
        ("SELECT * FROM devi", {"devices", "devices_history", "device_id"}),
        ("SELECT d.patch_ver", set()),
        ("FROM devices AS d WHERE d.patch_ver", {"patch_verdict"}),
        ("FROM kev_history WHERE snap", {"snapshot_date"}),
        ("@overdue-c", {"@overdue-critical"}),
        (".co", {".columns"}),
        ("sel", {"SELECT"}),
    ],
)
def test_tab_completes_views_columns_questions_and_commands(text: str, expected: set[str]) -> None:
    begun, words = completions(text, VIEWS)
    found = set(words)
    assert text.endswith(begun)
    assert expected <= found
    assert expected or not found


def test_tab_offers_the_device_where_a_table_has_one() -> None:
    assert completions("SELECT device_", VIEWS, " FROM kev") == ("device_", [])
    assert completions("FROM kev AS k WHERE k.dev", VIEWS)[1] == []
    assert completions("FROM machines_history AS m WHERE m.device_i", columns_by_view(["machines"]))[1] == ["device_id"]


def test_enter_ends_a_statement_that_is_whole() -> None:
    assert all(map(is_complete, ("", "  ", ".help", "@why", "SELECT 1;", "SELECT\n1 ; ")))
    assert not is_complete("SELECT 1")


def test_a_statement_is_typed_over_several_lines_and_kept_for_its_owner_alone(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        keys.send_text("SELECT 1\n;\n\x04")
        read = prompting(lake)
        assert read() == "SELECT 1\n;"
        with pytest.raises(EOFError):
            read()
    history = tmp_path / "state" / "defender-assets" / "sql_history"
    assert "+SELECT 1" in history.read_text()
    assert (history.stat().st_mode & 0o777, history.parent.stat().st_mode & 0o777) == (0o600, 0o700)
