"""A tenant whose event tables are caught up, fetched once and copied to each test."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from defender_assets.api import open_client
from defender_assets.catalog import DATASETS
from defender_assets.lake import Lake
from defender_assets.refresh import note_caught_up, remembered, stale_days
from defender_assets.settings import Settings, connection
from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from ...clocks import PassingClock
from ...refreshing import refresh_dataset
from .ticks import Daemon

EVENT_TABLES = ("alerts", "software_vulnerability_changes")


@pytest.fixture(scope="session")
def shape() -> TenantShape:
    """The same shape gives the same tenant, so what was fetched from one fits the others."""
    return TenantShape(machines=40)


@pytest.fixture
def own_simulator(shape: TenantShape) -> Iterator[Simulator]:
    """A tenant of the test's own, whose clock is right however long ago the shape was made."""
    with Simulator(SimulatedTenant(shape)) as simulator:
        simulator.control.advance(hours=(datetime.now(UTC) - shape.as_of).total_seconds() / 3_600)
        yield simulator


@pytest.fixture(scope="session")
def caught_up_lake(shape: TenantShape, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with every remembered day of the event tables."""
    folder = tmp_path_factory.mktemp("caught-up")
    lake = Lake(str(folder / "lake"))
    with pytest.MonkeyPatch.context() as environment, Simulator(SimulatedTenant(shape)) as simulator:
        environment.setenv("DEFENDER_BUDGET_FILE", str(folder / "calls.sqlite"))
        for name, value in simulator.settings.items():
            environment.setenv(name, value)
        settings = Settings.load()
        with open_client(connection(settings), settings, clock=PassingClock()) as client:
            for table in EVENT_TABLES:
                dataset = DATASETS[table]
                for _ in range(2):  # the days of a change feed are settled by two equal readings
                    refresh_dataset(dataset, client, lake, remembered(dataset, datetime.now(UTC).date()).dates)
                    staleness = stale_days(client, dataset, lake, datetime.now(UTC), quick=True)
                    note_caught_up(lake, dataset, staleness.caught_up)
    return folder / "lake"


@pytest.fixture
def lake(own_settings: pytest.MonkeyPatch, tmp_path: Path) -> Lake:
    """The lake of the settings, empty."""
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def daemon(lake: Lake, instance: dg.DagsterInstance) -> Daemon:
    return Daemon(instance)


@pytest.fixture
def caught_up(lake: Lake, caught_up_lake: Path, tmp_path: Path) -> None:
    """The first start is over: the lake has every remembered day of the event tables."""
    shutil.copytree(caught_up_lake, tmp_path / "lake", dirs_exist_ok=True)
