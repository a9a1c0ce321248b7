"""What the tests of messages share."""

from collections.abc import Iterator

import pytest

from .receiver import Receiver, receiving


@pytest.fixture
def receiver(monkeypatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        monkeypatch.setenv("DEFENDER_WEBHOOK_URL", receiver.address)
        yield receiver
