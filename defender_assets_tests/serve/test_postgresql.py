"""Dagster's history in PostgreSQL, by the configuration in ``deploy/postgresql``: for real, with ``serve``."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pytest
import yaml

from defender_assets.lake import Lake
from defender_assets.orchestration.dagster_home import SHIPPED_CONFIGURATION
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from ..cli.program import invoke
from ..loopback import free_port
from ..peers import library
from ..rules.places import ROOT
from .local_dagster import LocalDagster, eventually, serving
from .postgresql import PostgreSQL, serving_postgresql

CONFIGURATION = ROOT / "deploy" / "postgresql" / "dagster.yaml"
TABLES = ("machines", "vulnerabilities", "software_vulnerabilities")
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE


def test_it_says_what_the_configuration_that_ships_says_and_where_the_history_is() -> None:
    configuration = yaml.safe_load(CONFIGURATION.read_text())
    database = configuration.pop("storage")["postgres"]["postgres_db"]
    shipped = yaml.safe_load(SHIPPED_CONFIGURATION.read_text())
    assert configuration == shipped, "copy what has changed in orchestration/dagster.yaml below its storage"
    literals = {name for name, value in database.items() if not isinstance(value, dict)}
    assert literals == {"scheme"}, "everything else is read from the environment"


@pytest.mark.slow
def test_a_database_that_does_not_answer_is_one_sentence_and_the_password_is_not_in_it(tmp_path: Path) -> None:
    library("dagster_postgres", "defender-assets[postgresql]")
    home = tmp_path / "home"
    home.mkdir()
    shutil.copyfile(CONFIGURATION, home / "dagster.yaml")
    (tmp_path / ".env").write_text("DAGSTER_PG_PASSWORD=canary\nDAGSTER_PG_USERNAME=dagster\nDAGSTER_PG_DB=dagster\n")
    where = {"DAGSTER_PG_HOST": "127.0.0.1", "DAGSTER_PG_PORT": str(free_port()), "DAGSTER_HOME": str(home)}
    with pytest.MonkeyPatch.context() as environment:
        for name in ("DAGSTER_PG_PASSWORD", "DAGSTER_PG_USERNAME", "DAGSTER_PG_DB"):
            environment.setenv(name, "")
            environment.delenv(name)
        result = invoke("serve", "--port", str(free_port()), **where)
    assert result.exit_code == 2
    assert f"DAGSTER_HOME cannot be opened ({home}: OperationalError" in result.stderr
    assert "see that the database that its dagster.yaml names answers" in result.stderr
    assert "canary" not in result.output


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    library("dagster_postgres", "defender-assets[postgresql]")
    with serving_postgresql() as server, pytest.MonkeyPatch.context() as environment:
        for name, value in server.settings.items():
            environment.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatedTenant(TenantShape(machines=40)), follows_clock=True) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    (folder / ".dagster").mkdir()
    shutil.copyfile(CONFIGURATION, folder / ".dagster" / "dagster.yaml")
    return folder


@pytest.fixture(scope="module")
def settings(database: PostgreSQL, simulator: Simulator, folder: Path) -> dict[str, str]:
    return simulator.settings | {
        "DEFENDER_LAKE": str(folder / "lake"),
        "DEFENDER_BUDGET_FILE": str(folder / "calls.sqlite"),
        "DEFENDER_RUNNING": "none",
    }


def whole(folder: Path) -> list[Path]:
    """Every file that a reader sees, each read to its end."""
    files = [file for file in (folder / "lake").rglob("*.parquet") if not file.name.startswith(("_", "."))]
    for file in files:
        pq.read_table(file)
    return files


def under_way(served: LocalDagster, simulator: Simulator) -> tuple[str, int] | None:
    """A run in the middle of fetching, and its process: answers come so late that no table can be through. None while
    no run can be launched."""
    simulator.control.latency(10.0)
    try:
        run = served.launch(*TABLES)
    except (AssertionError, OSError):
        return None
    process = eventually(lambda: served.process_of(run), 300, "the run has a process")
    eventually(lambda: served.status(run) is dg.DagsterRunStatus.STARTED, 300, "the run goes on")
    time.sleep(1.5)
    return run, process


@pytest.mark.slow
def test_killed_in_mid_run_and_without_its_database_for_a_while(
    settings: dict[str, str], database: PostgreSQL, simulator: Simulator, folder: Path
) -> None:
    """Given a run in the middle of fetching, when its process and the daemon are killed with -9, then the former
    partitions stay and the run is made again; when the database goes away, ``serve`` waits for it; when ``serve`` is
    ended in mid-run, no process is left, and what it began is made again at the next start."""
    lake = Lake(str(folder / "lake"))
    with serving(folder, **settings) as served:
        first = served.launch(*TABLES)
        eventually(lambda: served.status(first) is SUCCESS, 300, "a first run")
        observed = {table: lake.metadata(table)["observed_at"] for table in TABLES}

        run, process = eventually(lambda: under_way(served, simulator), 300, "a run can be launched")
        os.kill(process, signal.SIGKILL)
        daemon = served.pids("daemon")[-1]
        os.kill(daemon, signal.SIGKILL)
        assert {table: lake.metadata(table)["observed_at"] for table in TABLES} == observed
        eventually(lambda: served.pids("daemon")[-1] != daemon, 30, "another daemon")
        simulator.control.latency(0.0)
        eventually(lambda: served.status(run) is FAILURE, 300, "the loss of the run is noticed")
        (again,) = eventually(lambda: made_again(served, run), 300, "the run is started again")
        eventually(lambda: served.status(again.run_id) is SUCCESS, 300, "the second attempt")
        assert all(lake.metadata(table)["observed_at"] != observed[table] for table in TABLES)

        database.stop()
        eventually(lambda: "database does not answer" in served.log.read_text(), 300, "the outage is noticed")
        time.sleep(10)
        assert served.process.poll() is None
        database.start()
        eventually(lambda: "database answers again" in served.log.read_text(), 300, "and its end")

        stopped, process = eventually(lambda: under_way(served, simulator), 300, "a run can be launched")
        servers = served.pids("code server")
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(timeout=90) == 0
        assert not alive(process)
        assert not any(alive(server) for server in servers)
        assert served.status(stopped) is FAILURE
        assert database.password not in served.log.read_text()

    simulator.control.latency(0.0)
    with serving(folder, **settings) as served:
        assert {first, run, again.run_id, stopped} <= {other.run_id for other in served.runs()}
        (again,) = eventually(lambda: made_again(served, stopped), 300, "what was stopped is made again")
        eventually(lambda: served.status(again.run_id) is SUCCESS, 300, "and succeeds")
    assert whole(folder)


@pytest.mark.slow
@pytest.mark.parametrize("words", ["info", "migrate"])
def test_dagsters_own_commands_take_the_configuration(words: str, settings: dict[str, str], folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "instance", words],
        env=os.environ | settings | {"DAGSTER_HOME": str(folder / ".dagster")},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    if words == "info":
        assert "PostgresRunStorage" in done.stdout
    assert settings.get("DAGSTER_PG_PASSWORD", os.environ["DAGSTER_PG_PASSWORD"]) not in done.stdout + done.stderr


def made_again(served: LocalDagster, run: str) -> list[dg.DagsterRun]:
    return [other for other in served.runs() if other.parent_run_id == run]


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
