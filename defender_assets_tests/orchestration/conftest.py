"""What the tests of schedules, sensors and messages share."""

from collections.abc import Iterator

import dagster as dg
import pytest


@pytest.fixture(scope="session")
def stored_instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance with databases on disk: schedules accept none that is only in memory."""
    with dg.instance_for_test(set_dagster_home=False) as instance:
        yield instance


@pytest.fixture
def instance(stored_instance: dg.DagsterInstance) -> Iterator[dg.DagsterInstance]:
    """The instance without any run; emptying it takes a tenth of the time of making a new one."""
    yield stored_instance
    stored_instance.wipe()
