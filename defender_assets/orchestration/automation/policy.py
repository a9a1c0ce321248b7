"""What to refresh, decided from what is behind, what is under way and what was asked for before.

Here: pure decisions, and the sensors' cursor. Not here: looking (``looks.py``), launching (``sensors.py``).
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

ATTEMPTS = 3
"""How often a refresh is asked for because of one change. A newer change counts from one again; the daily refresh asks
in any case."""


@dataclass(frozen=True)
class Asked:
    """A refresh that was asked for: because of which change, and how often."""

    change: str
    attempts: int


@dataclass(frozen=True)
class Decision:
    """``request``: what to refresh now -> why and the how manieth time. ``under_way`` is being refreshed already,
    ``given_up`` was asked for often enough. ``asked`` is to be remembered."""

    request: Mapping[str, Asked] = field(default_factory=dict)
    under_way: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    asked: Mapping[str, Asked] = field(default_factory=dict)


def decide(behind: Mapping[str, str], under_way: Collection[str], asked: Mapping[str, Asked]) -> Decision:
    """Everything that is behind and not under way is asked for, a bounded number of times for the same change.

    ``behind``: what -> its newest change that was not published; what is not in it is up to date, and forgotten.
    """
    request: dict[str, Asked] = {}
    remembered: dict[str, Asked] = {}
    waiting: list[str] = []
    given_up: list[str] = []
    for what, change in sorted(behind.items()):
        former = asked.get(what)
        attempts = former.attempts if former and former.change == change else 0
        if what in under_way:
            waiting.append(what)
            if former:
                remembered[what] = former
        elif attempts >= ATTEMPTS:
            given_up.append(what)
            remembered[what] = Asked(change, attempts)
        else:
            request[what] = remembered[what] = Asked(change, attempts + 1)
    return Decision(request, tuple(waiting), tuple(given_up), remembered)


@dataclass(frozen=True)
class Sighting:
    """A generated time of an export, and from when on a refresh is sure to contain it."""

    generated: str
    since: datetime


def sighted(generated: str, moment: datetime, now: datetime, former: Sighting | None) -> Sighting:
    """What a look at an export tells. ``moment`` is ``generated`` as a time.

    A refresh that began after the new time was first *seen* has it. The time itself does not say when the export could
    first be read, so it counts only where there was no look before.
    """
    if former is None:
        return Sighting(generated, moment)
    return former if former.generated == generated else Sighting(generated, now)


def export_behind(sighting: Sighting, observed: datetime | None) -> bool:
    """Whether the published table, observed then (None: there is none), lacks the export that was seen."""
    return observed is None or observed < sighting.since


@dataclass(frozen=True)
class Memory:
    """A sensor's cursor: by tenant, what was asked for and which exports were seen. A lost cursor costs a refresh or
    two, nothing else."""

    asked: Mapping[str, Mapping[str, Asked]] = field(default_factory=dict)
    seen: Mapping[str, Mapping[str, Sighting]] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> "Memory":
        try:
            held = json.loads(cursor or "{}")
            asked = {
                tenant: {what: Asked(change, attempts) for what, (change, attempts) in things.items()}
                for tenant, things in held.get("asked", {}).items()
            }
            seen = {
                tenant: {what: Sighting(text, datetime.fromisoformat(since)) for what, (text, since) in things.items()}
                for tenant, things in held.get("seen", {}).items()
            }
        except (ValueError, TypeError, AttributeError):
            return cls()  # written by another version, or by hand in the UI
        return cls(asked, seen)

    def written(self) -> str:
        return json.dumps(
            {
                "asked": {
                    tenant: {what: (asked.change, asked.attempts) for what, asked in things.items()}
                    for tenant, things in self.asked.items()
                    if things
                },
                "seen": {
                    tenant: {what: (seen.generated, seen.since.isoformat()) for what, seen in things.items()}
                    for tenant, things in self.seen.items()
                    if things
                },
            }
        )
