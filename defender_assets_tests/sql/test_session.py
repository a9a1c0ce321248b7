"""Every DuckDB is opened with limits, a private folder to spill to, and nothing from outside."""

import stat
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from defender_assets.sql import open_session


def setting(connection: duckdb.DuckDBPyConnection, name: str) -> object:
    return connection.execute(f"SELECT current_setting('{name}')").fetchall()[0][0]


def test_limits_are_those_that_were_given(tmp_path: Path) -> None:
    with open_session(memory_limit="100MB", threads=1, temp_folder=tmp_path) as connection:
        assert setting(connection, "memory_limit") == "95.3 MiB"
        assert setting(connection, "threads") == 1
        assert Path(str(setting(connection, "temp_directory"))).parent == tmp_path


def test_what_does_not_fit_is_spilled_where_nobody_else_can_read_and_is_gone_afterwards(tmp_path: Path) -> None:
    with open_session(memory_limit="20MB", threads=1, temp_folder=tmp_path, ordered=False) as connection:
        connection.execute("CREATE TABLE numbers AS SELECT range AS n, hash(range) AS noise FROM range(2_000_000)")
        (folder,) = tmp_path.iterdir()
        assert list(folder.iterdir())
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(tmp_path.iterdir()) == []


def test_the_folder_goes_also_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(duckdb.Error), open_session(temp_folder=tmp_path) as connection:
        connection.execute("SELECT no_such_column")
    with pytest.raises(duckdb.Error), open_session(memory_limit="much", temp_folder=tmp_path):
        pytest.fail("no connection with such a limit")
    assert list(tmp_path.iterdir()) == []


def test_variables_of_the_program_are_no_tables() -> None:
    frame = pa.table({"n": [1]})
    assert frame.num_rows == 1
    with open_session() as connection, pytest.raises(duckdb.CatalogException, match="frame does not exist"):
        connection.execute("FROM frame")


def test_times_are_utc_and_extensions_are_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with open_session() as connection:
        assert setting(connection, "TimeZone") == "UTC"
        assert setting(connection, "autoload_known_extensions") is False
        assert setting(connection, "autoinstall_known_extensions") is False
