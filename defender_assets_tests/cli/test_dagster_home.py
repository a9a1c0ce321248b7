"""DAGSTER_HOME: a folder that cannot be used is a sentence, and several first starts at once are one."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
from filelock import FileLock

from defender_assets.orchestration.dagster_home import dagster_instance, open_home
from defender_assets.settings import SettingsError

from .program import invoke, run

UNUSABLE = {
    "relative/home": "is a relative path",
    "{file}": "is a file",
    "{file}/home": "is below a file",
    "/proc/self": "cannot be written",
    "/proc/nobody/home": "cannot be made",
}

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("no folder")
    return path


@linux_only
@pytest.mark.parametrize("home", UNUSABLE)
def test_a_home_that_cannot_be_used_is_one_sentence(
    home: str, file: Path, tenant_settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named = home.format(file=file)
    result = invoke("refresh", "--select", "machines", DAGSTER_HOME=named)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"defender-assets: DAGSTER_HOME {UNUSABLE[home]}")
    assert named in line
    assert not (tmp_path / "relative").exists()


@linux_only
@pytest.mark.parametrize("home", [home for home in UNUSABLE if home != "relative/home"])
def test_what_serve_cannot_use_is_one_sentence(home: str, file: Path) -> None:
    result = invoke("serve", "--home", home.format(file=file))
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"defender-assets: --home {UNUSABLE[home]}")


def test_a_demo_that_has_no_place_for_its_history_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("no folder")
    result = invoke("demo", "--ui")
    assert result.exit_code == 2
    assert result.stderr.startswith("defender-assets: demo is a file")
    assert "run the demo in another folder" in result.stderr


@pytest.mark.parametrize(
    ("path", "content"), [("dagster.yaml", "nonsense: ["), ("dagster.yaml", "x: 1"), ("history/runs.db", "x" * 9_000)]
)
def test_a_home_that_dagster_cannot_open_is_one_sentence(
    path: str, content: str, tenant_settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spoilt = tmp_path / "home" / path
    spoilt.parent.mkdir(parents=True)
    spoilt.write_text(content)
    result = invoke("refresh", "--select", "machines", DAGSTER_HOME=str(tmp_path / "home"))
    assert result.exit_code == 2
    assert f"DAGSTER_HOME cannot be opened ({tmp_path / 'home'}: " in result.stderr
    assert spoilt.read_text() == content


def test_a_first_start_that_was_killed_leaves_a_home_that_works(tmp_path: Path) -> None:
    """Given a process that was killed while it made the databases."""
    left_behind = tmp_path / ".opening-abc" / "history" / "runs"
    left_behind.mkdir(parents=True)
    (left_behind / "index.db").write_bytes(b"")
    with open_home(tmp_path) as instance:
        assert instance.get_runs_count() == 0
        instance.report_runless_asset_event(dg.AssetMaterialization("machines"))
    with open_home(tmp_path) as instance:
        assert instance.get_latest_materialization_event(dg.AssetKey("machines")) is not None
    assert not list(tmp_path.glob(".opening-*"))


def test_the_runs_of_a_command_are_recorded_where_the_ui_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then another process sees what is told at once, and no event waits for the disk, or for the log of the database
    to be moved to its place, as it is at the end."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    machines, log = dg.AssetKey("machines"), tmp_path / "history" / "runs" / "index.db-wal"
    with dagster_instance() as instance, open_home(tmp_path) as of_the_ui:
        instance.report_runless_asset_event(dg.AssetMaterialization("machines"))
        assert of_the_ui.get_latest_materialization_event(machines) is not None
        of_the_ui.report_runless_asset_event(dg.AssetMaterialization("machines", partition="2026-11-26"))
        assert instance.get_materialized_partitions(machines) == {"2026-11-26"}
        assert log.exists()
        with instance.event_log_storage.index_connection() as connection:  # type: ignore[attr-defined]
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
    assert not log.exists()


def test_a_command_records_where_the_configuration_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "home" / "dagster.yaml").write_text(f"storage: {{sqlite: {{base_dir: '{elsewhere}'}}}}")
    with dagster_instance() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization("machines"))
    assert (elsewhere / "history" / "runs" / "index.db").exists()
    assert not (tmp_path / "home" / "history").exists()


def test_the_configuration_of_a_home_is_its_own(tmp_path: Path) -> None:
    """Given a configuration that somebody has edited, then the one that ships does not replace it."""
    with open_home(tmp_path / "new") as instance:
        assert instance.run_retries_enabled
    (tmp_path / "edited").mkdir()
    (tmp_path / "edited" / "dagster.yaml").write_text("run_retries: {enabled: false}")
    with open_home(tmp_path / "edited") as instance:
        assert not instance.run_retries_enabled


def test_a_home_whose_opening_does_not_end_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("defender_assets.orchestration.dagster_home._LOCK_TIMEOUT_SECONDS", 0.01)
    with (
        FileLock(tmp_path / "opening.lock"),
        pytest.raises(SettingsError, match="another process"),
        open_home(tmp_path),
    ):
        pass


@pytest.mark.slow
def test_several_first_starts_at_once_all_end_well(tenant_settings: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = {"DAGSTER_HOME": str(tmp_path / "home")}
    with ThreadPoolExecutor(4) as pool:
        starts = [pool.submit(run, "refresh", "--select", "machines", **home) for _ in range(4)]
    assert [start.result().returncode for start in starts] == [0, 0, 0, 0]
    assert run("refresh", "--select", "machines", **home).returncode == 0
    with open_home(tmp_path / "home") as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS] * 5
    # The terminal was the terminal's, and not a file that Dagster reads back.
    assert not list((tmp_path / "home").rglob("*.out"))


def test_what_its_configuration_calls_env_may_stand_in_dotenv_and_the_environment_holds_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    theirs, ours = str(tmp_path / "environment"), str(tmp_path / "dotenv")
    for name in ("OF_DOTENV", "OF_BOTH"):
        monkeypatch.setenv(name, theirs)  # so that it is as before afterwards
    monkeypatch.delenv("OF_DOTENV")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"OF_DOTENV={ours}\nOF_BOTH={ours}\n")
    for name, folder in (("OF_DOTENV", ours), ("OF_BOTH", theirs)):
        home = tmp_path / name
        home.mkdir()
        (home / "dagster.yaml").write_text(
            "local_artifact_storage:\n"
            "  module: dagster._core.storage.root\n"
            "  class: LocalArtifactStorage\n"
            f"  config: {{base_dir: {{env: {name}}}}}\n"
        )
        with open_home(home, named="DAGSTER_HOME") as instance:
            assert instance.storage_directory().startswith(folder)
