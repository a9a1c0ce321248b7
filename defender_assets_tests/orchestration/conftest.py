"""What the tests of schedules, sensors and messages share."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from ..serve.local_dagster import LocalDagster, serving
from .notifications.receiver import Receiver, receiving

Serve = Callable[..., AbstractContextManager[LocalDagster]]


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


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Dagster is served, with the lake in it."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def serve(receiver: Receiver, folder: Path) -> Serve:
    """Runs ``defender-assets serve`` for real, with more settings, such as those that reach a simulated service. The
    daily refresh is due in this hour, and messages come to the receiver."""
    settings = {
        "DEFENDER_LAKE": str(folder / "lake"),
        "DEFENDER_BUDGET_FILE": str(folder / "calls.sqlite"),
        "DEFENDER_REFRESH_HOUR": str(datetime.now(UTC).hour),
        "DEFENDER_WEBHOOK_URL": receiver.address,
        "DEFENDER_WEBHOOK_FORMAT": "teams",
    }
    return lambda **more: serving(folder, **settings | more)
