"""What the tests of messages share."""

from collections.abc import Iterator

import dagster as dg
import pytest

from .receiver import Receiver, receiving


@pytest.fixture
def receiver(monkeypatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        monkeypatch.setenv("DEFENDER_WEBHOOK_URL", receiver.address)
        yield receiver


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """In memory: these tests need runs and their logs, but no schedule."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance
