"""What one refresh of a table came to, in numbers: for log lines, metrics and traces alike.

Here: adding up outcomes, and the requests that were made for them. Not here: what is done with the numbers
(``log_lines.py``, ``measured_work.py``).
"""

import threading
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from ..api import Call
from ..checks import combined
from ..refresh import Status, TableEnded
from ..sanitize import redacted

_LONGEST_SENTENCE = 2_500
INTERRUPTED = "interrupted"
"""The status of a refresh that ended in something nobody expected, or was stopped."""
_TELLING_FIRST = (Status.FAILED, Status.PUBLISHED, Status.KEPT, Status.ABSENT, Status.MISSED, Status.UNCHANGED,
                  Status.LEFT_OUT, Status.OFF)  # fmt: skip


@dataclass(frozen=True)
class TableWork:
    """One refresh of some days of a table. ``status`` is that of its outcomes (see ``_status``). ``rows``
    and ``bytes`` were written; ``calls`` were made to the API, and ``bytes_received`` from it and the storage.
    ``reason`` is a short code and ``sentence`` says why it failed or was not made; ``warnings`` are checks that did not
    pass."""

    tenant: str
    table: str
    status: str
    first_day: date | None
    last_day: date | None
    seconds: float
    rows: int | None = None
    bytes: int | None = None
    calls: int = 0
    bytes_received: int = 0
    reason: str = ""
    sentence: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        return self.status in (Status.FAILED, INTERRUPTED)


class RequestCount:
    """The requests since they were last taken, by tenant and dataset."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))

    def note(self, call: Call) -> None:
        with self._lock:
            calls, received = self._of[call.tenant, call.dataset]
            self._of[call.tenant, call.dataset] = calls + (call.service == "api"), received + call.bytes_received

    def take(self, tenant: str, dataset: str) -> tuple[int, int]:
        """Calls to the API, and bytes received. What was compared with the service before a refresh counts with it."""
        with self._lock:
            return self._of.pop((tenant, dataset), (0, 0))


def work_of(event: TableEnded, requests: RequestCount) -> TableWork:
    """The numbers of one refresh."""
    began, outcomes = event.began, event.outcomes
    calls, received = requests.take(began.tenant, began.table)
    failed = next((outcome.error for outcome in outcomes if outcome.error is not None), None)
    rows = [outcome.rows for outcome in outcomes if outcome.rows is not None]
    sizes = [outcome.bytes for outcome in outcomes if outcome.bytes is not None]
    why = failed.sentence if failed else next((each.not_made_because for each in outcomes if each.not_made_because), "")
    checks = [check for outcome in outcomes for check in outcome.checks]
    combinations = (combined([each for each in checks if each.name == name]) for name in {each.name for each in checks})
    return TableWork(
        began.tenant,
        began.table,
        _status({outcome.status for outcome in outcomes}),
        min(began.days, default=None),
        max(began.days, default=None),
        round(event.seconds, 3),
        sum(rows) if rows else None,
        sum(sizes) if sizes else None,
        calls,
        received,
        failed.reason if failed else "",
        redacted(why, _LONGEST_SENTENCE),
        tuple(sorted(f"{each.name}: {redacted(each.message)}" for each in combinations if not each.passed)),
    )


def _status(statuses: Collection[Status]) -> str:
    """Of several days: failed where one of them is, else published where one is, else the worst."""
    return next((status for status in _TELLING_FIRST if status in statuses), INTERRUPTED)
