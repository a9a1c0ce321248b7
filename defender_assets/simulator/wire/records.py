"""What was asked of the simulator, and what a client should not have done.

Here: the records, and the refusals that the parts of the API raise. Not here: reading them from outside
(``control.py``).
"""

from collections import Counter, deque
from dataclasses import dataclass

_REMEMBERED_REQUESTS = 5_000


@dataclass(frozen=True)
class Violation:
    """Something that a client must not do, and did."""

    kind: str
    detail: str


class Records:
    """What was asked, and what should not have been."""

    def __init__(self) -> None:
        self.requests: deque[tuple[str, str, int]] = deque(maxlen=_REMEMBERED_REQUESTS)
        self.answers: Counter[str] = Counter()
        self.violations: list[Violation] = []

    def violate(self, kind: str, detail: str) -> None:
        self.violations.append(Violation(kind, detail))


class Refused(Exception):
    """The API refuses: status, code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Throttled(Exception):
    """The quota is used up for so many seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__("throttled")
        self.wait = wait
