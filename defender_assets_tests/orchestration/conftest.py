"""What the tests of schedules and sensors share."""

from collections.abc import Iterator

import dagster as dg
import pytest


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance of the test's own; schedules are handed none that is only in memory."""
    with dg.instance_for_test() as instance:
        yield instance
