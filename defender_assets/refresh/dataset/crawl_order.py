"""Which devices a crawl asks next, and how much of the fleet it has covered.

Here: pure decisions. Not here: the calls and the journal of answers (``crawl.py``).

``machine_users`` costs one call per device against 1,500 an hour, so a large fleet takes days to cover. Every answer is
written to a journal as it comes; the table is made from the former partition and the journal when the calls are spent.
A crawl that is killed leaves its journal, and the next one goes on from there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

RECENTLY = timedelta(days=7)
"""A device that reported within a week is recently active (the service calls it Inactive after seven days)."""


@dataclass(frozen=True)
class Coverage:
    """What the table knows: devices there are, devices ever asked, and the age of the oldest answer."""

    devices: int
    covered: int
    oldest: datetime | None

    @property
    def share(self) -> float:
        return self.covered / self.devices if self.devices else 1.0


def devices_to_ask(
    last_seen: Mapping[str, datetime | None], asked_at: Mapping[str, datetime], now: datetime, calls: int
) -> list[str]:
    """The devices to ask in this refresh, in order, at most ``calls``.

    First those never asked (the most recently seen first), then the recently active whose answers are oldest, then the
    rest by the age of their answers. Ties are broken by device id, so that the order is always the same.
    """
    never_seen = datetime.min.replace(tzinfo=now.tzinfo)

    def rank(device: str) -> tuple:
        seen = last_seen[device] or never_seen
        if device not in asked_at:
            return (0, -(seen - never_seen).total_seconds(), device)
        active = now - seen <= RECENTLY
        return (1 if active else 2, (asked_at[device] - never_seen).total_seconds(), device)

    return sorted(last_seen, key=rank)[: max(calls, 0)]


def coverage(devices: Iterable[str], asked_at: Mapping[str, datetime]) -> Coverage:
    """How much of the present fleet was ever asked."""
    present = set(devices)
    answers = [asked for device, asked in asked_at.items() if device in present]
    return Coverage(devices=len(present), covered=len(answers), oldest=min(answers, default=None))
