"""What was asked of the simulator, and what a client must not have done.

Here: the log. Not here: reading it from outside (``control.py``).
"""

from collections import Counter, deque
from dataclasses import dataclass

_KEPT_REQUESTS = 50_000


@dataclass(frozen=True)
class Violation:
    """Something that a client must not do, and did. ``kind``: ``write``, ``bearer_at_storage`` …"""

    kind: str
    detail: str


class RequestLog:
    """The last requests (method, path, status), counts of responses by part and status, and violations."""

    def __init__(self) -> None:
        self.requests: deque[tuple[str, str, int]] = deque(maxlen=_KEPT_REQUESTS)
        self.responses: Counter[str] = Counter()
        self.violations: list[Violation] = []

    def add(self, method: str, path: str, status: int, part: str) -> None:
        """``part`` is ``api``, ``login``, ``feeds`` or ``storage``."""
        self.requests.append((method, path, status))
        self.responses[f"{part} {status}"] += 1

    def add_violation(self, kind: str, detail: str) -> None:
        self.violations.append(Violation(kind, detail))

    def clear(self) -> None:
        self.requests.clear()
        self.responses.clear()
        self.violations.clear()
