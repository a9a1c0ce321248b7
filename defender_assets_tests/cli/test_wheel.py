"""The wheel is the whole product: installed outside the repository, in an empty folder, everything works."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest

from ..loopback import free_port
from ..serve.local_dagster import answers, eventually, graphql

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NOISE = "No dagster instance", "Telemetry:", "SupersessionWarning", "Traceback"
ASSETS = "{ assetNodes { assetKey { path } } }"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Without isolation nothing is downloaded; hatchling is among what development installs.
    in_place = ["--no-build-isolation"] if find_spec("hatchling") else []
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *in_place, "--wheel-dir", folder, ROOT]
    subprocess.run(command, check=True, timeout=300)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to put first on Python's path; what the package needs is that of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", folder, wheel]
    subprocess.run(command, check=True, timeout=300)
    return folder


@pytest.fixture
def environment(installed: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(installed)}


def call(installed: Path, environment: dict[str, str], *words: str, timeout: float = 900) -> str:
    """What the installed program writes to standard output."""
    command = [installed / "bin" / "defender-assets", *words]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    assert finished.returncode == 0, finished.stderr
    assert not [words for words in NOISE if words in finished.stdout + finished.stderr]
    return finished.stdout


@contextmanager
def started(command: list[str | Path], environment: dict[str, str], address: str, log: Path) -> Iterator[None]:
    """Within this block the UI answers at the address; then Ctrl-C ends the command."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        eventually(lambda: answers(address) or process.poll() is not None, 120, "the UI answers")
        assert process.poll() is None, log.read_text()
        yield
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=90)


def tables_at(address: str) -> set[str]:
    return {node["assetKey"]["path"][-1] for node in graphql(address, ASSETS)["assetNodes"]}


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "defender_assets"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert set(tracked) - set(ZipFile(wheel).namelist()) == set()
    assert not [name for name in ZipFile(wheel).namelist() if name.startswith(("defender_assets_tests", "benchmarks"))]


def test_an_empty_folder_and_the_wheel_are_enough(installed: Path, environment: dict[str, str], tmp_path: Path) -> None:
    code = "import defender_assets; print(defender_assets.__file__)"
    where = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert Path(where.stdout.strip()).is_relative_to(installed)

    assert "wrote  .env" in call(installed, environment, "init")
    assert "The report:" in call(installed, environment, "demo", "--machines", "15", "--days", "1")
    environment |= {"DEFENDER_LAKE": str(tmp_path / "demo" / "lake")}
    count = call(installed, environment, "query", "--format", "csv", "SELECT count(*) AS machines FROM machines")
    assert count.split() == ['"machines"', "15"]
    assert Path(call(installed, environment, "report").strip()).read_text().startswith("<!DOCTYPE html>")
    assert "fleet_summary" in call(installed, environment, "tables")

    port = free_port()
    address, log = f"http://127.0.0.1:{port}", tmp_path / "serve.log"
    with started([installed / "bin" / "defender-assets", "serve", "--port", str(port)], environment, address, log):
        assert {"machines", "compliance_report"} <= tables_at(address)
        last = f"The UI is at {address}"
        eventually(lambda: log.read_text().splitlines()[-1] == last, 30, "its address is the last line")
    assert not [words for words in NOISE if words in log.read_text()]

    log = tmp_path / "dev.log"
    dagster = Path(sys.executable).with_name("dagster")
    command = [dagster, "dev", "-m", "defender_assets.definitions", "-h", "127.0.0.1", "-p", str(port)]
    with started(command, environment, address, log):
        assert {"machines", "compliance_report"} <= tables_at(address)
    # What init has written names a place for its history, and silences Dagster.
    assert not [words for words in ("Telemetry:", "temporary directory") if words in log.read_text()]
