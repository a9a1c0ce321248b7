"""A new folder: ``init`` writes what is needed, and leaves what is there."""

import stat
from pathlib import Path

import dagster as dg
import pytest
from dotenv import dotenv_values

from defender_assets.settings import dagster_home

from .program import invoke

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["work", "with blank, $HOME and 'quote'"])
def test_a_new_folder_is_ready(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    result = invoke("init")
    assert result.exit_code == 0, result.stderr
    assert (folder / ".env").read_text().startswith((ROOT / ".env.example").read_text())
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    assert (folder / "workspace.yaml").read_text() == (ROOT / "workspace.yaml").read_text()
    # Where Dagster's own commands and the program's keep their history.
    assert dagster_home().folder == folder / ".dagster"
    with dg.DagsterInstance.from_config(str(folder / ".dagster")) as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
    for written in (".env", "workspace.yaml", ".dagster/dagster.yaml"):
        assert f"wrote  {written}" in result.stdout


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DEFENDER_TENANT_ID=mine\n")
    (tmp_path / "workspace.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    result = invoke("init")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / ".env").read_text() == "DEFENDER_TENANT_ID=mine\n"
    assert not (tmp_path / "elsewhere.yaml").exists()
    assert "kept   .env" in result.stdout
    assert "kept   workspace.yaml" in result.stdout
    assert (tmp_path / ".dagster" / "dagster.yaml").exists()


def test_what_the_environment_has_is_no_empty_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFENDER_TENANT_ID", "tenant")
    monkeypatch.setenv("DEFENDER_CLIENT_ID", "client")
    result = invoke("init")
    assert result.exit_code == 0, result.stderr
    # Dagster's own commands put every line of .env into the environment, the empty ones too.
    assert dotenv_values(tmp_path / ".env").keys() == {"DEFENDER_CLIENT_SECRET", "DAGSTER_HOME"}
    assert "fill in DEFENDER_CLIENT_SECRET in .env" in result.stdout
