"""What many tests share: a simulated tenant on the wire, and settings that reach it."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30
"""Bytes that have to be free there: some ten times what a run has at once, and more than a container has by default."""


def _keep_files_in_memory() -> None:
    """Puts the folders of tests into memory, where there is room. A partition is written with ``fsync``, and tens of
    thousands of small files are made and removed: on a disk that is a third of the suite's time."""
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return
    may_run_programs = not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC
    if may_run_programs and shutil.disk_usage(_MEMORY).free >= _ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


def _end_quietly() -> None:
    """What is written after Python's own end is DuckDB's list of objects that a thread still holds which nobody waits
    for: forty lines from each process, below which nobody finds what failed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


atexit.register(_end_quietly)  # among the first that are registered: what others say at the end is still heard
_keep_files_in_memory()
# Tests run beside each other: how long one example takes says nothing. Speed is what benchmarks are for.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests start with no DEFENDER_ variable, no DAGSTER_HOME, and no .env file in the working directory."""
    for name in list(os.environ):
        if name.startswith(("DEFENDER_", "DAGSTER_HOME")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("DEFENDER_BUDGET_FILE", str(tmp_path / "calls.sqlite"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[Simulator]:
    """A tenant of 60 machines, served as long as the worker lives; tests must not change it."""
    with Simulator(SimulatedTenant(TenantShape(machines=60))) as simulator:
        yield simulator


@pytest.fixture
def simulator(shared_simulator: Simulator) -> Simulator:
    return shared_simulator


@pytest.fixture
def own_simulator() -> Iterator[Simulator]:
    """A tenant of this test's own, to take roles from and break."""
    with Simulator(SimulatedTenant(TenantShape(machines=40))) as simulator:
        yield simulator


@pytest.fixture
def tenant_settings(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The environment that reaches the shared simulator, and a lake of the test's own."""
    for name, value in simulator.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    return monkeypatch


@pytest.fixture
def own_settings(own_simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The environment that reaches the test's own simulator."""
    for name, value in own_simulator.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DEFENDER_LAKE", str(tmp_path / "lake"))
    return monkeypatch
