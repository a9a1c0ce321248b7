"""One tenant for all tests of this room: faults come and go, its rows stay."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from defender_assets.simulator import SimulatedTenant, Simulator, TenantShape

from .law import FaultyTenant, faulty_tenant

MACHINES = 24


@pytest.fixture(scope="session")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyTenant]:
    """A tenant of some machines; tests must not change it."""
    shape = TenantShape(machines=MACHINES, as_of=datetime.now(UTC))
    with (
        Simulator(SimulatedTenant(shape)) as simulator,
        faulty_tenant(simulator, tmp_path_factory.mktemp("healthy")) as faulty,
    ):
        yield faulty
