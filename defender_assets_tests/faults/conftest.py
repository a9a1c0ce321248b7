"""One tenant for all tests of this room: faults come and go, its rows stay."""

from collections.abc import Iterator

import pytest

from .company import served
from .law import FaultyTenant


@pytest.fixture(scope="session")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyTenant]:
    """A tenant of some machines; tests must not change it."""
    yield from served(tmp_path_factory.mktemp("healthy"))
