"""A chat's webhook on loopback."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ...loopback import Answer, Request, answering


@dataclass
class Receiver:
    """Takes messages as a chat does; ``statuses`` are what it answers, the last one for ever."""

    address: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=lambda: [200])
    calls: int = 0

    def take(self, request: Request) -> Answer:
        status = self.statuses[min(self.calls, len(self.statuses) - 1)]
        self.calls += 1
        if status < 300:
            self.messages.append(json.loads(request.body))
        return Answer(status=status)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    with answering(receiver.take) as server:
        receiver.address = f"{server.url}/services/T000/B000/very-secret-path"
        yield receiver
