"""What to refresh now, decided from what is stale, what is being refreshed and what was requested before.

Here: pure decisions. Not here: querying the service and the lake (``probe.py``), remembering between ticks
(``cursor.py``), requesting runs (``sensors.py``).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

MAX_ATTEMPTS = 3
"""How often a refresh is requested because of one change. A newer change starts again at one, and the daily refresh
requests it in any case."""


@dataclass(frozen=True)
class RefreshAttempt:
    """A requested refresh: because of which change, and the number of this request (1 for the first)."""

    change: str
    number: int


@dataclass(frozen=True)
class Decision:
    """The decision about everything that is stale (a table, or a day of one).

    ``to_request`` is to be refreshed now; ``in_flight`` is being refreshed already; for ``given_up`` the attempts are
    used up. ``attempts`` is to be remembered for the next decision.
    """

    to_request: Mapping[str, RefreshAttempt] = field(default_factory=dict)
    in_flight: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    attempts: Mapping[str, RefreshAttempt] = field(default_factory=dict)


def decide(stale: Mapping[str, str], in_flight: Collection[str], attempts: Mapping[str, RefreshAttempt]) -> Decision:
    """Requests everything that is stale and not in flight, at most ``MAX_ATTEMPTS`` times for the same change.

    ``stale``: the table or day -> its newest change that was not published. ``attempts``: those made so far; those of
    anything that is no longer stale are forgotten.
    """
    to_request: dict[str, RefreshAttempt] = {}
    remembered: dict[str, RefreshAttempt] = {}
    waiting: list[str] = []
    given_up: list[str] = []
    for name, change in sorted(stale.items()):
        previous = attempts.get(name)
        number = previous.number if previous and previous.change == change else 0
        if name in in_flight:
            waiting.append(name)
            if previous:
                remembered[name] = previous
        elif number >= MAX_ATTEMPTS:
            given_up.append(name)
            remembered[name] = RefreshAttempt(change, number)
        else:
            to_request[name] = remembered[name] = RefreshAttempt(change, number + 1)
    return Decision(to_request, tuple(waiting), tuple(given_up), remembered)


@dataclass(frozen=True)
class ExportVersion:
    """One version of an export. ``generated`` is the service's own text for when it was made; a refresh that began at
    or after ``available_from`` is sure to contain it."""

    generated: str
    available_from: datetime


def export_version(
    generated: str, generated_at: datetime, now: datetime, previous: ExportVersion | None
) -> ExportVersion:
    """The version that the service lists now; ``generated_at`` is ``generated`` as a time.

    A version may be listed later than it was generated. So a new one counts from the moment at which it was first
    listed, and ``generated_at`` only where there is no previous version to tell when that was.
    """
    if previous is None:
        return ExportVersion(generated, generated_at)
    return previous if previous.generated == generated else ExportVersion(generated, now)


def lacks_version(observed_at: datetime | None, version: ExportVersion) -> bool:
    """Whether a table may lack the version. ``observed_at`` is that of its newest partition, None if it has none."""
    return observed_at is None or observed_at < version.available_from
